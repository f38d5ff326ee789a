"""The four measures by hand, on clips of a few pixels."""

from __future__ import annotations

import numpy as np
import pytest

from raysearch.evals.physics_iq import layout, metrics, scorer
from raysearch.evals.physics_iq.metrics import Reduced, compare, reduce
from tests.evals.physics_iq import case


def reduced(masks: list[list[int]], level: int = 0) -> Reduced:
    """A clip of one row of pixels, from its masks."""
    bits = np.array(masks, bool)
    frames = [np.full((1, bits.shape[1], 3), level, np.uint8) for _ in masks]
    return Reduced(frames, np.packbits(bits, axis=1), bits.sum(0).astype(np.int16))


def test_overlaps_by_hand():
    a = reduced([[0, 0, 0, 0, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0, 0, 0, 1], [1, 1, 0, 0, 0, 0, 0, 0, 0]])
    b = reduced([[0, 0, 0, 0, 0, 0, 0, 0, 0], [0, 1, 1, 1, 0, 0, 0, 0, 1], [0, 0, 1, 0, 0, 0, 0, 0, 0]], level=51)
    found = compare(a, b)
    assert found["spatiotemporal_iou"] == [1.0, 2 / 5, 0.0]  # without any motion it is 1
    assert found["spatial_iou"] == 2 / 5  # pixels 1 and 8, of 0, 1, 2, 3 and 8
    assert found["weighted_spatial_iou"] == (1 + 1) / (2 + 2 + 2 + 1 + 1)  # in how many frames each moves
    assert found["mse"] == pytest.approx([0.04] * 3, abs=1e-15)
    still = reduced([[0] * 9] * 3)
    assert compare(still, still) == {
        "spatiotemporal_iou": [1.0] * 3, "spatial_iou": 1.0, "weighted_spatial_iou": 1.0, "mse": [0.0] * 3
    }  # fmt: skip
    assert compare(a, still)["weighted_spatial_iou"] == compare(still, a)["spatial_iou"] == 0.0


def test_a_pixel_may_move_in_more_frames_than_a_byte_counts():
    white = np.full((4, 4), 255, np.uint8)
    found = reduce(iter([np.zeros((4, 4, 3), np.uint8)] * 300), 8, 4, 4, [white] * 300)
    assert found.often.tolist() == [300] * 16
    often = reduced([[1, 0]] * 300)
    assert compare(often, reduced([[1, 1]] * 300))["weighted_spatial_iou"] == 0.5


@pytest.mark.parametrize("shape", [(300, 300, 3), (37, 53, 3), (1, 1, 3)])
def test_squared_error_is_exact_at_any_size(shape):
    rng = np.random.default_rng(3)
    a = np.zeros(shape, np.uint8)
    b = rng.integers(249, 256, shape, dtype=np.uint8)  # the largest sums, odd squares among them
    exact = int((b.astype(np.int64) ** 2).sum())
    assert metrics.squared(a, b) == metrics.squared(b, a) == exact / (a.size * 255.0**2)


def test_shipped_masks_are_cut_to_the_clip_and_reduced_like_frames():
    frames = [np.full((8, 16, 3), 10 * k, np.uint8) for k in range(3)]
    grey = np.zeros((8, 16), np.uint8)
    grey[:4, :4], grey[4:, 8:] = 255, 100
    found = reduce(iter(frames), 8, 4, 2, [grey, grey * 0, grey, grey])
    assert [f.shape for f in found.frames] == [(2, 4, 3)] * 3 and [int(f[0, 0, 0]) for f in found.frames] == [0, 10, 20]
    bits = np.unpackbits(found.masks, axis=1)[:, :8]
    assert bits.tolist() == [[1, 0, 0, 0, 0, 0, 0, 0], [0] * 8, [1, 0, 0, 0, 0, 0, 0, 0]]
    assert found.often.tolist() == [2, 0, 0, 0, 0, 0, 0, 0]


def test_masks_of_a_clip_without_shipped_ones_are_its_own():
    frames = np.full((6, 32, 48, 3), 50, np.uint8)
    for t in range(6):
        frames[t, 8:20, 4 + 6 * t : 16 + 6 * t] = 250
    found = reduce(iter(frames), 8, 12, 8)
    moves = np.unpackbits(found.masks, axis=1).reshape(6, 8, 12)
    assert not moves[0].any() and all(m[2:5].any() and not m[6:].any() for m in moves[1:])
    assert (moves.sum(0).ravel() == found.often).all() and found.frames[0].shape == (8, 12, 3)


def test_shipped_masks_are_used_if_they_are_there(tmp_path):
    bench = case.write(tmp_path, ["take1"], size=(64, 48), kinds=("ball-roll",))
    data = layout.read(bench, 8)
    for view in data.views:
        for take, path in view.real.items():
            number = path.name[:4]
            name = f"{number}_video-masks_8FPS_{view.view}_take-{take}_{view.scenario}"
            white = np.full((40, 48, 64, 3), 255, np.uint8)
            case.save(bench / "video-masks/real/8FPS" / name, white, 8)
    table_ = scorer.run(layout.read(bench, 8), [scorer.folder(tmp_path / "gen/take1", data)], tmp_path / "c")[0]
    assert all(m["variance_spatial"] == 1.0 and m["spatial_iou_v1"] < 1 for m in table_.values())


def test_squared_error_is_exact():
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 256, (2, 37, 53, 3), dtype=np.uint8)
    exact = int(((a.astype(np.int64) - b) ** 2).sum())
    assert metrics.squared(a, b) == exact / (a.size * 255.0**2)
