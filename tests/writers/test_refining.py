"""The settings of a refinement, and when a critique says that nothing is wrong."""

import pytest

from raysearch.errors import UsageError
from raysearch.writers.refining import critique, nothing, read, rewording


@pytest.mark.parametrize(("given", "words"), [
    ({"rounds": 2}, "prompts.refine.with is missing"),
    ({"with": "http://h/v1"}, "prompts.refine.model is missing"),
    ({"with": "owner/name", "model": "m"}, "model='m': names the model of an endpoint"),
    ({"with": "./no"}, r"with='./no': no such folder"),
    ({"with": "owner/name", "rounds": 0}, "prompts.refine.rounds=0"),
    ({"with": "owner/name", "runds": 1}, "did you mean 'rounds'"),
])  # fmt: skip
def test_what_cannot_be_meant_is_refused(given, words):
    with pytest.raises(UsageError, match=words):
        read(given)


def test_what_is_asked_and_what_decides_an_answer():
    how = read({"with": "http://h/v1", "model": "m", "rounds": 3})
    assert how.remote and how.rounds == 3 and how.about["model"] == "m" and read({}) is None
    asked = critique("a {place} ball", "at 0.00 seconds", "Look left.")
    assert "at 0.00 seconds. Look left." in asked and asked.endswith("Description: a {place} ball")
    assert rewording("a ball", "it floats").endswith("Wording: a ball")


def test_nothing_is_wrong_only_where_the_answer_begins_so():
    assert all(map(nothing, ("NOTHING", " Nothing.", '"nothing"', "**NOTHING** is wrong")))
    assert not any(map(nothing, ("The ball does nothing wrong but floats.", "", "No")))
