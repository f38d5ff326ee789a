"""The numbers of the report against hand computation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from raysearch.moves import Outcome, Result
from raysearch.report import statistics
from tests.report.case import ERROR


def test_rows_equal_hand_computation(results):
    row = statistics.row(results, statistics.measure(ERROR))
    assert (row.first, row.chosen, row.oracle, row.prompts) == (3.0, 2.0, 1.5, 2)
    assert row.random == pytest.approx((8 / 3 + 10 / 3) / 2)
    assert row.change == pytest.approx(((1 - 8 / 3) + (3 - 10 / 3)) / 2)
    assert row.rho == pytest.approx((-1.0 + -0.5) / 2)
    assert row.low == pytest.approx(1 - 8 / 3) and row.high == pytest.approx(3 - 10 / 3)  # one prompt drawn twice
    assert row.verdict == ""  # two prompts claim nothing
    reward = statistics.row(results, statistics.measure(None))
    assert (reward.first, reward.chosen) == (pytest.approx(0.15), pytest.approx(0.35)) and math.isnan(reward.oracle)


def test_oracle_and_direction_follow_the_measure():
    better = {k: statistics.measure(k).better for k in (None, ERROR, "tinyworld_truth.spatial_iou", "motion")}
    assert list(better.values()) == [1, -1, 1, 0]
    assert statistics.measure("vjepa2.surprise_0").better == -1
    assert statistics.measure("vlm").better == 1 and statistics.measure("vlm.tokens").better == 0
    iou = "tinyworld_truth.spatial_iou"
    finals = tuple(Outcome(str(i), r, {iou: v}) for i, (r, v) in enumerate([(0.2, 0.3), (0.1, 0.9)]))
    assert statistics.row([Result.of_best(finals)], statistics.measure(iou)).oracle == 0.9


def test_spearman_ties_and_constants():
    assert statistics.spearman(np.array([1.0, 2, 3, 4]), np.array([10.0, 20, 30, 40])) == pytest.approx(1)
    # ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: 4.5 / sqrt(4.5 * 5)
    assert statistics.spearman(np.array([1.0, 2, 2, 3]), np.arange(4.0)) == pytest.approx(4.5 / math.sqrt(22.5))
    assert math.isnan(statistics.spearman(np.ones(4), np.arange(4.0)))
    assert math.isnan(statistics.spearman(np.array([1.0, 2, np.nan]), np.arange(3.0)))


def test_interval_agrees_with_the_normal_one_and_is_repeatable():
    x = np.random.default_rng(1).normal(2.0, 1.0, 200)
    low, high = statistics.interval(x)
    half = 1.96 * x.std() / math.sqrt(200)
    assert low == pytest.approx(x.mean() - half, abs=0.02) and high == pytest.approx(x.mean() + half, abs=0.02)
    assert (low, high) == statistics.interval(x)
    assert all(math.isnan(v) for v in statistics.interval(x[:1]))
