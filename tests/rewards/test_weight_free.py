"""Rewards without weights: values known by hand, gradients, bad input; and the fusion of rewards."""

import math

import numpy as np
import pytest
import torch

from raysearch import prompts, rewards
from raysearch.errors import UsageError
from raysearch.evals import quality
from raysearch.prompts import Prompt
from raysearch.rewards import registry
from raysearch.rewards.motion import Motion

PLAIN = Prompt("p", "a ball")
SCENE = Prompt("s", "a ball", scene="one_ball", scene_seed=3)
STILL = np.full((6, 8, 8, 3), 100, np.uint8)
RAMP = STILL + np.arange(0, 60, 10, dtype=np.uint8)[:, None, None, None]
BLINK = np.where(np.arange(6)[:, None, None, None] % 2, STILL + 51, STILL).astype(np.uint8)


def value(view: np.ndarray, prompt: Prompt = PLAIN, **spec) -> float:
    return rewards.load(spec).score(view, prompt).value


def test_values_known_by_hand():
    assert [value(v, name="motion") for v in (STILL, RAMP, BLINK)] == [0, 10, 51]
    assert [value(v, name="flicker") for v in (STILL, RAMP, BLINK)] == pytest.approx([1, 1 - 10 / 255, 0.8])
    assert [value(v, name="smoothness") for v in (STILL, RAMP, BLINK)] == pytest.approx([1, 1, 0.8])
    kink = np.concatenate([RAMP[:4], RAMP[2::-1]])  # up and down again: one second difference of 20, in the middle
    assert value(kink, name="smoothness") == pytest.approx(1 - 10 / 255 / 5)
    found = quality.measure(BLINK)
    assert found["temporal_flickering"] == pytest.approx(value(BLINK, name="flicker"))
    assert found["linear_smoothness"] == pytest.approx(value(BLINK, name="smoothness", step=2))


@pytest.mark.parametrize(
    "spec",
    [
        {"name": "motion"},
        {"name": "flicker"},
        {"name": "smoothness"},
        {"name": "smoothness", "step": 2},
        {"name": "fuse", "parts": [{"name": "motion", "weight": -2}, {"name": "flicker"}]},
    ],
)
def test_the_differentiable_form_is_the_score(spec):
    reward = rewards.load(spec)
    views = np.random.default_rng(0).integers(0, 255, (2, 7, 6, 5, 3), dtype=np.uint8)
    x = (torch.from_numpy(views).permute(0, 1, 4, 2, 3).double() / 255).requires_grad_(True)
    found = reward.reward(x)
    assert reward.differentiable
    assert found.tolist() == pytest.approx([reward.score(v, PLAIN).value for v in views], rel=1e-5)
    (gradient,) = torch.autograd.grad(found.sum(), x)
    direction = torch.randn(x.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    h = 1e-9  # below the distance to the nearest kink of an absolute value
    numeric = (reward.reward(x + h * direction) - reward.reward(x - h * direction)).sum() / (2 * h)
    assert (gradient * direction).sum().item() == pytest.approx(numeric.item(), rel=1e-3)


def test_motion_as_a_multiple_of_the_clips():
    reward = Motion(relative=True)
    true = prompts.frames(SCENE)
    going_on = np.concatenate([true, true[::-1]])  # there and back: as much as was given, all the way
    frozen = np.concatenate([true, np.repeat(true[-1:], 12, 0)])
    assert 0.7 < reward.score(going_on, SCENE).value < 1.01
    assert reward.score(frozen, SCENE).value == 0 and reward.score(frozen, SCENE).details["given"] > 0.1
    assert Motion().score(frozen, SCENE).value > 0  # the given frames move: absolute motion is fooled
    large = frozen.repeat(2, 1).repeat(2, 2)
    assert reward.score(large, SCENE).details["given"] == pytest.approx(
        reward.score(frozen, SCENE).details["given"], rel=0.2
    )
    with pytest.raises(UsageError, match="prompt 'p' has no clip to compare with"):
        reward.score(frozen, PLAIN)


@pytest.mark.parametrize("name", ["motion", "flicker", "smoothness", "videomae", "vjepa2_features"])
@pytest.mark.parametrize(
    "view, told",
    [
        (np.full((20, 8, 8, 3), np.nan, np.float32), "dtype float32 with NaN or inf"),
        (np.zeros((20, 8, 8, 3), np.float64), "dtype float64"),
        (np.zeros((20, 8, 8), np.uint8), r"shape \(20, 8, 8\)"),
        (np.zeros((20, 8, 8, 4), np.uint8), r"shape \(20, 8, 8, 4\)"),
        (np.zeros((0, 8, 8, 3), np.uint8), r"shape \(0, 8, 8, 3\)"),
        (None, "shape NoneType"),
    ],
)  # fmt: skip
def test_bad_views(name, view, told):
    with pytest.raises(UsageError, match=told) as error:
        rewards.load({"name": name}).score(view, PLAIN)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name, frames, least", [("flicker", 1, 2), ("smoothness", 2, 3), ("videomae", 15, 16),
                                                 ("vjepa2_features", 1, 2)])  # fmt: skip
def test_too_few_frames(name, frames, least):
    told = f"{frames} frames?, fewer than the {least} "
    with pytest.raises(UsageError, match=told):
        rewards.load({"name": name}).score(np.zeros((frames, 8, 8, 3), np.uint8), PLAIN)


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
        if name not in ("vlm", "fuse"):
            reward, declared = rewards.load({"name": name}), registry.find(name).declared
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


def test_other_specs_that_make_no_sense():
    with pytest.raises(UsageError, match=r"watch\[1\]\.parts\[0\]\.model='/nowhere': no such folder"):
        rewards.check({"name": "fuse", "parts": [{"name": "videomae", "model": "/nowhere"}]}, "watch[1]")
    with pytest.raises(UsageError, match="name it under watch"):
        rewards.check({"name": "vjepa2_features"})
    rewards.check({"name": "vjepa2_features"}, "watch[0]")
    with pytest.raises(UsageError, match=r"step=3: give a whole number in \[1, 2\]"):
        rewards.load({"name": "smoothness", "step": 3})
    with pytest.raises(UsageError, match="flicker has no options"):
        rewards.check({"name": "flicker", "step": 2})
