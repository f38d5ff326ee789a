"""What a spec means: two that differ only in what they spell out are equal, all others are not."""

import pytest

from raysearch import rewards
from raysearch.errors import UsageError
from raysearch.rewards.catalogue import names, of, resolved
from raysearch.runs.fingerprints import rewards_fingerprint

SAME = [
    ({"name": "vjepa2"}, {"name": "vjepa2", "model": "tiny", "label": "vjepa2", "context": [4, 6, 8]}),
    ({"name": "vjepa2", "batch": 4}, {"name": "vjepa2", "batch": 4, "preset": "tiny", "worst": 0.1}),
    ({"name": "vjepa2", "model": "vitl"}, {"name": "vjepa2", "model": "facebook/vjepa2-vitl-fpc64-256", "context": 8}),
    ({"name": "motion"}, {"name": "motion", "relative": False}),
    ({"name": "videomae", "stride": 4}, {"name": "videomae", "stride": 4, "reduce": "mean", "context": None}),
    ({"name": "vlm"}, {"name": "vlm", "model": "Qwen/Qwen2.5-VL-7B-Instruct", "frames": 16, "questions": "physics"}),
    ({"name": "fuse", "parts": [{"name": "vjepa2"}, {"name": "motion", "weight": 0}]},
     {"name": "fuse", "how": "sum", "otherwise": None,
      "parts": [{"name": "vjepa2", "weight": 1, "stride": 1}, {"name": "motion", "weight": 0.0, "relative": False}]}),
]  # fmt: skip
OTHER = [
    {"name": "vjepa2", "label": "judge"}, {"name": "vjepa2", "stride": 2}, {"name": "vjepa2", "batch": 2},
    {"name": "motion", "relative": True}, {"name": "videomae", "stride": 8}, {"name": "vlm", "frames": 8},
    {"name": "fuse", "parts": [{"name": "motion"}, {"name": "vjepa2", "weight": 0}]},
    {"name": "fuse", "parts": [{"name": "vjepa2"}, {"name": "motion", "weight": 0, "relative": True}]},
]  # fmt: skip


@pytest.mark.parametrize(("plain", "spelt"), SAME, ids=lambda s: s["name"])
def test_what_is_spelt_out_changes_nothing(plain, spelt):
    for spec in (plain, spelt):
        rewards.check(spec)
    assert resolved(plain) == resolved(spelt) == resolved(resolved(plain)) and plain != spelt
    assert rewards_fingerprint([resolved(plain)]) == rewards_fingerprint([resolved(spelt)])


def test_what_means_another_thing_is_another():
    every = [resolved(spec) for spec in (*(plain for plain, _ in SAME), *OTHER)]
    assert len({rewards_fingerprint([spec]) for spec in every}) == len(every)


def test_one_or_all_can_be_asked_for():
    assert names()[:2] == ["vjepa2", "motion"] and of("motion").options == {"relative": False}
    with pytest.raises(UsageError, match="did you mean 'motion'"):
        of("moton")
    with pytest.raises(UsageError, match="did you mean 'motion'"):
        resolved({"name": "moton"})
