"""Ids of prompts name files: length, characters and clashes are checked before any work."""

import pytest

from raysearch.config.settings import Job, PromptsConfig
from raysearch.errors import UsageError
from raysearch.prompts import LONGEST_ID
from raysearch.runs.prompts import prompts


def of(*ids):
    return prompts(Job(prompts=PromptsConfig(items=[{"id": name, "text": "a ball"} for name in ids])))


@pytest.mark.parametrize(
    ("ids", "wants"),
    [
        (("a" * (LONGEST_ID + 1),), f"at most {LONGEST_ID} bytes, not {LONGEST_ID + 1}"),
        (("é" * LONGEST_ID,), f"at most {LONGEST_ID} bytes, not {2 * LONGEST_ID}"),
        (("a\nb",), "without control characters"),
        (("a\x1b[2J",), "without control characters"),
        (("a\u202eb",), "without control characters"),
        (("a", "a-unguided"), "is what the unguided search of 'a' is called"),
        (("b-unguided", "b"), "is what the unguided search of 'b' is called"),
        (("caf\u00e9", "cafe\u0301"), "the same letters in two encodings"),
        (("a", "a"), "is given twice"),
        (("a/b",), "without / and"),
        ((".a",), "begins with no dot"),
    ],
)
def test_ids_that_cannot_be(ids, wants):
    with pytest.raises(UsageError) as refused:
        of(*ids)
    assert wants in str(refused.value) and len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("settings", "wants"),
    [
        (PromptsConfig(items=[{"text": "x", "scene": "nowhere"}]), "prompt '0000': scene 'nowhere' is unknown"),
        (PromptsConfig(heldout=1, scenes=[]), "prompts.scenes=[]: give kinds of scenes"),
        (PromptsConfig(heldout=1, scenes=["nowhere"]), "scene 'nowhere' is unknown"),
    ],
)
def test_scenes_that_there_are_not(settings, wants):
    with pytest.raises(UsageError) as refused:
        prompts(Job(prompts=settings))
    assert wants in str(refused.value)


def test_ids_that_can_be():
    ids = ["a", "A", "b-unguided", "a b", "é" * (LONGEST_ID // 2), "東京"]
    assert [p.id for p in of(*ids)] == ids
