"""Rewards describe themselves: abilities, options and meanings, all without a model library."""

import pytest

from raysearch import rewards
from raysearch.errors import UsageError
from raysearch.rewards import registry
from raysearch.rewards.base import Declaration, declared_by
from tests.fresh import heavy

NAMES = [
    "breaks",
    "flicker",
    "fuse",
    "geometry",
    "likephys",
    "motion",
    "smoothness",
    "tinyworld_truth",
    "videomae",
    "vjepa2",
    "vjepa2_features",
    "vlm",
]


def test_the_rewards_are_the_files_that_hold_one():
    assert rewards.names() == NAMES
    assert rewards.able("maps") == ["breaks", "vjepa2"] and rewards.able("watched_only") == ["vjepa2_features"]
    assert rewards.able("on_generators") == ["likephys"]
    assert rewards.able("differentiable") == [
        "breaks",
        "flicker",
        "fuse",
        "geometry",
        "motion",
        "smoothness",
        "videomae",
        "vjepa2",
    ]
    assert {name: registry.shipped(name) for name in NAMES if registry.shipped(name)} == {
        "vjepa2": "worldmodel", "vjepa2_features": "worldmodel", "videomae": "videomae",
    }  # fmt: skip
    with pytest.raises(UsageError, match="did you mean 'motion'"):
        registry.find("moton")


@pytest.mark.parametrize("words", [["rewards"], ["rewards", "vjepa2"], ["rewards", "vlm"]])
def test_listing_loads_no_model_library(words):
    loaded, printed = heavy(*words)
    assert not loaded and "differentiable" in printed


@pytest.mark.parametrize("name", NAMES)
def test_every_option_has_a_meaning_and_values(name):
    part = registry.find(name).part
    assert part.summary.endswith((".", "consensus}."))
    for option in part.options.values():
        assert len(option.meaning.split()) >= 3, option.name
        assert option.values and len(option.meaning) < 240 and "Paper:" not in option.meaning, option.name


def test_defaults_that_follow_from_the_model_are_those_of_the_default_model():
    options = registry.find("vjepa2").part.options
    assert options["context"].default == [4, 6, 8] and options["stride"].default == 1
    assert options["preset"].default is None and list(options)[:2] == ["model", "revision"]


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("breaks", "vlm", "fuse")])
def test_what_is_loaded_is_what_was_declared(name):
    reward, declared = rewards.load({"name": name}, key="watch"), registry.find(name).declared
    assert (reward.differentiable, reward.maps) == (declared.differentiable, declared.maps)
    assert reward.whole_frames is False


def test_a_declaration_marks_what_it_decorates_and_reads_class_attributes():
    @Declaration(watched_only=True)
    class One:
        differentiable = True

    class Other(One):
        pass

    assert declared_by(One) == Declaration(differentiable=True, watched_only=True)
    assert declared_by(Other) is None and declared_by(3) is None
