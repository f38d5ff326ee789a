"""Trajectory geometry: signals by hand, a real tiny encoder restated, broken motion, what is refused."""

import math

import numpy as np
import pytest
import torch
from transformers import Dinov2Config, Dinov2Model, DINOv3ViTConfig, DINOv3ViTModel

from raysearch import rewards
from raysearch.errors import UsageError
from raysearch.rewards.geometry.signals import SIGNALS
from tests.rewards.case import BLINK, PLAIN, RAMP, STILL


def levels(*grey: int) -> np.ndarray:
    """Uniform frames: a path on a line."""
    return np.repeat(np.array(grey, np.uint8), 8 * 8 * 3).reshape(len(grey), 8, 8, 3)


def ball(*places: float) -> np.ndarray:
    y, x = np.mgrid[:32, :32]
    grey = np.stack([np.where((x - p) ** 2 + (y - 16) ** 2 < 20, 220, 40) for p in places])
    return np.repeat(grey[..., None], 3, -1).astype(np.uint8)


def geometry(**options):
    return rewards.load({"name": "geometry", **options})


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict:
    torch.manual_seed(0)
    small = {"hidden_size": 16, "num_hidden_layers": 4, "num_attention_heads": 2, "intermediate_size": 32}
    kinds = {
        "dinov2": Dinov2Model(Dinov2Config(**small, image_size=28, patch_size=14)),
        "dinov3": DINOv3ViTModel(DINOv3ViTConfig(**small, image_size=32, patch_size=16, num_register_tokens=4)),
    }
    for name, model in kinds.items():
        model.save_pretrained(folder := tmp_path_factory.mktemp(name))
        kinds[name] = str(folder)
    return kinds


def test_signals_by_hand():
    found = geometry().score(levels(0, 10, 30, 40), PLAIN)  # v: 10, 20, 10; a: 10, -10
    assert found.value == pytest.approx(-math.sqrt(200 / 9) / (40 / 3), rel=1e-4)
    assert found.details["accel_rel"] == pytest.approx(100 / 200, rel=1e-4)
    assert found.details["jump"] == pytest.approx(2, rel=1e-4)
    assert found.details["curvature"] == pytest.approx(0, abs=0.01)
    assert found.details["spread"] == pytest.approx(40 / np.std([0, 10, 30, 40]), rel=1e-4)
    assert set(found.details) == set(SIGNALS)
    back_and_forth = geometry().score(levels(0, 10, 0, 10, 0), PLAIN).details
    assert back_and_forth["curvature"] == pytest.approx(math.pi, abs=0.01) and back_and_forth["speed_cv"] < 1e-3


def test_ratios_do_not_grow_with_contrast_and_all_are_the_same_backwards():
    clip = ball(4, 7, 11, 14, 20, 22)
    found, dim, back = (geometry().score(c, PLAIN).details for c in (clip, clip // 2, clip[::-1].copy()))
    for name in SIGNALS:
        assert back[name] == pytest.approx(found[name], rel=1e-3)
        assert (dim[name] == pytest.approx(found[name], rel=0.02)) == (name not in ("speed", "accel")), name


def test_a_jump_is_seen_and_what_stands_still_has_no_value():
    steady, broken = ball(4, 6, 8, 10, 12, 14), ball(4, 6, 8, 22, 24, 26)
    for signal in ("speed_cv", "accel_rel", "jump"):
        judge = geometry(signals=signal)
        assert judge.score(steady, PLAIN).value > judge.score(broken, PLAIN).value + 0.3
    assert math.isnan(geometry().score(STILL, PLAIN).value)
    assert geometry(signals=["jump", "angle"]).score(RAMP, PLAIN).value == pytest.approx(-1, abs=0.01)
    weighted = geometry(signals={"jump": 2, "curvature": 0.5}).score(BLINK, PLAIN)
    assert weighted.value == pytest.approx(-2 * weighted.details["jump"] - 0.5 * weighted.details["curvature"])


@pytest.mark.parametrize(("kind", "patch", "skip"), [("dinov2", 14, 1), ("dinov3", 16, 5)])
def test_tokens_of_an_encoder_are_normed_and_pooled_without_class_and_registers(folders, kind, patch, skip):
    judge = geometry(model=folders[kind], size=4 * patch, grid=2, layers=[2, 3])
    clip = np.random.default_rng(0).integers(0, 255, (5, 4 * patch, 4 * patch, 3), dtype=np.uint8)
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    picture = torch.from_numpy((clip / 255 - mean) / std).permute(0, 3, 1, 2).float()
    states = judge.model(picture, output_hidden_states=True).hidden_states
    rows = []
    for layer in (2, 3):
        tokens = states[layer][:, skip:].detach().numpy()
        tokens = tokens - tokens.mean(-1, keepdims=True)
        tokens = tokens / np.sqrt(tokens.var(-1, keepdims=True) + 1e-5)
        rows.append(tokens.reshape(5, 2, 2, 2, 2, 16).mean((2, 4)).transpose(0, 3, 1, 2).reshape(5, -1))
    z = np.concatenate(rows, 1)
    speed = np.linalg.norm(np.diff(z, axis=0), axis=1)
    assert judge.size == 4 * patch
    assert judge.score(clip, PLAIN).value == pytest.approx(-speed.std() / speed.mean(), rel=1e-3)
    assert geometry(model=folders[kind]).layers == [2, 3]


def test_the_gradient_makes_motion_more_even():
    video = torch.from_numpy(ball(4, 6, 8, 16, 18, 20)).permute(0, 3, 1, 2)[None].float() / 255
    video.requires_grad_(True)
    judge = geometry()
    before = judge.reward(video)
    (slope,) = torch.autograd.grad(before.sum(), video)
    assert judge.reward(video.detach() + 0.05 * slope / slope.abs().max()).item() > before.item()


def test_frames_are_chosen_at_one_rate():
    double = np.repeat(ball(4, 6, 8, 13, 15, 17), 2, 0)
    judge = geometry(frames={"fps": 8})
    assert judge.score(double, PLAIN, 16).value == pytest.approx(geometry().score(double[::2], PLAIN).value, rel=1e-4)
    with pytest.raises(UsageError, match="needs the frame rate"):
        judge.score(double, PLAIN)


def test_an_encoder_of_another_kind_and_layers_that_it_lacks(folders, tmp_path):
    with pytest.raises(UsageError, match=r"layers=\[9\]: the encoder has 4 layers"):
        geometry(model=folders["dinov2"], layers=[9])
    (tmp_path / "config.json").write_text('{"model_type": "vit"}')
    with pytest.raises(UsageError, match="is a vit; only dinov2"):
        geometry(model=str(tmp_path))
    with pytest.raises(UsageError, match="fewer than the 4"):
        geometry().score(RAMP[:3], PLAIN)
    with pytest.raises(UsageError, match="fewer than the 4"):
        rewards.fits({"name": "geometry", "frames": {"at_most": 3}}, 20, None)
