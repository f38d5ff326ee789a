"""Rewards without weights: values known by hand, gradients, bad input."""

import numpy as np
import pytest
import torch

from raysearch import rewards
from raysearch.errors import UsageError
from raysearch.evals import quality
from tests.rewards.case import BLINK, PLAIN, RAMP, STILL, value


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
