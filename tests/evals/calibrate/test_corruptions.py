"""Each corruption does what it says to a disc before a still background, and none to what it does not apply to."""

import numpy as np
import pytest

from raysearch.evals.calibrate import corruptions
from tests.evals.calibrate.case import ball

CLIP = ball(2.0, frames=10)


def place(frame: np.ndarray) -> tuple[float, float]:
    y, x = np.nonzero(frame[..., 0] > 150)
    return float(x.mean()), float(y.mean())


def test_time_is_broken_without_new_frames():
    half = len(CLIP) // 2
    frozen = corruptions.frozen(CLIP)
    assert (frozen[half:] == CLIP[half]).all() and (frozen[:half] == CLIP[:half]).all()
    assert (corruptions.swapped(CLIP)[: len(CLIP) - half] == CLIP[half:]).all()
    assert (corruptions.reversed_(CLIP)[0] == CLIP[-1]).all() and (corruptions.still(CLIP) == CLIP[0]).all()
    quick = corruptions.speed(CLIP)
    steps = np.diff([place(f)[0] for f in quick])
    assert (quick[0] == CLIP[0]).all() and (quick[-1] == CLIP[-1]).all()
    assert steps[:half].mean() == pytest.approx(1.2) and steps[half:].mean() == pytest.approx(3)


def test_objects_jump_or_vanish_and_the_background_is_filled_in():
    half = len(CLIP) // 2
    gone = corruptions.removed(CLIP)
    assert (gone[:half] == CLIP[:half]).all() and (gone[half:] == 60).all()
    away = corruptions.teleported(CLIP)
    (x, y), (a, b) = place(CLIP[half]), place(away[half])
    assert (away[:half] == CLIP[:half]).all() and (a - x, b - y) == pytest.approx((8, 8), abs=0.6)
    assert (away[half] == (230, 200, 40)).all(-1).sum() == (CLIP[half] == (230, 200, 40)).all(-1).sum()


def test_where_no_background_stands_still_there_is_no_object():
    noise = np.random.default_rng(0).integers(0, 255, (8, 16, 16, 3), dtype=np.uint8)
    assert corruptions.objects(noise) is None and "object removed" not in corruptions.corrupted(noise)
    still = np.full((8, 16, 16, 3), 90, np.uint8)
    assert corruptions.objects(still) is None
    assert set(corruptions.corrupted(still)) == {"dimmer"}  # nothing else changes it visibly


def test_controls():
    assert (corruptions.mirror(corruptions.mirror(CLIP)) == CLIP).all()
    assert corruptions.dimmer(CLIP).max() == 184
    soft = corruptions.blur(CLIP)
    assert soft[0, 16, 6, 0] == 230 and 60 < soft[0, 16, 10, 0] < 230 and soft[0, 0, 0, 0] == 60
