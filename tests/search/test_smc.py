"""SMC against exact answers. Gates are 4 standard errors; seeds are fixed."""

from __future__ import annotations

import importlib
import math
from dataclasses import replace

import numpy as np
import pytest

from examples.exact.drivers import Toy, drive, replicate
from examples.exact.enumeration import REAL, STRIDE, Guided, Hmm, Steered, enumerated, expected_z, hmm_log_z
from examples.exact.models import DDPM, LinearGaussian, Mixture, Twisted
from raysearch.errors import UsageError
from raysearch.moves import Guide, Kernel, Move
from raysearch.search import strategy
from raysearch.search.resampling import DISTINCT, SCHEMES
from raysearch.search.schedules import DROPS, adaptive
from raysearch.search.smc import POTENTIALS
from raysearch.search.weights import Weights

smc = strategy("smc")
module = importlib.import_module("raysearch.search.smc")
CHAIN = LinearGaussian()


def estimate(model, runs, seed=0, **options):
    """(log Z_hat of each run, posterior mean of each run, posterior second moment of each run)."""
    options = {"lam": model.lam, "kernel": model.kernel, "reads": DROPS, **options}
    done = replicate(model, lambda i: smc(i, model.steps, **options), runs, seed)
    log_z = np.array([result.log_z for result, _ in done])
    moments = np.array([[np.exp(r.log_weights) @ x**p for p in (1, 2)] for r, x in done])
    return log_z, moments[:, 0], moments[:, 1]


def off(values, truth):
    """Distance of the mean of `values` from the truth, in standard errors."""
    values = np.asarray(values)
    return abs(values.mean() - truth) / (values.std(ddof=1) / math.sqrt(len(values)))


def usual_or_slow(schemes, usual):
    """The schemes as parameters: these always, the others with the slow tests."""
    return [s if s in usual else pytest.param(s, marks=pytest.mark.slow) for s in schemes]


@pytest.mark.parametrize("scheme", usual_or_slow(SCHEMES, {"systematic"}))  # all schemes over all outcomes: below
@pytest.mark.parametrize("potential", POTENTIALS)
def test_z_is_unbiased_for_every_potential_scheme_and_threshold(potential, scheme):
    truth = CHAIN.exact()[0]
    for seed, threshold in enumerate((0.0, 0.5, 1.0)):
        log_z, _, _ = estimate(CHAIN, 300, seed, n=8, potential=potential, scheme=scheme, threshold=threshold)
        assert off(np.exp(log_z - truth), 1) < 4, (potential, scheme, threshold)


def check_z_and_mean(log_z, mean):
    truth, post_mean, _ = CHAIN.exact()
    assert off(np.exp(log_z - truth), 1) < 4
    assert abs(mean.mean() - post_mean) < 0.02  # self-normalised: biased by O(1/N)


def test_z_posterior_mean_and_variance():
    log_z, mean, square = estimate(CHAIN, 3000, n=32)
    check_z_and_mean(log_z, mean)
    truth, post_mean, post_var = CHAIN.exact()
    assert log_z.mean() < truth  # Jensen
    assert abs((square.mean() - post_mean**2) - post_var) < 0.03


def test_a_mutant_that_drops_weights_fails_the_same_check(monkeypatch):
    real = module._weighed
    monkeypatch.setattr(  # what is wrong with it: weights restart at 1 although nothing was resampled
        module, "_weighed", lambda pay, lam, o, now: real(pay, lam, o, replace(now, weights=now.weights.resampled()))
    )
    log_z, mean, _ = estimate(CHAIN, 300, n=32)
    with pytest.raises(AssertionError):
        check_z_and_mean(log_z, mean)
    truth, post_mean, _ = CHAIN.exact()
    assert off(np.exp(log_z - truth), 1) > 8
    assert mean.mean() - post_mean < -0.1


@pytest.mark.slow
def test_error_falls_as_one_over_root_n():
    sizes, errors = [16, 32, 64, 128, 256], []  # max: with the heavy tails of diff an RMSE takes many more runs
    for n in sizes:
        log_z, _, _ = estimate(CHAIN, 300, seed=n, n=n, potential="max", threshold=1.0)
        errors.append(np.sqrt(np.mean((np.exp(log_z - CHAIN.exact()[0]) - 1) ** 2)))
    slope = np.polyfit(np.log(sizes), np.log(errors), 1)[0]
    assert -0.6 < slope < -0.4, slope


def test_optimal_twist_leaves_no_variance_at_all():
    """Any slip in log p - log q, in indices or in what is gathered shows here."""
    model = Twisted()
    for threshold in (0.0, 0.5, 1.0):
        log_z, _, _ = estimate(model, 50, n=4, threshold=threshold)
        assert log_z.std() < 1e-12
        assert abs(log_z - CHAIN.exact()[0]).max() < 1e-12


def test_twisted_samples_without_resampling_are_the_posterior():
    _, mean, square = estimate(Twisted(), 2000, n=4)
    _, post_mean, post_var = CHAIN.exact()
    assert off(mean, post_mean) < 4
    assert off(square, post_var + post_mean**2) < 4


def test_gaussian_mixture_against_quadrature():
    model = Mixture()
    log_z, mean, _ = estimate(model, 1000, n=32, rise="linear")
    truth, post_mean = model.exact()
    assert off(np.exp(log_z - truth), 1) < 4
    assert abs(mean.mean() - post_mean) < 0.01
    z, data_mean = model.data()
    assert (round(z, 6), round(data_mean, 6)) == (0.358183, 1.807651)
    gap = abs(replace(model, steps=80).exact()[1] - data_mean)  # as the steps grow the chain becomes the data
    assert gap < 0.35 * abs(post_mean - data_mean)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("potential", POTENTIALS)
def test_hidden_markov_chain_over_all_outcomes(scheme, potential, monkeypatch):
    for threshold, prune in ((0.0, False), (0.9, False), (1.0, False), (1.0, scheme in DISTINCT)):
        mean, leaves = expected(2, scheme, monkeypatch, potential=potential, threshold=threshold, prune=prune)
        assert abs(mean / math.exp(hmm_log_z(2)) - 1) < 1e-12
        assert leaves >= 16


@pytest.mark.parametrize("scheme", usual_or_slow(("systematic", "ssp"), {"systematic"}))
def test_hidden_markov_chain_of_three_stages_and_a_funnel(scheme, monkeypatch):
    truth = math.exp(hmm_log_z(3))
    for options in ({}, {"last": 1}, {"last": 1, "prune": True}):
        mean, _ = expected(3, scheme, monkeypatch, threshold=1.0, **options)
        assert abs(mean / truth - 1) < 1e-12


def test_enumeration_catches_a_biased_scheme(monkeypatch):
    monkeypatch.setitem(SCHEMES, "greedy", lambda weights, rng, m=None: np.full(len(weights), np.argmax(weights.W)))
    mean, _ = expected(2, "greedy", monkeypatch, threshold=1.0)
    assert abs(mean / math.exp(hmm_log_z(2)) - 1) > 0.02


def expected(stages, scheme, monkeypatch, law=None, **options):
    def spawn(choices):
        if scheme in REAL:
            monkeypatch.setitem(SCHEMES, scheme, enumerated(scheme, choices))
        reads = [k / stages for k in range(1, stages)]
        return smc(0, STRIDE * stages, lam=1.0, scheme=scheme, reads=reads, **{"n": 2, "kernel": DDPM, **options})

    return expected_z(spawn, law)


def test_pruned_deterministic_population_is_unbiased():
    model = LinearGaussian(kernel=Kernel("ode"))
    log_z, _, _ = estimate(model, 1000, n=16, prune=True, threshold=1.0, reads=(0.5,))
    assert off(np.exp(log_z - model.exact()[0]), 1) < 4


def test_funnel_is_unbiased():
    log_z, _, _ = estimate(CHAIN, 1000, n=32, last=8)
    assert off(np.exp(log_z - CHAIN.exact()[0]), 1) < 4


def test_adaptive_lambda_is_recorded_and_rises():
    done = replicate(CHAIN, lambda i: smc(i, 20, n=128, lam=4.0, rise="adaptive", kernel=DDPM, reads=DROPS), 200, 0)
    truth = replace(CHAIN, lam=4.0).exact()[0]
    assert off(np.exp([r.log_z - truth for r, _ in done]), 1) < 4
    for result, _ in done:
        lam = result.notes["lambda"]
        assert lam[-1] == 4.0 and lam == sorted(lam)
    assert max(r.notes["lambda"][0] for r, _ in done) < 4.0


def test_deterministic_population_is_refused_with_both_remedies():
    for kernel in (Kernel("ode"), Kernel("2m"), Kernel("ddim_eta", 0.0), Kernel("ddim_eta", 1.0, (0.0, 0.1))):
        with pytest.raises(ValueError, match=r"stochastic kernel .* prune = true"):
            next(smc(0, 20, kernel=kernel))
        next(smc(0, 20, kernel=kernel, prune=True))
        next(smc(0, 20, kernel=kernel, threshold=0.0))


def test_copies_are_made_only_where_noise_parts_them():
    toy = Toy()
    kernel = Kernel("ddim_eta", 1.0, (0.2, 0.7))
    reads = (0.1, 0.15, 0.4, 0.6, 0.8)  # no noise after .1 before .15, nor from .7 on
    result, rounds = drive(smc(0, 20, n=8, lam=50.0, threshold=1.0, kernel=kernel, reads=reads), toy.run)
    assert result.notes["left_out"] == [2, 16]
    assert len(result.notes["ancestors"]) == len(rounds) - 1 == 3
    assert all(len(set(a)) < 8 for a in result.notes["ancestors"])
    for outcomes in rounds:
        assert len({toy.states[o.key] for o in outcomes}) == 8


def test_a_read_that_cannot_act_changes_nothing_but_the_cost():
    """At the default kernel a read at 80 % is left out: the same videos and weights as with it."""
    three, rounds = drive(smc(0, 20, n=8, lam=5.0), Toy().run)
    four, more = drive(smc(0, 20, n=8, lam=5.0, reads=(0.2, 0.4, 0.6, 0.8)), Toy().run)
    last, _ = drive(smc(0, 20, n=8, lam=5.0, reads=(0.2, 0.4, 0.6, 0.8), last=7), Toy().run)
    assert (three.finals, three.log_weights, three.log_z) == (four.finals, four.log_weights, four.log_z)
    assert len(rounds) == len(more) == 4 and "left_out" not in three.notes and four.notes["left_out"] == [16]
    assert len(last.notes["ess"]) == 5  # where the population shrinks, the read drops a particle


@pytest.mark.parametrize("steps", range(4, 60))
def test_every_default_read_can_act(steps):
    result, _ = drive(smc(0, steps, n=2), Toy(LinearGaussian(steps=steps)).run)
    assert "left_out" not in result.notes


def plain(toy, seed, slot, kernel, stops=(4, 8, 12, 20)):
    """What a sampler without any selection makes in this slot."""
    outcome = None
    for k, stop in enumerate(stops):
        outcome = toy.run(Move(None if outcome is None else outcome.key, (seed, k, slot), stop, kernel))
    return outcome


@pytest.mark.parametrize("options", [{"lam": 0.0}, {"threshold": 0.0}, {"n": 1}], ids=str)
def test_reductions_to_plain_sampling_bit_for_bit(options):
    toy = Toy()
    result, _ = drive(smc(3, 20, kernel=DDPM, **{"n": 8, **options}), toy.run)
    again = Toy()
    assert list(result.finals) == [plain(again, 3, i, DDPM) for i in range(options.get("n", 8))]
    assert {o.key: toy.states[o.key] for o in result.finals}.items() <= again.states.items()


def test_best_of_n_is_smc_without_reads():
    bon, _ = drive(strategy("best_of_n")(5, 20, n=8, kernel=DDPM), Toy().run)
    flat, _ = drive(smc(5, 20, n=8, kernel=DDPM, reads=(1.0,)), Toy().run)
    assert (bon.finals, bon.best) == (flat.finals, flat.best)
    ode, _ = drive(smc(5, 20, n=8, kernel=Kernel("ode"), reads=(1.0,)), Toy().run)  # nothing to resample: not refused
    assert ode.finals == drive(strategy("best_of_n")(5, 20, n=8), Toy().run)[0].finals


def test_a_nan_reward_kills_its_particle_and_is_counted():
    toy = Toy()

    def run(move):
        outcome = toy.run(move)
        return replace(outcome, reward=math.nan) if move.seed == (0, 1, 2) else outcome

    result, _ = drive(smc(0, 20, n=4, lam=1.0, kernel=DDPM, threshold=1.0), run)
    assert result.notes["nan"] == 1
    assert 2 not in result.notes["ancestors"][1]
    assert math.isfinite(result.log_z)


def test_genealogy_and_roots():
    result, _ = drive(smc(1, 20, n=16, lam=20.0, kernel=DDPM), Toy().run)
    line = list(range(16))
    for ancestors in result.notes["ancestors"]:
        line = line if ancestors is None else [line[a] for a in ancestors]
    assert len(set(line)) == result.notes["roots"] < 16
    assert math.isclose(math.fsum(math.exp(w) for w in result.log_weights), 1, rel_tol=1e-12)


@pytest.mark.parametrize("law", [Hmm, Guided], ids=["plain", "guided"])
@pytest.mark.parametrize("kappa", [0.6, 0.95])
def test_adaptive_lambda_is_exactly_unbiased_with_and_without_a_guide(law, kappa, monkeypatch):
    """E[Z_hat] = Z at 1e-12 over all outcomes, although lambda depends on the particles."""
    z, outcomes = expected(2, "systematic", monkeypatch, law=law, rise="adaptive", kappa=kappa, threshold=1.0)
    assert outcomes == 48 and abs(z / math.exp(hmm_log_z(2)) - 1) < 1e-12


@pytest.mark.parametrize(
    "options", [{"rise": "linear"}, {"rise": "adaptive", "kappa": 0.95}, {"slopes": (0.3,)}], ids=str
)
def test_a_guide_that_rises_with_lambda_leaves_z_exactly_unbiased(options, monkeypatch):
    guide = Guide("mean", 1.0, norm="variance", strict=True)
    scales = set()

    class Seen(Steered):
        def run(self, move):
            outcome = super().run(move)
            scales.add((move.to, self.scales[-1]))
            return outcome

    z, _ = expected(2, "systematic", monkeypatch, law=Seen, guide=guide, temper=True, threshold=1.0, **options)
    assert abs(z / math.exp(hmm_log_z(2)) - 1) < 1e-12
    first = {"linear": 0.5, "adaptive": 0.0}.get(options.get("rise"), 0.3)
    assert {s for to, s in scales if to == 2} == {first}
    later = {s for to, s in scales if to == 4}
    assert later == {1.0} if options.get("rise") != "adaptive" else len(later) > 1 and max(later) <= 1


def test_slopes_set_lambda_and_are_measured():
    def found(**options):
        done = replicate(CHAIN, lambda i: smc(i, 20, n=32, lam=1.0, kernel=DDPM, **options), 60, 0)
        return [r.notes for r, _ in done]

    plain, selected = (np.array([n["slopes"] for n in found(threshold=t)], dtype=float) for t in (0.0, 1.0))
    assert plain.shape == (60, 3)
    assert all(0.6 < slope < 1.4 for slope in plain.mean(0)[1:])
    assert abs(selected.mean(0) - plain.mean(0))[1:].max() < 0.25  # selection by a preview leaves its slope as it is
    assert found(slopes=(0.2, 0.5, 0.8))[0]["lambda"] == [0.2, 0.5, 0.8, 1.0]
    for wrong in ({"slopes": (1.0,)}, {"slopes": (0.1, 0.2, 0.3), "rise": "linear"}):
        with pytest.raises(UsageError, match="one for each of the 3 reads before the last, without rise"):
            next(smc(0, 20, **wrong))


def test_adaptive_lambda_with_log_ratios_keeps_kappa_or_comes_nearest_to_it():
    rng = np.random.default_rng(1)
    weights, r = Weights.uniform(64), rng.normal(size=64)
    ratio = -1.5 * r + 0.1 * rng.normal(size=64)  # a guide that has moved the particles up the reward

    def increment(lam):
        return lam * r + ratio

    lam = adaptive(weights, increment, 0.0, 10.0, kappa=0.9)
    assert weights.cess(increment(0.0)) < 0.9 * 64  # where bisection alone stays
    assert lam > 1.5 and weights.cess(increment(lam)) == pytest.approx(0.9 * 64, rel=1e-6)
    nearest = adaptive(weights, lambda v: 3 * increment(v), 0.0, 10.0, kappa=1.0)
    assert nearest == pytest.approx(1.5, abs=10 / 32)
