"""Several rewards as one."""

import math
from statistics import NormalDist

import pytest
import torch

from raysearch import rewards
from raysearch.errors import UsageError
from raysearch.rewards import registry
from tests.rewards.case import BLINK, PLAIN, RAMP, STILL


def fuse(**options):
    return rewards.load({"name": "fuse", **options})


def test_fused_values():
    parts = [{"name": "motion", "weight": 0.5}, {"name": "flicker", "weight": 2}]
    found = fuse(parts=parts).score(RAMP, PLAIN)
    assert found.value == pytest.approx(0.5 * 10 + 2 * (1 - 10 / 255))
    assert found.details == {"motion": 10.0, "flicker": pytest.approx(1 - 10 / 255)}
    scores = [{"name": "motion", "mean": 4, "sd": 3, "weight": 2}, {"name": "flicker", "mean": 1, "sd": 0.1}]
    assert fuse(how="zscore", parts=scores).score(RAMP, PLAIN).value == pytest.approx(2 * 6 / 3 - 10 / 25.5)
    # product: exp of the value is the product of exp(r / scale)^w
    experts = [{"name": "motion", "scale": 5, "weight": 3}, {"name": "flicker", "scale": 0.5}]
    want = math.exp(10 / 5) ** 3 * math.exp((1 - 10 / 255) / 0.5)
    assert math.exp(fuse(how="product", parts=experts).score(RAMP, PLAIN).value) == pytest.approx(want)


def test_normal_scores_by_quantiles_that_are_given():
    z = NormalDist().inv_cdf
    motion = {"name": "motion", "weight": 2, "quantiles": [5, 10, 30]}
    judge = fuse(how="normal", parts=[motion, {"name": "flicker", "weight": 0}])
    assert judge.score(RAMP, PLAIN).value == pytest.approx(0)  # its motion, 10, is the middle one
    term = judge.parts[0].term
    low, high = z(1 / 6), z(5 / 6)
    assert [term(r) for r in (5, 7.5, 30, 20, 50, 0)] == pytest.approx(
        [2 * low, low, 2 * high, high, 4 * high, 4 * low], abs=1e-9
    )
    assert term(torch.tensor([5.0, 30.0])).tolist() == pytest.approx([2 * low, 2 * high], abs=1e-6)
    assert judge.differentiable


def test_a_fuse_in_a_fuse_and_labels():
    inner = {"name": "fuse", "label": "steady", "weight": 2, "parts": [{"name": "smoothness"}]}
    twice = [inner, {"name": "smoothness", "step": 2, "label": "every_other", "weight": 0}]
    found = fuse(parts=twice).score(BLINK, PLAIN)
    assert found.value == pytest.approx(1.6)
    assert list(found.details) == ["steady", "steady.smoothness", "every_other"]
    assert fuse(parts=twice).size is None and fuse(parts=[{"name": "vjepa2"}, *twice]).size == 32


def test_what_can_guide_is_known_before_anything_is_loaded():
    parts = [{"name": "motion"}, {"name": "tinyworld_truth"}]
    assert not rewards.differentiable({"name": "fuse", "parts": parts}) and not fuse(parts=parts).differentiable
    parts[1]["weight"] = 0
    assert rewards.differentiable({"name": "fuse", "parts": parts}) and fuse(parts=parts).differentiable
    for name in rewards.names():
        if name not in ("vlm", "fuse", "breaks"):
            reward, declared = rewards.load({"name": name}, key="watch"), registry.find(name).declared
            assert (reward.differentiable, reward.maps) == (declared.differentiable, declared.maps), name


def test_a_frozen_video_cannot_win():
    parts = [{"name": "smoothness"}, {"name": "motion", "weight": 0}]
    assert (
        fuse(parts=parts).score(STILL, PLAIN).value > fuse(parts=parts).score(BLINK, PLAIN).value
    )  # but for the gate:
    guarded = fuse(parts=parts, at_least={"motion": 5})
    assert math.isnan(guarded.score(STILL, PLAIN).value) and guarded.score(STILL, PLAIN).details["passed"] == 0
    assert guarded.score(BLINK, PLAIN).value == pytest.approx(0.8)
    assert fuse(parts=parts, at_least={"motion": 5}, otherwise=-1).score(STILL, PLAIN).value == -1


def test_a_part_without_value_leaves_none():
    parts = [{"name": "motion"}, {"name": "tinyworld_truth"}]
    assert math.isnan(fuse(parts=parts).score(RAMP, PLAIN).value)
    parts[1]["weight"] = 0
    assert fuse(parts=parts).score(RAMP, PLAIN).value == 10


@pytest.mark.parametrize(
    "options, told",
    [
        ({}, r"reward\.parts is missing"), ({"parts": []}, r"reward\.parts=\[\]"),
        ({"parts": ["motion"]}, "give a list of rewards such as"),
        ({"parts": [{"name": "motin"}]}, r"reward\.parts\[0\]\.name: reward 'motin' is unknown; did you mean 'motion'"),
        ({"parts": [{"name": "smoothness", "stp": 1}]}, r"reward\.parts\[0\].*'stp' is unknown; did you mean 'step'"),
        ({"parts": [{"name": "motion"}], "how": "summ"}, r"reward\.how.*did you mean 'sum'"),
        ({"parts": [{"name": "motion"}], "how": "rank"}, r"choose\.how=rank"),
        ({"parts": [{"name": "motion"}, {"name": "motion"}]}, "two are called 'motion'; give one another `label`"),
        ({"parts": [{"name": "motion", "weight": "big"}]}, r"parts\[0\]\.weight='big'"),
        ({"parts": [{"name": "motion", "weight": 0}]}, "every weight is 0"),
        ({"parts": [{"name": "motion", "scale": 2}]}, r"parts\[0\]\.scale: how=sum does not use it"),
        ({"parts": [{"name": "motion"}], "how": "zscore"}, "needs the mean and sd of motion"),
        ({"parts": [{"name": "motion"}], "how": "normal"}, "needs two or more of motion that rise"),
        ({"parts": [{"name": "motion", "quantiles": [1, 3, 3]}], "how": "normal"}, r"quantiles=\[1.0, 3.0, 3.0\]"),
        ({"parts": [{"name": "motion", "quantiles": [1, 3]}]}, "how=sum does not use it"),
        ({"parts": [{"name": "motion", "mean": 0, "sd": 0}], "how": "zscore"}, r"sd=0: must be above 0"),
        ({"parts": [{"name": "motion"}], "at_least": {"moton": 1}}, r"at_least: part 'moton'.*'motion'"),
        ({"parts": [{"name": "motion"}], "at_least": {"motion": "some"}},
         r"at_least=\{'motion': 'some'\}: give a mapping to numbers"),
        ({"parts": [{"name": "fuse", "parts": [{"name": "flick"}]}]}, r"reward\.parts\[0\]\.parts\[0\].*'flicker'"),
        ({"parts": [{"name": "motion", "label": "a.b"}]}, "labels hold no dots"),
    ],
)  # fmt: skip
def test_fusions_that_make_no_sense_are_refused_before_anything_is_loaded(options, told):
    with pytest.raises(UsageError, match=told):
        rewards.check({"name": "fuse", **options})
