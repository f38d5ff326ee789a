"""Errors of a sampler from one run: against exact variances, by enumeration and by replication."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from examples.exact.drivers import Toy, drive, replicate
from examples.exact.enumeration import EMISSION, START, TRANSITION
from examples.exact.models import DDPM, LinearGaussian
from raysearch.moves import Outcome
from raysearch.search import strategy
from raysearch.search.genealogy import Genealogy, averages, pooled

smc = strategy("smc")


def populations(n, stages):
    """(probability, Z_hat, genealogy) of every outcome of SMC on the hidden Markov chain, multinomial at every read."""

    def grow(probability, log_z, states, genealogy, stage):
        w = np.array([EMISSION[stage][s] for s in states])
        log_z += math.log(w.mean())
        W = w / w.sum()
        if stage == stages - 1:
            family = Genealogy([*genealogy.weights, W], list(genealogy.ancestors), independent=True)
            yield probability, math.exp(log_z), family
            return
        for a in itertools.product(range(n), repeat=n):
            for new in itertools.product((0, 1), repeat=n):
                p = math.prod(W[i] * TRANSITION[states[i]][s] for i, s in zip(a, new, strict=True))
                later = Genealogy([*genealogy.weights, W], [*genealogy.ancestors, np.array(a)], independent=True)
                yield from grow(probability * p, log_z, new, later, stage + 1)

    for states in itertools.product((0, 1), repeat=n):
        yield from grow(math.prod(START[s] for s in states), 0.0, states, Genealogy(independent=True), 0)


@pytest.mark.parametrize(("n", "stages"), [(2, 2), (3, 2), (2, 3)])
def test_the_estimated_variance_is_unbiased_over_all_outcomes(n, stages):
    """Lee & Whiteley 2018, Theorem 1: E[Z_hat^2 V] = Var(Z_hat) at the full lag."""
    table = [(p, z, g.variance(stages - 1)) for p, z, g in populations(n, stages)]
    mean = math.fsum(p * z for p, z, _ in table)
    variance = math.fsum(p * (z - mean) ** 2 for p, z, _ in table)
    estimate = math.fsum(p * z * z * v for p, z, v in table)
    assert math.fsum(p for p, _, _ in table) == pytest.approx(1, abs=1e-12)
    assert estimate == pytest.approx(variance, rel=1e-12)
    short = math.fsum(p * z * z * g.variance(0) for p, z, g in populations(n, stages))
    assert short != pytest.approx(variance, rel=1e-3)


def test_the_error_of_one_run_is_that_of_many():
    model = LinearGaussian()
    done = replicate(model, lambda i: smc(i, 20, n=32, lam=1.0, kernel=DDPM), 300, 0)
    z = np.exp([r.log_z - model.exact()[0] for r, _ in done])
    told = np.array([r.notes["log_z_error"] for r, _ in done])
    assert 0.7 < np.median(told) / z.std() < 1.4
    assert told.std() < told.mean()


def test_a_lag_leaves_enough_families():
    even = np.full(8, 1 / 8)
    one_root = Genealogy([even] * 3, [np.repeat([0, 1, 2, 3], 2), np.repeat([0, 2, 4, 6], 2)])
    assert one_root.families(0, 2).tolist() == [0, 0, 1, 1, 2, 2, 3, 3] and one_root.lag() == 2
    collapsed = Genealogy([even] * 3, [np.repeat([0, 1, 2, 3], 2), np.zeros(8, int)])
    assert collapsed.lag() == 0 and collapsed.variance(0) == pytest.approx(0, abs=1e-12)
    assert collapsed.variance(2) == pytest.approx(1)  # runs into 1 whatever the truth
    joined = Genealogy([even, np.full(4, 1 / 4)], [np.array([5, 6, -1, -1])])
    assert joined.families(0, 1).tolist() == [5, 6, 8, 9]  # fresh particles are families of their own
    assert math.isnan(Genealogy([np.ones(1)]).variance(0))


def test_notes_of_smc_tell_the_roots_of_every_read():
    result, _ = drive(smc(1, 20, n=16, lam=20.0, kernel=DDPM), Toy().run)
    line, left = np.arange(16), []
    for ancestors in [*result.notes["ancestors"], None]:
        left.append(len(set(line.tolist())))
        line = line if ancestors is None else line[ancestors]
    assert result.notes["roots_left"] == left and left[-1] == result.notes["roots"] < left[0]
    assert result.notes["reads"] == [4, 8, 12, 20] and len(result.notes["families"]) == 16
    assert 0 < result.notes["log_z_error"] < 2


def test_averages_weigh_every_measure_and_count_families_once():
    finals = [Outcome(str(i), 0.0, {"a": float(i), "b": math.nan if i else 7.0}) for i in range(4)]
    log_w = np.log([0.4, 0.3, 0.2, 0.1]).tolist()
    alone = averages(finals, log_w)
    assert alone["a"][0] == pytest.approx(1.0)
    assert alone["a"][1] == pytest.approx(math.sqrt((0.4 * 1) ** 2 + 0 + (0.2 * 1) ** 2 + (0.1 * 2) ** 2))
    assert alone["b"][0] == 7.0 and math.isnan(alone["b"][1])  # measured of one particle alone
    related = averages(finals, log_w, [0, 0, 1, 1])
    assert related["a"] == (pytest.approx(1.0), pytest.approx(math.sqrt(0.4**2 + 0.4**2)))
    assert math.isnan(averages(finals, log_w, [5, 5, 5, 5])["a"][1])
    assert averages(finals, [-math.inf, 0.0, -math.inf, -math.inf])["a"][0] == 1.0


def test_pooled_log_z_is_the_log_of_the_mean():
    z = np.array([1.0, 2.0, 3.0, 6.0])
    log_z, error = pooled((np.log(z) - 1000).tolist())
    assert log_z == pytest.approx(math.log(3.0) - 1000)
    assert error == pytest.approx(z.std(ddof=1) / 2 / 3)
    assert math.isnan(pooled([0.3])[1])
