"""What a job may say of a writer, checked before anything is asked or loaded."""

import pytest

from raysearch.errors import UsageError
from raysearch.writers import read

URL = {"with": "http://localhost:9/v1", "model": "m"}


@pytest.mark.parametrize(
    ("given", "wants"),
    [
        ({"n": 3}, "prompts.rewrite.with is missing"),
        ({"with": 3}, "prompts.rewrite.with is missing"),
        ({"with": "http://localhost:9/v1"}, "prompts.rewrite.model is missing"),
        ({"with": "http://u:p@host/v1", "model": "m"}, "keys come from the environment"),
        ({**URL, "tempature": 1}, "did you mean 'temperature'"),
        ({**URL, "n": 0}, "prompts.rewrite.n=0"),
        ({**URL, "template": "physic_iq"}, "did you mean 'physics_iq'"),
        ({**URL, "temperature": 0}, "the 8 variants would all be the same"),
        ({"with": "./nowhere"}, "no such folder"),
        ({"with": "nowhere"}, "no folder of that name"),
        ({"with": "a/b", "model": "m"}, "names the model of an endpoint"),
        ({**URL, "source": "x"}, "option of rewrite 'source' is unknown"),
    ],
)
def test_what_cannot_be_meant_is_refused(given, wants):
    with pytest.raises(UsageError) as refused:
        read(given)
    assert wants in str(refused.value) and len(str(refused.value).splitlines()) == 1


def test_what_is_asked_follows_from_the_settings():
    assert read({}) is None
    how = read({**URL, "template": "Say {text} again.", "n": 2})
    assert how.remote and how.messages("a {ball}") == [{"role": "user", "content": "Say a {ball} again."}]
    assert "static" in read(URL).messages("a ball")[0]["content"]
    assert how.about == {"with": URL["with"], "model": "m", "temperature": 0.8, "max_tokens": 1024}
