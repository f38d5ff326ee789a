"""Heat maps as colours over a video."""

import numpy as np
import pytest

from raysearch.rewards.base import SurpriseMap
from raysearch.rewards.vjepa2 import heat


def test_colours_grow_lighter_in_even_steps():
    linear = (heat.colours(np.linspace(0, 1, 101)) / 255.0) ** 2.2
    lightness = 116 * np.cbrt(linear @ [0.2126, 0.7152, 0.0722]) - 16
    steps = np.diff(lightness[::10])
    assert (steps > 4).all() and (steps < 18).all()
    assert lightness[-1] > 90


def test_the_overlay_tints_by_surprise_and_leaves_what_was_not_judged():
    values = np.full((2, 2, 2), np.nan, np.float32)
    values[1] = [[0.0, 1.0], [0.5, np.nan]]
    frames = np.full((2, 64, 64, 3), (200, 40, 40), np.uint8)
    made = heat.overlay(frames, SurpriseMap(values, (0, 0, 64, 64)), (0.0, 1.0))
    assert made.shape == (2, 256 + heat.STRIP, 256, 3)  # small videos are enlarged
    assert (made[0, :256] == frames[0, 0, 0]).all() and (made[1, 128:256, 128:] == frames[0, 0, 0]).all()
    low, high = made[1, 10, 10].astype(int), made[1, 10, 200].astype(int)
    assert high.sum() > low.sum() and np.ptp(low) == 0  # grey at the bottom of the scale, light at its top
    assert made[1, 256:].max() > 200 and (made[0, 256:] == made[1, 256:]).all()


def test_the_scale_spans_all_maps():
    maps = [SurpriseMap(np.full((1, 2, 2), v, np.float32), (0, 0, 1, 1)) for v in (0.25, 1.5)]
    assert heat.span(maps) == pytest.approx((0.25, 1.5))
