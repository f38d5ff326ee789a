"""Selection without copies, fresh particles, the dead: fixed sizes, spent budgets, E[Z_hat] = Z over all outcomes."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from examples.exact.drivers import Toy, drive
from examples.exact.enumeration import START, STRIDE, Deadly, Guided, Hmm, enumerated, expected_z, hmm_log_z
from examples.exact.models import DDPM
from raysearch.errors import UsageError
from raysearch.moves import Kernel
from raysearch.search import strategy
from raysearch.search.population import Population, halved
from raysearch.search.resampling import SCHEMES, kept
from raysearch.search.weights import Weights

smc = strategy("smc")
ODE = Kernel("ode")


def expected(stages, monkeypatch, law=Hmm, scheme="systematic", **options):
    """(E[Z_hat], number of outcomes) of smc on a hidden Markov chain with a read after every stage."""

    def spawn(choices):
        monkeypatch.setitem(SCHEMES, scheme, enumerated(scheme, choices))
        reads = [k / stages for k in range(1, stages)]
        return smc(0, STRIDE * stages, scheme=scheme, reads=reads, **{"lam": 1.0, "kernel": DDPM, **options})

    return expected_z(spawn, law)


REFILLED = {"budget": 15, "prune": True, "kernel": ODE}  # of three particles two remain after the read, and one joins


@pytest.mark.parametrize("options", [{}, {"potential": "max"}, {"potential": "sum"}, {"rise": "adaptive"}], ids=str)
@pytest.mark.parametrize("law", [Hmm, Guided])
def test_fresh_particles_leave_z_exactly_unbiased(law, options, monkeypatch):
    assert halved(3, [2, 4], 15).fresh == (1,) and halved(3, [2, 4], 15).nfe == 15
    z, outcomes = expected(2, monkeypatch, law, **REFILLED, **options)
    assert outcomes > 200 and abs(z / math.exp(hmm_log_z(2)) - 1) < 1e-12


def test_a_share_that_follows_the_particles_would_be_biased(monkeypatch):
    real = Population.joined

    def greedy(self, m, share, memory):  # most weight to whichever estimate is higher so far
        return real(self, m, 0.9 if self.weights.log_z < math.log(0.5) else 0.1, memory)

    monkeypatch.setattr(Population, "joined", greedy)
    z, _ = expected(2, monkeypatch, **REFILLED)
    assert abs(z / math.exp(hmm_log_z(2)) - 1) > 0.01


@pytest.mark.parametrize(
    "options",
    [{"kernel": DDPM}, {"kernel": DDPM, "threshold": 0.0}, {"last": 2, "kernel": ODE, "prune": True}],
    ids=["halves", "never resampled", "dropped"],
)
def test_the_dead_leave_z_exactly_unbiased(options, monkeypatch):
    truth = math.exp(hmm_log_z(2, (1.0, 0.0)))
    z, _ = expected(2, monkeypatch, Deadly, n=3, **options)
    assert abs(z / truth - 1) < 1e-12


def test_the_dead_among_fresh_particles(monkeypatch):
    """A population of which none is left ends the search; its fresh particle would have had a quarter of Z."""
    truth, share = math.exp(hmm_log_z(2, (1.0, 0.0))), halved(3, [2, 4], 15).share(0)
    z, _ = expected(2, monkeypatch, Deadly, **REFILLED)
    assert share == 1 / 4 and abs((z + START[1] ** 3 * share * truth) / truth - 1) < 1e-12


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.floats(-30, 30), min_size=1, max_size=20), st.integers(1, 20), st.integers(0, 99))
def test_what_is_kept_is_distinct_of_fixed_size_and_carries_the_whole_weight(lw, m, seed):
    weights = Weights(np.array(lw))
    a, chance = kept(weights, np.random.default_rng(seed), m)
    assert len(a) == len(set(a)) == min(m, len(lw)) and list(a) == sorted(a)
    assert (weights.W[a] / chance).sum() == pytest.approx(1)
    assert np.all(chance > 0) and np.all(chance <= 1)
    assert len(set(np.round(np.log(weights.W[a] / chance)[chance < 1], 6))) <= 1  # all small ones weigh the same


@pytest.mark.parametrize("scheme", ["systematic", "ssp"])
def test_everyone_is_kept_with_its_own_chance(scheme):
    weights, runs = Weights(np.log([8.0, 1.0, 1e-9, 2.0, 0.5, 2.5])), 4000
    counts, chances = np.zeros(6), np.full(6, np.nan)
    rng = np.random.default_rng(0)
    for _ in range(runs):
        a, chance = kept(weights, rng, 3, SCHEMES[scheme])
        counts[a] += 1
        chances[a] = chance
    assert counts[0] == runs and chances[0] == 1  # heavier than the cut: certain
    known = np.isfinite(chances)
    sd = np.sqrt(np.maximum(chances * (1 - chances), 1e-12) / runs)
    assert np.all(abs(counts / runs - chances)[known] < 4 * sd[known] + 1e-9)
    assert chances[1] == pytest.approx(2 * 1 / 6)  # two places for weights that sum to 6


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(5, 80), st.integers(0, 79), st.lists(st.integers(1, 79), min_size=1, max_size=5))
def test_halving_spends_the_purse_to_within_one_path(n, steps, over, reads):
    at = sorted({*(min(r, steps) for r in reads), steps})
    schedule = halved(n, at, n * steps + over)
    assert schedule.nfe <= n * steps + over
    assert len(at) == 1 or schedule.nfe > n * steps + over - steps
    assert all(f >= 0 for f in schedule.fresh) and len(schedule.survivors) == len(at) - 1


@pytest.mark.parametrize("lam", [1.0, 30.0])
def test_prune_spends_its_budget(lam):
    toy = Toy()
    result, rounds = drive(smc(0, 20, budget=800, prune=True, kernel=ODE, lam=lam), toy.run)
    assert 780 < toy.nfe <= 800
    assert len(rounds[0]) == 40 and len(result.finals) == len(rounds[-1]) > 10
    assert result.notes["roots"] == len(result.finals)  # none is a copy


def test_what_the_dead_save_pays_for_more_fresh_particles():
    def run(deadly):
        toy = Toy()

        def one(move):
            outcome = toy.run(move)
            return (
                replace(outcome, reward=math.nan)
                if deadly and move.seed[1:] in {(0, i) for i in range(12)}
                else outcome
            )

        return drive(smc(0, 20, n=16, prune=True, kernel=ODE, lam=1.0), one), toy.nfe

    (few, _), nfe = run(True)
    (_, _), full = run(False)
    assert few.notes["nan"] == 12 and len(few.notes["ancestors"][0]) == 4
    assert full - 20 < nfe <= 320


def test_halves_of_the_heaviest_replace_the_dead():
    population = Population.fresh(4, 0.0)
    population = replace(population, weights=population.weights.add([-math.inf, math.log(8), 0.0, math.nan]))
    new, ancestors = population.replaced(copies=True)
    assert ancestors == [1, 1, 2, 1]  # survivors keep their slot
    assert np.allclose(np.exp(new.weights.lw), [8 / 3, 8 / 3, 1, 8 / 3]) and new.weights.nans == 1
    assert new.weights.log_z == pytest.approx(population.weights.log_z, abs=1e-14)
    alone, ancestors = population.replaced(copies=False)
    assert ancestors == [1, 2] and alone.weights.log_z == pytest.approx(population.weights.log_z, abs=1e-14)


def test_no_evaluation_is_spent_on_the_dead_and_the_best_is_alive():
    toy, seen = Toy(), []

    def run(move):
        seen.append(move.parent)
        outcome = toy.run(move)
        if move.to == 20 and move.seed[2] == 2:  # the highest reward belongs to a particle of weight zero
            return replace(outcome, reward=99.0, log_ratio=-math.inf)
        return replace(outcome, reward=-math.inf) if move.seed == (0, 0, 1) else outcome

    result, rounds = drive(smc(0, 20, n=4, lam=0.01, kernel=DDPM), run)
    dead = rounds[0][1].key
    assert dead not in seen and result.notes["ancestors"][0] is not None
    assert result.finals[2].reward == 99.0 and result.log_weights[2] == -math.inf
    assert result.best != 2 and math.isfinite(result.log_weights[result.best])


def test_prune_takes_a_scheme_that_keeps_distinct_particles():
    with pytest.raises(UsageError, match=r"search.scheme=multinomial: .* systematic or ssp"):
        next(smc(0, 20, prune=True, scheme="multinomial"))
