"""Proposals that follow the gradient (pCNL): by hand, against Gaussian densities, and as a sampler."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from examples.exact.drivers import drive
from raysearch.errors import UsageError
from raysearch.moves import Guide, Kernel, Move, Outcome
from raysearch.prompts import Prompt
from raysearch.sampling.drift import propose
from raysearch.sampling.guidance import GuidedStep
from raysearch.sampling.workers import CountingCritic, run_move
from raysearch.search import options_of, strategy

CPU, PROMPT = torch.device("cpu"), Prompt("p", "a ball")
BETA = 0.6  # rho = .8


@dataclass
class Straight:
    """One step from z to x = slope z + .2, a video of two pixels; draws carry the scale of the path."""

    slope: float = 0.5
    scale: float = 1.0
    steps: int = 1

    def on(self, prompt):
        return self

    def draw(self, noise):
        return self.scale * torch.randn(1, 1, 1, 2, generator=noise)

    def denoise(self, x, k, noise, grad=False):
        return self.slope * x / self.scale + 0.2

    def decode(self, x0, noise, grad=False):
        return x0.reshape(1, 1, 1, 2).expand(1, 3, 1, 2)

    def path(self, k):
        return (0.0, 1.0, 1.0, 0.0) if self.scale == 1.0 else (1.0, self.scale, 1.0, 0.0)


def linear(view, through_context=True):
    """r = 3 x_1 - x_2, of the first channel."""
    g = np.zeros(view.shape, np.float32)
    g[0, 0, 0] = 3.0, -1.0
    return float((g * view).sum()), g


def quadratic(view, through_context=True):
    """r = -|x - (1, -.5)|^2 of the first channel."""
    g = np.zeros(view.shape, np.float32)
    gap = view[0, 0, 0] - np.array([1.0, -0.5], np.float32)
    g[0, 0, 0] = -2 * gap
    return -float((gap * gap).sum()), g


def site(critic, drift, generator=None):
    return GuidedStep(generator or Straight(), drift, Kernel(), critic, None, 0, lambda _: torch.Generator())


def row(*values):
    return torch.tensor(values, dtype=torch.float32).reshape(1, 1, 1, -1)


FREE = torch.ones(1, 1, 1, 2, dtype=torch.bool)


def test_a_proposal_by_hand():
    """r = 3 x_1 - x_2 and dx/dz = .5: d = .2 * 2 * (1.5, -.5) = (.6, -.2) at every z."""
    moved, ratio = propose(site(linear, Guide("full", 2.0, norm="plain")), row(1.0, 0.0), row(0.5, -1.0), BETA, FREE)
    assert moved.flatten().tolist() == pytest.approx([0.8 + 0.6 + 0.3, -0.2 - 0.6])
    z, z1, d = np.array([1.0, 0.0]), np.array([1.7, -0.8]), np.array([0.6, -0.2])
    assert ratio == pytest.approx(((z - 0.8 * z1) @ d - (z1 - 0.8 * z) @ d) / 0.36, rel=1e-6)


@pytest.mark.parametrize("scale", [1.0, 40.0], ids=["flow", "edm"])
@pytest.mark.parametrize("drift", [Guide("full", 1.5), Guide("mean", 1.5), Guide("full", 1.5, clip=0.2)], ids=str)
def test_the_log_ratio_is_that_of_the_densities(drift, scale):
    generator = Straight(scale=scale)
    z, eps = np.array([0.7, -1.2]), np.array([-0.4, 0.9])
    x = scale * row(*z)
    moved, ratio = propose(site(quadratic, drift, generator), x, row(*eps), BETA, FREE)
    z1 = moved.double().flatten().numpy() / scale

    def shift(v):
        chain = 0.5 if drift.name == "full" else 1.0  # `mean` stops at x0_hat
        d = 0.2 * 1.5 * chain * -2 * (0.5 * v + 0.2 - np.array([1.0, -0.5]))
        longest = math.inf if drift.clip is None else drift.clip * BETA
        return d * min(1.0, longest / np.linalg.norm(d))

    def log_q(start, end):
        return -((end - 0.8 * start - shift(start)) ** 2).sum() / (2 * 0.36)

    assert z1 == pytest.approx(0.8 * z + shift(z) + 0.6 * eps, abs=1e-6)
    if drift.clip:
        assert np.linalg.norm(shift(z)) == pytest.approx(0.12)
    assert ratio == pytest.approx(log_q(z1, z) - z1 @ z1 / 2 - log_q(z, z1) + z @ z / 2, rel=1e-5)


def test_held_positions_do_not_move_and_do_not_count():
    free, drift = torch.tensor([True, False]).reshape(1, 1, 1, 2), Guide("full", 2.0)
    moved, ratio = propose(site(linear, drift), row(1.0, 5.0), row(0.5, -1.0), BETA, free)
    alone, one = propose(site(linear, drift), row(1.0, 7.0), row(0.5, 3.0), BETA, free)
    assert moved.flatten().tolist() == pytest.approx([1.7, 5.0]) and alone.flatten()[1] == 7.0
    assert ratio == one == pytest.approx(((1 - 0.8 * 1.7) * 0.6 - 0.9 * 0.6) / 0.36, rel=1e-6)


class World:
    """Runs Moves by `run_move`, with the reward of the critic."""

    def __init__(self, critic, generator=None):
        self.critic, self.generator, self.states, self.nfe = critic, generator or Straight(), {}, 0

    def run(self, move):
        key, counted = move.key("w"), CountingCritic(self.critic)
        parent = self.states[move.parent] if move.parent else None
        state, ratio, nfe = run_move(self.generator, move, PROMPT, parent, CPU, counted)
        self.states[key], self.nfe = state, self.nfe + nfe
        assert counted.calls == nfe == 2 if move.drift else counted.calls == 0
        r = self.critic(self.generator.decode(torch.from_numpy(state.x), None).numpy())[0] if move.score else math.nan
        return Outcome(key, r, log_ratio=ratio)


def test_under_a_linear_reward_pcnl_is_exact_and_everything_is_accepted():
    """Its stationary law is then the target, N(lambda gradient, 1): the gains of target and proposal cancel."""
    world, gains = World(linear), []
    result, rounds = drive(
        strategy("pcn")(0, 1, n=5, rounds=4, lam=1.7, beta=BETA, drift=Guide("full", 1.0)), world.run
    )
    assert result.notes["acceptance"] == 1.0
    assert world.nfe == 5 * (1 + 4 * (1 + 2))
    videos = rounds[1::2]
    for k, proposals in enumerate(rounds[2::2]):
        gains += [
            1.7 * (new.reward - old.reward) + noise.log_ratio
            for old, new, noise in zip(videos[k], videos[k + 1], proposals, strict=True)
        ]
    assert len(gains) == 20 and max(map(abs, gains)) < 1e-4
    plain, _ = drive(strategy("pcn")(0, 1, n=5, rounds=4, lam=1.7, beta=BETA), World(linear).run)
    assert plain.notes["acceptance"] < 0.9


def test_the_law_of_the_chains_is_exact_though_the_drift_overshoots():
    """Target: N of each pixel of x = .5 z + .2 under exp(-lambda (x - c)^2); the drift is twice lambda's."""
    options = {"n": 100, "rounds": 8, "lam": 2.0, "beta": 0.8, "drift": Guide("full", 2.0)}
    world = World(quadratic)
    result, _ = drive(strategy("pcn")(1, 1, **options), world.run)
    x = np.array([world.states[o.key].x.ravel() for o in result.finals[:100]])
    precision = 1 / 0.25 + 4.0
    mean = (0.2 / 0.25 + 4.0 * np.array([1.0, -0.5])) / precision
    assert (abs(x.mean(0) - mean) < 4 / math.sqrt(precision * 100)).all()
    assert (abs(x.var(0) * precision - 1) < 4 * math.sqrt(2 / 100)).all()
    assert 0.1 < result.notes["acceptance"] < 0.9


def test_a_drift_needs_pure_noise_and_a_critic():
    world = World(linear)
    noise = world.run(Move(None, (0,), 0, score=False))
    video = world.run(Move(noise.key, (1,), 1))
    drift = Guide("full", 1.0)
    for move in (
        Move(None, (2,), 0, mutate=0.3, drift=drift, score=False),
        Move(video.key, (2,), 1, mutate=0.3, drift=drift),
        Move(noise.key, (2,), 1, mutate=0.3, drift=drift),
        Move(noise.key, (2,), 0, drift=drift),
    ):
        with pytest.raises(UsageError, match="a Move with a drift mutates pure noise"):
            world.run(move)
    with pytest.raises(UsageError, match="drift 'full': there is no reward here"):
        run_move(Straight(), Move(noise.key, (2,), 0, mutate=0.3, drift=drift), PROMPT, world.states[noise.key], CPU)


def test_a_drift_enters_the_key_only_where_there_is_one():
    move = Move("f" * 32, (1, 2), 0, mutate=0.3)
    keys = {move.key("s"), *(replace(move, drift=Guide("full", s)).key("s") for s in (1.0, 2.0))}
    assert len(keys) == 3 and move.key("s") == replace(move, drift=None).key("s")
    assert replace(move, drift=Guide("full", 1.0)).steered and not move.steered


def test_the_drift_of_a_job():
    _, given = options_of({"name": "pcn", "drift": {"name": "full", "scale": 1, "clip": 0.5}})
    assert given["drift"] == Guide("full", 1, clip=0.5)
    assert options_of({"name": "pcn", "drift": None})[1] == {"drift": None}
    for wrong, message in (
        (
            {"name": "full", "scale": 1, "window": [0.2, 1]},
            r"search.drift.window=\(0.2, 1\): a drift acts on the initial",
        ),
        ({"name": "full", "scale": 1, "inner": 2}, r"search.drift.inner=2"),
        ("cheap", r"search.drift.window"),
        ({"name": "a.module:f", "scale": 1}, r"search.drift.name: drift 'a.module:f' is unknown"),
    ):
        with pytest.raises(UsageError, match=message):
            options_of({"name": "pcn", "drift": wrong})
