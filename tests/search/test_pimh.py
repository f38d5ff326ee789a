"""PIMH over all outcomes of its runs, by hand computed chains, and on the linear-Gaussian chain."""

from __future__ import annotations

import importlib
import itertools
import math

import numpy as np
import pytest

from examples.exact.drivers import Toy, drive, replicate
from examples.exact.enumeration import (
    EMISSION,
    START,
    STRIDE,
    TRANSITION,
    CellRng,
    Choices,
    Hmm,
    driven,
    enumerated,
    expected,
    hmm_log_z,
)
from examples.exact.models import DDPM, LinearGaussian
from raysearch.moves import Outcome, Result, Round
from raysearch.search import strategy
from raysearch.search.common import sub_seed
from raysearch.search.resampling import SCHEMES

pimh, smc = strategy("pimh"), strategy("smc")
module = importlib.import_module("raysearch.search.pimh")
OPTIONS = {"lam": 1.0, "scheme": "enumerated", "reads": (0.5,), "kernel": DDPM}


def test_log_z_of_two_runs_is_unbiased_over_all_outcomes(monkeypatch):
    def spawn(choices):
        monkeypatch.setitem(SCHEMES, "enumerated", enumerated("systematic", choices))
        return pimh(0, 2 * STRIDE, n=1, runs=2, threshold=0.0, **OPTIONS)

    mean, outcomes = expected(spawn, lambda result, _: [math.exp(result.log_z)])
    assert outcomes == 16 and abs(mean[0] / math.exp(hmm_log_z(2)) - 1) < 1e-12


@pytest.mark.parametrize("options", [{}, {"rise": "adaptive", "kappa": 0.6}], ids=str)
def test_the_target_is_invariant_over_all_outcomes(options, monkeypatch):
    """Under p(run) Z_hat(run) the state of the chain has the posterior law, and after a step it has that law again."""

    def run(choices):
        monkeypatch.setitem(SCHEMES, "enumerated", enumerated("systematic", choices))
        model, ends = Hmm(choices), np.zeros((2, 2))
        result = driven(smc(0, 2 * STRIDE, n=2, threshold=1.0, **OPTIONS, **options), model.run)
        for o, w in zip(result.finals, result.log_weights, strict=True):
            ends[model.paths[int(o.key)]] += math.exp(w)
        return round(math.exp(result.log_z), 14), ends

    leaves = list(Choices.all_of(run))
    chances, z = np.array([p for p, _ in leaves]), np.array([z for _, (z, _) in leaves])
    truth = math.exp(hmm_log_z(2))
    there = chances * z / truth
    posterior = np.outer(START, [1, 1]) * TRANSITION * np.outer(EMISSION[0], EMISSION[1]) / truth
    law = np.array([ends for _, (_, ends) in leaves])
    assert abs(np.tensordot(there, law, 1) - posterior).max() < 1e-13
    values, kind = np.unique(z, return_inverse=True)
    assert len(values) > 4  # or acceptance would not matter
    accept = acceptance(values.tolist(), monkeypatch)[np.ix_(kind, kind)]
    move = chances * accept + np.diag(1 - accept @ chances)
    assert abs(there @ move - there).max() < 1e-13


def acceptance(values, monkeypatch):
    """The probability with which the strategy itself goes from a run of one Z_hat to one of another."""
    table = np.zeros((len(values), len(values)))
    for (i, a), (j, b) in itertools.product(enumerate(values), repeat=2):
        edges = np.unique([0.0, min(1.0, b / a), 1.0])

        def visited(choices, a=a, b=b, edges=edges):
            runs = iter((a, b))
            monkeypatch.setattr(module, "smc", lambda *_, **__: scripted(next(runs)))
            monkeypatch.setattr(module, "stream", lambda *_: CellRng(choices, edges))
            return driven(pimh(0, 4, n=1, runs=2), lambda move: None).notes["visits"]

        table[i, j] = sum(p for p, visits in Choices.all_of(visited) if visits == [1, 1])
    return table


def scripted(z, rewards=(0.0,), log_w=(0.0,)):
    """A run of smc that ends with a given Z_hat."""
    yield Round(())
    finals = tuple(Outcome(f"{z} {i}", r) for i, r in enumerate(rewards))
    return Result(finals, 0, log_w, math.log(z), {"lambda": [1.0], "ess": [1.0], "roots": 1, "nan": 0})


def test_visits_weights_and_log_z_by_hand(monkeypatch):
    """Z_hat 1, 4, 2, 2, 1 and u .9, .6, .4, .3: goes to run 1, stays (.6 > 2 / 4), goes (.4 < 2 / 4 and .3 < 1 / 2)."""
    runs = iter((1.0, 4.0, 2.0, 2.0, 1.0))
    halves = (math.log(0.25), math.log(0.75))
    monkeypatch.setattr(module, "smc", lambda *_, **__: scripted(next(runs), (0.1, 0.3), halves))
    u = {1: 0.9, 2: 0.6, 3: 0.4, 4: 0.3}
    monkeypatch.setattr(module, "stream", lambda *a: CellRng(Choices([]), np.array([u[a[2]], u[a[2]]])))
    result = driven(pimh(0, 4, n=2, runs=5), lambda move: None)
    assert result.notes["visits"] == [1, 2, 0, 1, 1] and result.notes["acceptance"] == 3 / 4
    weights = [math.exp(w) for w in result.log_weights]
    assert weights == pytest.approx([0.05, 0.15, 0.1, 0.3, 0.0, 0.0, 0.05, 0.15, 0.05, 0.15])
    assert math.exp(result.log_z) == pytest.approx((1 + 4 + 2 + 2 + 1) / 5)
    assert result.notes["log_z_error"] == pytest.approx(math.sqrt(6 / 4 / 5) / 2)  # squares about the mean of 2: 6
    assert result.best == 1 and len(result.finals) == 10
    assert (result.notes["n"], result.notes["runs"]) == (2, 5)


def test_run_0_has_the_moves_of_smc_and_runs_share_nothing():
    toy, moves = Toy(), []
    result, rounds = drive(pimh(3, 20, n=4, runs=3, lam=2.0, kernel=DDPM), lambda m: (moves.append(m), toy.run(m))[1])
    alone, own = drive(smc(3, 20, n=4, lam=2.0, kernel=DDPM), Toy().run)
    assert rounds[: len(own)] == own and result.finals[:4] == alone.finals
    assert result.notes["log_z"][0] == alone.log_z
    second, _ = drive(smc(sub_seed(3, 1), 20, n=4, lam=2.0, kernel=DDPM), Toy().run)
    assert result.finals[4:8] == second.finals
    assert len({m.seed for m in moves}) == len(moves)


def test_notes_of_the_rounds_speak_of_all_runs():
    search, toy, notes = pimh(0, 20, n=2, runs=3, kernel=DDPM), Toy(), []
    round_ = next(search)
    while True:
        notes.append(round_.note)
        try:
            round_ = search.send([toy.run(m) for m in round_.moves])
        except StopIteration:
            break
    assert len(notes) == 12 and {(n["rounds"], n["nfe"]) for n in notes} == {(12, 120)}
    assert [n["run"] for n in notes] == [k for k in range(3) for _ in range(4)]


def test_many_small_runs_find_the_posterior_mean_that_one_of_them_misses():
    model = LinearGaussian()
    log_z, mean, _ = model.exact()
    done = replicate(model, lambda i: pimh(i, 20, n=2, runs=24, lam=1.0, kernel=DDPM), 60, 0)
    first, chain, ratios = [], [], []
    for result, x in done:
        w = np.exp(result.log_weights)
        first.append(np.exp(np.array(result.log_weights[:2]) - np.logaddexp(*result.log_weights[:2])) @ x[:2])
        chain.append(w @ x)
        ratios.append(math.exp(result.log_z - log_z))
    assert mean - np.mean(first) > 0.1
    assert abs(np.mean(chain) - mean) < 0.05
    assert abs(np.mean(ratios) - 1) < 4 * np.std(ratios, ddof=1) / math.sqrt(len(ratios))
