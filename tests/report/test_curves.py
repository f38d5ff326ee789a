"""Best-of-n curves against hand computation."""

from __future__ import annotations

import math

import pytest

from raysearch.moves import Result
from raysearch.report import curves, statistics
from tests.report.case import ERROR, candidates


def test_curve_runs_from_random_choice_to_the_chosen(results):
    curve = curves.curve(results, statistics.measure(ERROR))
    assert curve.n == (1, 2, 3)
    assert curve.mean[0] == pytest.approx(3.0) and curve.mean[-1] == 2.0 and curve.oracle[-1] == 1.5
    # prompt a, pairs: (0.3 beats all) 1, 1, else 3 -> 5/3; prompt b: 3, 3, else 2 -> 8/3
    assert curve.mean[1] == pytest.approx((5 / 3 + 8 / 3) / 2)
    assert curve.low[0] == curve.high[0] == pytest.approx(3.0)  # the interval is of the difference from n = 1


def test_curve_counts_only_sets_with_a_scored_draw():
    r = Result.of_best(candidates([0.1, math.nan, 0.3, 0.2], [4.0, 9.0, 1.0, 3.0]))
    curve = curves.curve([r], statistics.measure(ERROR))
    assert curve.n == (1, 2, 4) and curve.mean[0] == pytest.approx(8 / 3) and curve.mean[-1] == 1.0
    mostly = Result.of_best(candidates([0.1, math.nan, math.nan, math.nan], [1.0] * 4))
    assert curves.curve([mostly], statistics.measure(ERROR)) is None
    assert curves.curve([r, mostly], statistics.measure(ERROR)).short == 1
