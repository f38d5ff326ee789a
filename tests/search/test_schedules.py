from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raysearch.moves import Guide
from raysearch.search.schedules import RISES, adaptive, fraction, funnel, guided, lambdas, stops
from raysearch.search.weights import Weights


@given(st.integers(1, 200), st.lists(st.floats(0.001, 1), max_size=10))
def test_stops_are_sorted_distinct_and_end_at_the_last_step(steps, reads):
    at = stops(steps, reads)
    assert at == sorted(set(at)) and at[0] >= 1 and at[-1] == steps
    assert len(at) <= len(reads) + 1


def test_default_reads_start_at_a_fifth():
    assert stops(50) == [10, 20, 30, 50]
    assert stops(1) == [1]
    with pytest.raises(ValueError, match=r"reads=\(0.0,\)"):
        stops(50, (0.0,))


def test_fraction_spans_first_to_last_step():
    assert [fraction(k, 5) for k in range(5)] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert fraction(0, 1) == 0.0


@pytest.mark.parametrize("rise", RISES)
def test_lambda_rises_to_all_of_it(rise):
    lam = lambdas(rise, 7.0, stops(100))
    assert lam == sorted(lam) and lam[-1] == 7.0 and lam[0] > 0


def test_lambda_values():
    assert lambdas("constant", 3.0, [5, 10]) == [3.0, 3.0]
    assert lambdas("linear", 3.0, [5, 10]) == [1.5, 3.0]
    das = lambdas("geometric", 1.0, list(range(1, 101)))
    assert das[9] == pytest.approx(1.008**10 - 1)
    assert das.index(1.0) + 1 in (87, 88)  # DAS reaches its full temperature near step 87 of 100
    with pytest.raises(ValueError, match="did you mean 'linear'"):
        lambdas("lineal", 1.0, [1])


def test_adaptive_lambda_holds_the_conditional_ess():
    r = np.random.default_rng(0).normal(size=64) * 10
    weights = Weights.uniform(64)
    lam = adaptive(weights, lambda v: v * r, 0.0, 10.0, kappa=0.5)
    assert 0 < lam < 10
    assert math.isclose(weights.cess(lam * r), 32, rel_tol=1e-6)
    assert adaptive(weights, lambda v: v * r, 0.0, lam / 2, kappa=0.5) == lam / 2  # all of it is affordable
    assert adaptive(weights, lambda v: v * r, 9.0, 10.0, kappa=0.5) == pytest.approx(9.0)  # even the least is too much


@given(st.integers(1, 100), st.integers(1, 100), st.integers(1, 8))
def test_funnel_never_widens(n, last, rounds):
    last = min(n, last)
    sizes = funnel(n, last, rounds)
    assert sizes[0] == n and sizes == sorted(sizes, reverse=True) and len(sizes) == rounds
    assert rounds == 1 or sizes[-1] == last


def test_funnel_values_and_error():
    assert funnel(64, 4, 5) == [64, 32, 16, 8, 4]
    assert funnel(9, 5, 3) == [9, 7, 5]  # 6.7 is nearer to 7
    assert funnel(8, 2, 1) == [8]
    for last in (0, 9):
        with pytest.raises(ValueError, match=f"last={last}"):
            funnel(8, last, 3)


def test_guided_steps_by_hand():
    assert guided(Guide("mean", 0.1, (0.25, 0.75)), 9) == [2, 3, 4, 5, 6]
    assert guided(Guide("mean", 0.1, (0.125, 0.875), every=3), 9) == [1, 4, 7]  # every third from the first on
    assert guided(None, 9) == guided(Guide("mean", 0.0), 9) == []


def test_stops_by_hand():
    assert stops(10, (0.29,)) == [3, 10] and stops(50, (0.001, 1.0)) == [1, 50]
    for read in (0.0, 1.5):
        with pytest.raises(ValueError, match=f"{read} is not a fraction"):
            stops(50, (read,))


def test_adaptive_lambda_by_hand():
    r = np.random.default_rng(2).normal(size=32)
    weights = Weights.uniform(32).add(r)
    lam = adaptive(weights, lambda v: v * r, 0.0, 10.0, kappa=0.5)  # a share of N, not of the ESS
    assert weights.cess(lam * r) == pytest.approx(16, rel=1e-6) and weights.cess(lam * r) >= 16
    assert adaptive(Weights.uniform(32), lambda v: 0 * r, 0.0, 10.0, kappa=1.0) == 10.0
    even = adaptive(Weights.uniform(32), lambda v: (v - 5.0) * r, 0.0, 10.0, kappa=1.0)
    assert even == pytest.approx(5.0, abs=1e-6)  # the only grid point that keeps all of it
    least = adaptive(Weights.uniform(32), lambda v: (abs(v - 5.0) + 1.0) * r, 0.0, 10.0, kappa=1.0)
    assert least == 5.0  # nothing keeps it: the nearest
