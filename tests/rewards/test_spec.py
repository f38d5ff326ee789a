"""Specs: what they mean, and that neither the manifest nor the fingerprint of a run folder on disk ever changes."""

import pytest

from raysearch import rewards
from raysearch.errors import UsageError
from raysearch.moves import digest
from raysearch.rewards import resolved
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


ON_DISK = [  # spec, digest of (settings, resolved), fingerprint: as in manifests that were written before
    ({"name": "vjepa2"},
     "167613bb3157967b316d9b03d096de88", "37a29294069614d64a93375b075e7621"),
    (
        {"name": "vjepa2", "model": "vitl", "dtype": "bfloat16",
      "frames": {"at_most": 49}, "label": "judge"},
        "a1f7aaf259c05acfc15122cc4a9ed9d6",
        "6b991f14c826fc2d8b3bd498f79593fe",
    ),
    (
        {"name": "vjepa2", "preset": "wmreward", "model": "tiny"},
        "2a3a77be7bf1bf68357c06a9b5269748",
        "c623d02d31d43c8e6f456fdf834f9d0e",
    ),
    ({"name": "motion", "relative": True},
     "a60ad123ca0c860b1ca631e24221541c", "a3fd17f187713c8d77670acb8916ed43"),
    (
        {"name": "videomae", "stride": 4, "reduce": "max"},
        "7b13b0a1a003a483ed5d99276ba33172",
        "41cc8a30d4300d6116b799d09ab9f338",
    ),
    (
        {"name": "vlm", "questions": {"physics": 1, "text": 0.5}, "fps": 24},
        "ddb7a93d7bc0e133433e3c293b4bdb33",
        "bbe7341770e5b502bcea1a5cc48c3d67",
    ),
    (
        {
            "name": "fuse",
            "how": "zscore",
            "parts": [
                {"name": "vjepa2", "mean": 0.1, "sd": 2, "weight": 2},
                {
                    "name": "fuse",
                    "label": "b",
                    "mean": 0,
                    "sd": 1,
                    "parts": [{"name": "motion", "weight": 0}, {"name": "videomae"}],
                },
            ],
            "at_least": {"vjepa2": 0.5},
        },
        "5d08e53eb0ebe79133db86b268515d00",
        "283b9ac935ca9111e8b1d9cf2e315c03",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "meaning", "fingerprint"), ON_DISK, ids=[spec["name"] for spec, *_ in ON_DISK])
def test_run_folders_on_disk_stay_valid(spec, meaning, fingerprint):
    assert digest([rewards.settings(spec), resolved(spec)]) == meaning
    assert rewards_fingerprint([spec]) == fingerprint


def test_unknown_names_and_missing_ones():
    for spec, message in (
        ({"name": "moton"}, "watch[1].name: reward 'moton' is unknown; did you mean 'motion'?"),
        ({"model": "tiny"}, "watch[1].name is missing; name a reward"),
        ({"name": "motion", "label": "a.b"}, "watch[1].label='a.b': labels hold no dots"),
        ({"name": "motion", "relative": 1}, "watch[1].relative=1: give true or false"),
    ):
        with pytest.raises(UsageError) as error:
            rewards.check(spec, "watch[1]")
        assert str(error.value).startswith(message)


def test_an_option_left_over_from_another_reward_says_how_to_drop_it():
    with pytest.raises(UsageError, match="reward=NAME leaves out the options of another reward"):
        rewards.check({"name": "motion", "stride": 2})


def test_what_a_prompt_must_tell():
    parts = [{"name": "motion", "relative": True, "label": "amount"}, {"name": "vlm", "questions": "Is {text} there?"}]
    assert rewards.needs({"name": "fuse", "parts": parts}) == {"clip": "amount", "text": "vlm"}
    assert rewards.needs({"name": "motion"}) == {} == rewards.needs({"name": "vlm"})
    assert rewards.needs({"name": "tinyworld_truth"}) == {"scene": "tinyworld_truth"}
