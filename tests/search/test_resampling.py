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


class Script:
    """A stream that returns these uniforms one after the other."""

    def __init__(self, *u: float) -> None:
        self.u = list(u)

    def random(self, size=None):
        drawn = [self.u.pop(0) for _ in range(1 if size is None else size)]
        return drawn[0] if size is None else np.array(drawn)


EIGHTHS = [1, 4, 0, 3]  # of 8: offspring .5, 2, 0, 1.5 of 4, which add up to .5, 2.5, 2.5, 4


@pytest.mark.parametrize(
    ("name", "m", "u", "ancestors"),
    [
        ("multinomial", None, (0.0, 0.1, 0.5, 0.99), [0, 1, 0, 3]),
        ("multinomial", None, (0.125, 0.125, 0.625, 0.0), [0, 1, 1, 3]),  # an edge belongs to the next
        ("multinomial", 2, (0.7, 0.9), [3, 3]),
        ("residual", None, (0.4,), [0, 1, 1, 3]),
        ("residual", None, (0.5,), [1, 1, 3, 3]),
        ("residual", 2, (0.2,), [0, 1]),
        ("residual", 8, (), [0, 1, 1, 3, 1, 1, 3, 3]),  # nothing is left to chance
        ("stratified", None, (0.2, 0.9, 0.9, 0.6), [0, 1, 3, 3]),
        ("stratified", None, (0.5, 0.0, 0.5, 0.0), [1, 1, 3, 3]),
        ("systematic", None, (0.2, 0.9, 0.9, 0.6), [0, 1, 1, 3]),
        ("systematic", None, (0.5,), [1, 1, 3, 3]),
        ("systematic", 1, (0.5,), [1]),
        ("systematic", 8, (0.9,), [0, 1, 1, 3, 1, 1, 3, 3]),
        ("ssp", None, (0.0, 0.0, 0.0, 0.4), [0, 1, 1, 3]),
        ("ssp", None, (0.0, 0.0, 0.0, 0.6), [1, 1, 3, 3]),
        ("killing", None, (0.1, 0.9, 0.0, 0.8, 0.0, 0.5), [0, 1, 0, 1]),  # 2 has no weight, 3 is unlucky
    ],
)
def test_ancestors_by_hand(name, m, u, ancestors):
    for scale in (1.0, 0.125, 3e-5):
        assert SCHEMES[name](np.array(EIGHTHS) * scale, Script(*u), m).tolist() == ancestors


@pytest.mark.parametrize(
    ("u", "counts"),
    [
        ((0.3, 0.4, 0.4), [1, 1, 1, 1]),
        ((0.3, 0.4, 0.6), [1, 1, 0, 2]),
        ((0.3, 0.6, 0.6), [0, 1, 1, 2]),
        ((0.4, 0.4, 0.6), [0, 2, 0, 2]),
        ((0.4, 0.6, 0.4), [0, 2, 1, 1]),
        ((0.4, 0.6, 0.6), [0, 1, 1, 2]),
    ],
)
def test_srinivasan_sampling_by_hand(u, counts):
    """Offspring .25, 1.5, .75, 1.5: the first pair goes up with probability 1/3, each later one with 1/2."""
    assert counts_of(SCHEMES["ssp"]([1, 6, 3, 6], Script(0.0, *u)), 4).tolist() == counts


def test_what_is_near_an_integer_but_not_within_rounding_stays_as_it_is():
    for name in ("systematic", "residual"):
        assert SCHEMES[name]([1.0005, 0.9995], Script(0.0001, 0.0)).tolist() == [0, 0]


@pytest.mark.parametrize("name", resizing)
def test_many_weights_of_any_size_give_m_ancestors_and_equal_ones_the_identity(name):
    rng = np.random.default_rng(5)
    for n in range(1, 64):
        assert len(SCHEMES[name](rng.random(n) ** 4, rng, 2 * n)) == 2 * n
        if name != "multinomial":
            assert SCHEMES[name](np.full(n, 0.1), Corner(1 - 2**-53)).tolist() == list(range(n))
            assert SCHEMES[name](np.full(n, 0.1), Corner(0.0)).tolist() == list(range(n))


def test_at_least_one_must_remain():
    with pytest.raises(ValueError, match="m = 0 offspring: at least 1"):
        SCHEMES["systematic"]([0.5, 0.5], np.random.default_rng(0), 0)
    with pytest.raises(ValueError, match="must be finite"):
        SCHEMES["systematic"]([[0.5, 0.5]], np.random.default_rng(0))
