"""Exact expectations: run a search under every outcome of every random choice, each with its probability."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from raysearch.moves import Move, Outcome, Result, Search
from raysearch.search.resampling import SCHEMES

START = (0.6, 0.4)
TRANSITION = ((0.7, 0.3), (0.2, 0.8))
EMISSION = ((0.9, 0.2), (0.3, 0.6), (0.5, 0.1))  # likelihood of what was seen, by stage and hidden state
REAL = dict(SCHEMES)  # the schemes as they are, whatever a test puts in their place
STRIDE = 2  # steps a stage, so that copies meet noise before they land


class Choices:
    """Follows a script of choices, taking the first option beyond its end; `all_of` walks the whole tree."""

    def __init__(self, script: list[int]) -> None:
        self.script, self.sizes, self.probability = script, [], 1.0

    def choose(self, chances: list[float]) -> int:
        place = len(self.sizes)
        if place == len(self.script):
            self.script.append(0)
        self.sizes.append(len(chances))
        self.probability *= chances[self.script[place]]
        return self.script[place]

    @staticmethod
    def all_of(run: Callable[[Choices], Any]) -> Iterator[tuple[float, Any]]:
        """(probability, value) of every leaf."""
        script: list[int] = []
        while True:
            choices = Choices(script)
            value = run(choices)
            yield choices.probability, value
            while script and script[-1] + 1 == choices.sizes[len(script) - 1]:
                script.pop()
            if not script:
                return
            script[-1] += 1


@dataclass
class CellRng:
    """Stands for uniforms by the midpoints of the cells between `edges`; no decision of a scheme cuts a cell."""

    choices: Choices
    edges: np.ndarray

    def random(self, size: int | None = None):
        widths = np.diff(self.edges)
        cells = [self.choices.choose(widths.tolist()) for _ in range(1 if size is None else size)]
        points = self.edges[cells] + widths[cells] / 2
        return float(points[0]) if size is None else points


def enumerated(name: str, choices: Choices) -> Callable[..., np.ndarray]:
    """A scheme that enumerates its uniforms instead of drawing them; for N <= 2, systematic for any N."""

    def scheme(weights, rng, m=None):
        W = weights.W
        count = len(W) if m is None else m
        decisions = [*np.cumsum(W), *((count * np.cumsum(W)) % 1), *((count * W) % 1), *(W / W.max())]
        edges = np.unique(np.clip(np.round([0.0, 1.0, *decisions], 14), 0, 1))
        return REAL[name](weights, CellRng(choices, edges), m)

    return scheme


@dataclass
class Hmm:
    """A hidden Markov chain whose particles are paths; the reward of a read is the log-likelihood so far."""

    choices: Choices
    paths: list[tuple[int, ...]] = field(default_factory=list)

    def run(self, move: Move) -> Outcome:
        path = () if move.parent is None else self.paths[int(move.parent)]
        while len(path) < move.to // STRIDE:
            path += (self.choices.choose(list(TRANSITION[path[-1]] if path else START)),)
        self.paths.append(path)
        return Outcome(str(len(self.paths) - 1), math.fsum(math.log(EMISSION[k][x]) for k, x in enumerate(path)))


@dataclass
class Deadly(Hmm):
    """The same chain, where a path that begins in state 1 has no reward: it does not count towards Z."""

    def run(self, move: Move) -> Outcome:
        outcome = super().run(move)
        return replace(outcome, reward=math.nan) if self.paths[-1][0] == 1 else outcome


@dataclass
class Guided(Hmm):
    """The same chain, whose particles move by a proposal that tends to the likelier state, with log p - log q."""

    def run(self, move: Move) -> Outcome:
        path = () if move.parent is None else self.paths[int(move.parent)]
        ratio = 0.0
        while len(path) < move.to // STRIDE:
            p = TRANSITION[path[-1]] if path else START
            q = (0.8, 0.2) if len(path) % 2 == 0 else (0.25, 0.75)
            state = self.choices.choose(list(q))
            path, ratio = (*path, state), ratio + math.log(p[state] / q[state])
        self.paths.append(path)
        reward = math.fsum(math.log(EMISSION[k][x]) for k, x in enumerate(path))
        return Outcome(str(len(self.paths) - 1), reward, log_ratio=ratio)


@dataclass
class Noisy(Hmm):
    """The same chain begun at step 0, where its first hidden state is the noise: addressed by the seed, as noise is.

    A mutation keeps it with probability 1 - beta and else draws it anew, which is reversible under its law.
    """

    drawn: dict[tuple[int, ...], int] = field(default_factory=dict)

    def run(self, move: Move) -> Outcome:
        path = (self._noise(move.seed),) if move.parent is None else self.paths[int(move.parent)]
        if move.mutate and self.choices.choose([1 - move.mutate, move.mutate]):
            path = (self.choices.choose(list(START)),)
        while len(path) < max(1, move.to // STRIDE):
            path += (self.choices.choose(list(TRANSITION[path[-1]])),)
        self.paths.append(path)
        reward = math.fsum(math.log(EMISSION[k][x]) for k, x in enumerate(path)) if move.score else math.nan
        return Outcome(str(len(self.paths) - 1), reward)

    def _noise(self, seed: tuple[int, ...]) -> int:
        if seed not in self.drawn:
            self.drawn[seed] = self.choices.choose(list(START))
        return self.drawn[seed]


@dataclass
class Steered(Hmm):
    """The same chain, whose proposal tends to the likelier state as far as the scale of the Move's guide says."""

    scales: list[float] = field(default_factory=list)

    def run(self, move: Move) -> Outcome:
        path, ratio = (() if move.parent is None else self.paths[int(move.parent)]), 0.0
        scale = 0.0 if move.guide is None else move.guide.scale
        self.scales.append(scale)
        while len(path) < move.to // STRIDE:
            p = TRANSITION[path[-1]] if path else START
            tilted = [p[s] * EMISSION[len(path)][s] ** scale for s in (0, 1)]
            q = [t / sum(tilted) for t in tilted]
            state = self.choices.choose(q)
            path, ratio = (*path, state), ratio + math.log(p[state] / q[state])
        self.paths.append(path)
        reward = math.fsum(math.log(EMISSION[k][x]) for k, x in enumerate(path))
        return Outcome(str(len(self.paths) - 1), reward, log_ratio=ratio)


def hmm_log_z(stages: int, begun: tuple[float, float] = (1.0, 1.0)) -> float:
    """The forward algorithm; begun: factors of the first states."""
    alpha = np.array(START) * EMISSION[0] * begun
    for k in range(1, stages):
        alpha = alpha @ np.array(TRANSITION) * EMISSION[k]
    return math.log(alpha.sum())


def expected_z(spawn: Callable[[Choices], Search], law: type[Hmm] | None = None) -> tuple[float, int]:
    """E[Z_hat] of the searches spawned, and how many outcomes it took.

    law: how particles move; the chain itself by default. A search that ends because no particle has weight counts as 0.
    """
    mean, outcomes = expected(spawn, lambda result, _: [math.exp(result.log_z)], law, dead=[0.0])
    return float(mean[0]), outcomes


def expected(
    spawn: Callable[[Choices], Search],
    value: Callable[[Result, Hmm], Sequence[float]],
    law: type[Hmm] | None = None,
    dead: Sequence[float] | None = None,
) -> tuple[np.ndarray, int]:
    """The expectation of numbers that follow from a search's Result, and how many outcomes it took.

    The probabilities of all outcomes are checked to sum to one.

    Args:
        spawn: makes the search, whose own random choices the Choices enumerate.
        value: (result, model) -> numbers; the particle of an Outcome of key k is `model.paths[int(k)]`.
        law: how particles move; the chain itself by default.
        dead: the numbers of a search that ends because no particle has weight; by default it is an error.
    """

    def run(choices: Choices) -> np.ndarray:
        model = (law or Hmm)(choices)
        try:
            return np.array(value(driven(spawn(choices), model.run), model))
        except ValueError as error:
            if dead is None or "weight zero" not in str(error):
                raise
            return np.array(dead)

    leaves = list(Choices.all_of(run))
    mass = math.fsum(p for p, _ in leaves)
    assert abs(mass - 1) < 1e-12, f"the probabilities of all outcomes sum to {mass}"
    columns = zip(*([p * v for v in values] for p, values in leaves), strict=True)
    return np.array([math.fsum(column) for column in columns]), len(leaves)


def driven(search: Search, run: Callable[[Move], Outcome]) -> Result:
    """A search to its end."""
    round_ = next(search)
    while True:
        try:
            round_ = search.send([run(m) for m in round_.moves])
        except StopIteration as end:
            return end.value
