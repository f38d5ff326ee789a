"""Guided SMC against exact answers: its weights are right, whatever the guide does."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from examples.exact.drivers import drive
from examples.exact.models import DDPM, LinearGaussian, flow_grid
from raysearch.moves import Guide, Outcome
from raysearch.prompts import Prompt
from raysearch.sampling.workers import run_move
from raysearch.search import strategy

CPU = torch.device("cpu")
SHORT = LinearGaussian(DDPM, steps=4)
FEW = {"n": 3, "lam": 1.0, "reads": (0.5,), "threshold": 0.5}


@dataclass
class Chain:
    """The linear-Gaussian chain of the oracles as a generator of videos of one pixel.

    ahead: decode as the next state will be seen, which for a linear reward makes the mean guide the optimal proposal.
    """

    model: LinearGaussian
    ahead: bool = False
    step: int = 0

    @property
    def steps(self):
        return self.model.steps

    def draw(self, noise):
        return torch.randn(1, 1, 1, 1, generator=noise)

    def denoise(self, x, k, noise, grad=False):
        sigma = float(flow_grid(self.steps)[k])
        return self.model.mu + self.model._gain(sigma) * (x - (1 - sigma) * self.model.mu)

    def decode(self, x0, noise, grad=False):
        gain = self.model._gain(float(flow_grid(self.steps)[self.step + 1])) if self.ahead else 1.0
        return gain * x0.expand(1, 3, 1, 1)

    def path(self, k):
        self.step = k  # asked for at every step, denoise only where the state does not carry its x0_hat
        s, s1 = (float(v) for v in flow_grid(self.steps)[k : k + 2])
        return 1 - s, s, 1 - s1, s1


def quadratic(model):
    return lambda v: -((v.mean() - model.c) ** 2) / (2 * model.tau2)


def linear(v):
    return 1.5 * v.mean()


def critic(reward):
    def ask(seen):
        v = torch.from_numpy(np.array(seen)).double().requires_grad_(True)
        with torch.enable_grad():
            r = reward(v)
            (slope,) = torch.autograd.grad(r, v)
        return r.item(), slope.numpy()

    return ask


def estimate(chain, reward, guide, runs, mangle=lambda outcome: outcome, **options):
    """log Z_hat of guided smc, every Move carried by `run_move`."""
    found = []
    for seed in range(runs):
        states = {}

        def run(move, states=states):
            parent = states.get(move.parent)
            state, ratio, _ = run_move(chain, move, Prompt("p", "x"), parent, CPU, critic(reward))
            key = move.key("")
            states[key] = state
            seen = torch.from_numpy(state.x if move.to == chain.steps else state.x0)
            return mangle(Outcome(key, reward(seen.double()).item(), log_ratio=ratio))

        search = strategy("smc")(seed, chain.steps, guide=guide, kernel=chain.model.kernel, **options)
        with torch.no_grad():
            found.append(drive(search, run)[0].log_z)
    return np.array(found)


def off(values, truth):
    return abs(values.mean() - truth) / (values.std(ddof=1) / math.sqrt(len(values)))


@pytest.fixture(scope="module")
def plain():
    """Z_hat / Z of smc without guide."""
    ratio = np.exp(estimate(Chain(SHORT), quadratic(SHORT), None, 100, **FEW) - SHORT.exact()[0])
    assert off(ratio, 1) < 4
    return ratio


def test_the_optimal_shift_leaves_no_variance_at_all():
    """Under a linear reward the optimal proposal is a shift of the mean: any slip in log p - log q shows."""
    model, lam = LinearGaussian(DDPM, steps=8), 2.0
    m, p = model.moments()
    exact = lam * 1.5 * m + (lam * 1.5) ** 2 * p / 2
    guide = Guide("mean", lam, norm="variance", strict=True)
    log_z = estimate(Chain(model, ahead=True), linear, guide, 6, n=3, lam=lam, threshold=0.0)
    assert np.abs(log_z - exact).max() < 2e-5
    halved = estimate(Chain(model, True), linear, replace(guide, scale=lam / 2), 6, n=3, lam=lam, threshold=0.0)
    assert halved.std() > 1e-2


@pytest.mark.parametrize(
    "guide",
    [
        Guide("mean", 0.5, clip=1.0, strict=True),
        Guide("full", 0.4, inner=2, clip=0.7, strict=True, every=2),
        Guide("full", 1.0, norm="variance", strict=True),
    ],
    ids=lambda g: f"{g.name}-{g.norm}",
)
def test_guided_smc_estimates_z_without_bias_and_better(guide, plain):
    ratio = np.exp(estimate(Chain(SHORT), quadratic(SHORT), guide, 100, **FEW) - SHORT.exact()[0])
    assert off(ratio, 1) < 4
    assert ratio.std() < plain.std()


def test_weights_that_forget_the_guide_are_found_out():
    guide = Guide("mean", 0.5, clip=1.0, strict=True)
    forget = estimate(Chain(SHORT), quadratic(SHORT), guide, 100, lambda o: replace(o, log_ratio=0.0), **FEW)
    assert off(np.exp(forget - SHORT.exact()[0]), 1) > 4
