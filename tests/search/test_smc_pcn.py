"""SMC with Markov chains after it: exact over all outcomes, decisions by hand, what it gains on a Gaussian chain."""

from __future__ import annotations

import importlib
import math
from dataclasses import replace

import numpy as np
import pytest

from examples.exact.drivers import Toy, drive, replicate
from examples.exact.enumeration import (
    EMISSION,
    START,
    STRIDE,
    TRANSITION,
    Noisy,
    enumerated,
    expected,
    hmm_log_z,
)
from examples.exact.models import DDPM, LinearGaussian
from raysearch.moves import Kernel
from raysearch.search import strategy
from raysearch.search.common import stream
from raysearch.search.resampling import SCHEMES

smc_pcn, smc = strategy("smc_pcn"), strategy("smc")
module = importlib.import_module("raysearch.search.smc_pcn")


def unnormalised(stages):
    """gamma(path) of the hidden Markov chain, (2,) * stages."""
    gamma = np.array(START) * EMISSION[0]
    for k in range(1, stages):
        gamma = gamma[..., None] * np.array(TRANSITION) * EMISSION[k]
    return gamma


@pytest.mark.parametrize(
    ("stages", "options"),
    [
        (3, {"keep": (0.0,)}),
        (3, {"keep": (2 / 3,)}),
        (3, {"keep": (2 / 3, 0.0), "rounds": 2}),
        (2, {"keep": (1 / 2,), "n": 2}),
    ],
    ids=str,
)
def test_z_hat_times_the_mean_of_a_function_is_unbiased_over_all_outcomes(stages, options, monkeypatch):
    """After one or two steps of the chains, pCN and redrawn ends, Z_hat times the law of the particles is gamma."""

    def spawn(choices):
        monkeypatch.setitem(SCHEMES, "enumerated", enumerated("systematic", choices))
        monkeypatch.setattr(module, "accepted", lambda gain, _: taken(choices, min(1.0, math.exp(gain))))
        more = {"n": 1, "rounds": 1, "beta": 0.4, "reads": (1 - 1 / stages,), "threshold": 1.0, **options}
        return smc_pcn(0, STRIDE * stages, lam=1.0, scheme="enumerated", kernel=DDPM, **more)

    def law(result, model):
        ends = np.zeros((2,) * stages)
        for o, w in zip(result.finals, result.log_weights, strict=True):
            ends[model.paths[int(o.key)]] += math.exp(w)
        return (math.exp(result.log_z) * ends).ravel()

    mean, outcomes = expected(spawn, law, Noisy)
    assert outcomes >= 20
    assert abs(mean - unnormalised(stages).ravel()).max() < 1e-13
    assert math.isclose(mean.sum(), math.exp(hmm_log_z(stages)), rel_tol=1e-12)


def taken(choices, chance):
    return chance == 1 or choices.choose([chance, 1 - chance]) == 0


def test_without_reward_every_proposal_is_taken_and_keeps_what_it_is_told_to():
    toy, moves = Toy(), []
    options = {"n": 3, "rounds": 3, "keep": (0.0, 0.5), "lam": 0.0, "beta": 0.3, "kernel": DDPM}
    result, rounds = drive(smc_pcn(4, 20, **options), lambda m: (moves.append(m), toy.run(m))[1])
    run, own = drive(smc(4, 20, n=3, lam=0.0, kernel=DDPM), Toy().run)
    assert rounds[: len(own)] == own
    assert result.notes["acceptance"] == [1.0] * 3 and result.notes["keep"] == [0, 8, 0]
    assert result.notes["survivors"] == [0, 1, 2] and result.log_z == run.log_z == 0.0
    later = moves[12:]
    shape = [(m.seed[1], m.to, m.mutate, m.score) for m in later[::3]]
    assert shape == [
        (0, 0, 0.0, False), (1, 0, 0.3, False), (1, 8, 0.0, False), (1, 20, 0.0, True), (2, 20, 0.0, True),
        (3, 0, 0.3, False), (3, 8, 0.0, False), (3, 20, 0.0, True),
    ]  # fmt: skip
    keys = [m.key("toy") for m in later]
    assert [m.seed for m in later[:3]] == [(4, 0, i) for i in range(3)]  # the noises from which the run began
    assert toy.states[keys[0]][0] == Toy.noise(moves[0], -1)
    assert [m.parent for m in later[12:15]] == keys[6:9]  # the second proposals keep the states of the first at step 8
    assert [m.parent for m in later[15:18]] == keys[3:6]  # the third begin at the noises of the first
    assert [o.key for o in result.finals[:3]] == keys[21:]


def test_a_proposal_is_taken_by_reward_and_by_the_log_ratio_of_the_new_path():
    """lam 2: the gain of slot 0 is 2 * .5 - 3 < log .2, of slot 1 2 * (-1) + 1.5 > log .2; what is kept cancels."""
    toy = Toy()

    def run(move):
        outcome = toy.run(move)
        _, k, slot = move.seed[:3]
        if k == 1 and len(move.seed) == 4:
            return replace(outcome, reward=(1.5, 0.0)[slot], log_ratio=(-3.0, 1.5)[slot])
        return replace(outcome, reward=1.0, log_ratio=-7.0 if move.to <= 8 else 0.0)

    options = {"n": 2, "rounds": 1, "keep": (0.4,), "lam": 2.0, "threshold": 0.0, "kernel": DDPM}
    u = {(0, 0, 0, 2): 0.5, (0, 1, 0, 3): 0.2, (0, 1, 1, 3): 0.2}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "stream", lambda *a: np.random.default_rng(0) if a[4] == 2 else Fixed(u[a[1:]]))
        result, rounds = drive(smc_pcn(0, 20, **options), run)
    assert result.notes["acceptance"] == [0.5]
    assert [o.key for o in result.finals] == [rounds[3][0].key, rounds[4][1].key, rounds[4][0].key]
    assert result.log_weights == pytest.approx((math.log(0.5), math.log(0.5), -math.inf))
    assert result.best == 2 and result.winner.reward == 1.5  # the best seen, which no chain is at


class Fixed:
    """A stream of one uniform."""

    def __init__(self, u):
        self.u = u

    def random(self):
        return self.u


def test_a_proposal_without_reward_is_refused():
    toy = Toy()

    def run(move):
        outcome = toy.run(move)
        return replace(outcome, reward=math.nan) if len(move.seed) == 4 else outcome

    result, rounds = drive(smc_pcn(0, 20, n=4, lam=1.0, kernel=DDPM), run)
    assert result.notes["acceptance"] == [0.0, 0.0]
    assert {o.key for o in result.finals} <= {o.key for o in rounds[3]}


def test_the_final_population_is_resampled_by_its_weights():
    toy = Toy()
    options = {"n": 8, "lam": 3.0, "threshold": 0.0, "kernel": DDPM, "reads": (0.4,)}
    run, _ = drive(smc(1, 20, **options), Toy().run)
    survivors = SCHEMES["systematic"](np.exp(run.log_weights), stream(run.finals[0].key, 1, 0, 0, 2))
    result, _ = drive(smc_pcn(1, 20, rounds=1, **options), toy.run)
    assert result.notes["survivors"] == survivors.tolist() and len(set(survivors)) < 8


def test_keep_is_an_earlier_read_with_noise_after_it():
    begun = smc_pcn(0, 20, n=2, keep=(0.7, 0.1, 0.65), rounds=3, kernel=DDPM)
    result, _ = drive(begun, Toy().run)
    assert result.notes["keep"] == [12, 0, 12]
    with pytest.raises(
        ValueError, match=r"keep=\(0.6,\): at 0.6 .* up to step 12 of 20.*the kernel has no noise later"
    ):
        next(smc_pcn(0, 20, keep=(0.6,), threshold=0.0, kernel=Kernel("ddim_eta", 0.7, (0.2, 0.5))))
    with pytest.raises(ValueError, match=r"keep=\(0.4,\): with prune particles join on the way.*0.4; give 0"):
        next(smc_pcn(0, 20, prune=True))
    with pytest.raises(ValueError, match=r"keep=\(\): give at least one"):
        next(smc_pcn(0, 20, keep=()))


def test_the_ode_runs_pruned_and_its_copies_part_by_pcn():
    toy = Toy(LinearGaussian(kernel=Kernel("ode")))
    options = {"n": 8, "prune": True, "keep": (0.0,), "rounds": 3, "lam": 2.0, "kernel": Kernel("ode")}
    result, rounds = drive(smc_pcn(0, 20, **options), toy.run)
    ends = [o.key for outcomes in rounds for o in outcomes if toy.states[o.key][1] == 20]
    assert len(set(ends)) == len(ends)
    assert math.fsum(math.exp(w) for w in result.log_weights) == pytest.approx(1.0)


@pytest.mark.parametrize("keep", [(0.0,), (0.4,)], ids=str)
def test_a_small_population_comes_closer_to_the_posterior(keep):
    model = LinearGaussian(lam=4.0)
    _, mean, _ = model.exact()
    options = {"n": 4, "lam": model.lam, "kernel": DDPM}
    runs = replicate(model, lambda i: smc(i, 20, **options), 300, 1)
    chains = replicate(model, lambda i: smc_pcn(i, 20, keep=keep, rounds=8, beta=0.5, **options), 100, 0)
    before, after = (np.array([np.exp(r.log_weights) @ x for r, x in done]) for done in (runs, chains))
    assert abs(after.mean() - mean) < 0.6 * abs(before.mean() - mean)
