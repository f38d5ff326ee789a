"""The ground of plots."""

import numpy as np
import pytest

from raysearch.report import axes


@pytest.mark.parametrize("low, high", [(0.0, 1.0), (-3.2, 117.0), (0.00012, 0.00019), (5.0, 5.0), (0.0, 0.0)])
def test_ticks_are_round_few_and_inside(low, high):
    axis = axes.Axis(low, high, 10, 200)
    ticks = axis.ticks()
    assert 1 <= len(ticks) <= 7 and all(axis.low - 1e-9 <= t <= axis.high + 1e-9 for t in ticks)
    assert all(10 <= axis(t) <= 200 for t in ticks)


def test_room_leaves_out_what_is_not_finite():
    axis = axes.room(np.array([1.0, np.nan, 3.0, np.inf]), 0, 100)
    assert axis.low == pytest.approx(0.86) and axis.high == pytest.approx(3.14) and axis(2.0) == 50
