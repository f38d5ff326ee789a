from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from raysearch.search.resampling import SCHEMES, killing, scheme
from raysearch.search.weights import Weights

every_scheme = pytest.mark.parametrize("name", SCHEMES)
resizing = [name for name in SCHEMES if name != "killing"]
population = st.lists(st.floats(0, 1), min_size=1, max_size=30).filter(lambda w: sum(w) > 1e-3)
seeds = st.integers(0, 2**32)


class Corner:
    """A stream that always returns the same uniform: the ends of [0, 1) are where rounding bites."""

    def __init__(self, u: float) -> None:
        self.u = u

    def random(self, size=None):
        return self.u if size is None else np.full(size, self.u)


def counts_of(ancestors, n):
    return np.bincount(ancestors, minlength=n)


@every_scheme
def test_expected_offspring_by_chi_square(name):
    rng, W, runs = np.random.default_rng(1), np.array([0.05, 0.4, 0.0, 0.15, 0.3, 0.1]), 4000
    draws = np.array([counts_of(SCHEMES[name](W, rng), 6) for _ in range(runs)])
    live = W > 0
    assert draws[:, ~live].sum() == 0
    mean, expected = draws.mean(0)[live], 6 * W[live]
    # the counts sum to 6: drop one of them, the rest have a covariance of full rank or are constant
    covariance = np.cov(draws[:, live].T)[:-1, :-1] / runs
    gap = (mean - expected)[:-1]
    statistic = gap @ np.linalg.pinv(covariance, rcond=1e-8) @ gap
    assert statistic < chi2.ppf(1 - 6.3e-5, df=4)  # 4 sigma
    assert np.all(np.abs(mean - expected) <= 4 * draws.std(0)[live] / math.sqrt(runs) + 1e-12)


@pytest.mark.parametrize("name", resizing)
@pytest.mark.parametrize("m", [1, 3, 11])
def test_expected_offspring_when_the_population_changes_size(name, m):
    rng, W, runs = np.random.default_rng(2), np.array([0.1, 0.5, 0.15, 0.25]), 3000
    draws = np.array([counts_of(SCHEMES[name](W, rng, m), 4) for _ in range(runs)])
    assert (draws.sum(1) == m).all()
    assert np.all(np.abs(draws.mean(0) - m * W) <= 4 * draws.std(0) / math.sqrt(runs) + 1e-12)


@every_scheme
@given(weights=population, seed=seeds)
@settings(max_examples=60)
def test_ancestors_are_valid_and_survivors_keep_their_slot(name, weights, seed):
    W = np.array(weights)
    a = SCHEMES[name](W, np.random.default_rng(seed))
    assert a.shape == W.shape and a.min() >= 0 and a.max() < len(W)
    assert (W[a] > 0).all()
    assert all(a[i] == i for i in set(a.tolist()))


@given(weights=population, seed=seeds, m=st.integers(1, 40))
@settings(max_examples=60)
def test_bounds_on_offspring(weights, seed, m):
    W, slack = np.array(weights) / math.fsum(weights), 1e-9
    for name in ("systematic", "ssp"):
        counts = counts_of(SCHEMES[name](W, np.random.default_rng(seed), m), len(W))
        assert (counts >= np.floor(m * W - slack)).all() and (counts <= np.ceil(m * W + slack)).all()
    assert (counts_of(SCHEMES["residual"](W, np.random.default_rng(seed), m), len(W)) >= np.floor(m * W - slack)).all()
    counts = counts_of(SCHEMES["stratified"](W, np.random.default_rng(seed), m), len(W))
    assert (np.abs(counts - m * W) < 2).all()


@pytest.mark.parametrize("name", ["systematic", "killing", "ssp", "residual", "stratified"])
@given(n=st.integers(1, 60), u=st.sampled_from([0.0, 1e-17, 1e-9, 0.5, 1 - 1e-9, 1 - 2**-53]))
def test_equal_weights_are_left_as_they_are(name, n, u):
    for W in (np.full(n, 1 / n), np.full(n, 0.1), Weights.uniform(n)):
        assert SCHEMES[name](W, Corner(u)).tolist() == list(range(n))


@every_scheme
@given(n=st.integers(1, 20), slot=st.integers(0, 19), u=st.sampled_from([0.0, 0.3, 1 - 2**-53]))
def test_one_hot(name, n, slot, u):
    lw = np.full(n, -np.inf)
    lw[slot % n] = -3.0
    assert SCHEMES[name](Weights(lw), Corner(u)).tolist() == [slot % n] * n


@every_scheme
@given(weights=population, u=st.sampled_from([0.0, 1 - 2**-53]))
def test_rounding_of_the_sum_never_picks_the_dead(name, weights, u):
    W = np.array([0.0, *weights, 0.0])
    W = W / W.sum() * (1 - 1e-16)
    a = SCHEMES[name](W, Corner(u))
    assert (W[a] > 0).all()


@pytest.mark.parametrize("name", ["multinomial", "ssp", "killing", "residual"])
def test_the_law_of_offspring_does_not_depend_on_the_order_of_slots(name):
    W, order, runs = np.array([0.45, 0.05, 0.3, 0.2]), np.array([2, 0, 3, 1]), 4000
    rng = np.random.default_rng(3)
    one = np.array([counts_of(SCHEMES[name](W, rng), 4) for _ in range(runs)])
    other = np.array([counts_of(SCHEMES[name](W[order], rng), 4) for _ in range(runs)])
    for power in (1, 2):
        a, b = one[:, order] ** power, other**power
        error = np.sqrt((a.var(0) + b.var(0)) / runs)
        assert (np.abs(a.mean(0) - b.mean(0)) <= 4 * error + 1e-12).all()


def test_variance_orders_the_schemes():
    """Var of the offspring: multinomial is the worst, ssp and systematic the least (they differ by less than one)."""
    W, runs = np.random.default_rng(0).dirichlet(np.ones(16)), 2000
    spread = {}
    for name, f in SCHEMES.items():
        rng = np.random.default_rng(4)
        spread[name] = np.var([counts_of(f(W, rng), 16) for _ in range(runs)], axis=0).sum()
    assert spread["multinomial"] > spread["residual"] > max(spread["systematic"], spread["ssp"])
    assert spread["multinomial"] > spread["stratified"] > spread["systematic"] * 0.99


def test_errors():
    rng = np.random.default_rng(0)
    for bad in ([0.0, 0.0], [-0.1, 1.1], [math.nan, 1.0], []):
        with pytest.raises(ValueError, match="must be finite, not negative and not all zero"):
            SCHEMES["systematic"](bad, rng)
    with pytest.raises(ValueError, match="use systematic or ssp"):
        killing([0.5, 0.5], rng, 3)
    with pytest.raises(ValueError, match="did you mean 'systematic'"):
        scheme("systemic")
