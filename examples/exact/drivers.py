"""Two ways to run a search on an exact model.

`replicate` drives replications in lockstep and executes their Moves in bulk, with one noise stream: for statistics.
`Toy` addresses its noise and its states by content, as a real executor must: for claims about bits.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from examples.exact.models import LinearGaussian, Mixture, flow_grid
from raysearch.moves import Cost, Move, Outcome, Result, Search

Spawn = Callable[[int], Search]
Model = LinearGaussian | Mixture


def replicate(model: Model, spawn: Spawn, runs: int, seed: int) -> list[tuple[Result, np.ndarray]]:
    """Drive `runs` searches in lockstep; of each its Result and the final states of its `finals`.

    spawn(i) makes the i-th search; all must yield Rounds to the same steps, from fresh noise or from states
    at the same step. Of mutations only those of pure noise are known here.
    """
    rng = np.random.default_rng(seed)
    searches = [spawn(i) for i in range(runs)]
    rounds = [next(s) for s in searches]
    x, at, done = np.empty(0), np.empty(0, int), [None] * runs  # every state so far and its step, by handle
    while None in done:
        moves = [m for r in rounds for m in r.moves]
        new, to = np.array([m.parent is None for m in moves]), moves[0].to
        now, ratio = np.empty(len(moves)), np.zeros(len(moves))
        for mine in (new, ~new):
            if mine.any():
                y, step, q = _parents(model, [moves[i] for i in np.flatnonzero(mine)], x, at, rng)
                for k in range(step, to):
                    y, more = model.advance(y, k, rng)
                    q = q + more
                now[mine], ratio[mine] = y, q
        reward = model.reward(now, to).tolist() if moves[0].score else [math.nan] * len(now)
        pairs = enumerate(zip(reward, ratio.tolist(), strict=True), start=len(x))
        answers = iter([Outcome(str(i), r, {}, q) for i, (r, q) in pairs])
        x, at = np.append(x, now), np.append(at, np.full(len(now), to))
        for i, (search, round_) in enumerate(zip(searches, rounds, strict=True)):
            try:
                rounds[i] = search.send([next(answers) for _ in round_.moves])
            except StopIteration as end:
                done[i] = (end.value, x[[int(o.key) for o in end.value.finals]])
    return done


def _parents(model: Model, moves: Sequence[Move], x: np.ndarray, at: np.ndarray, rng: np.random.Generator):
    """The states from which Moves start, (M,), their common step, and log p - log q of drawing them."""
    if moves[0].parent is None:
        now, ratio = model.draw(rng, len(moves))
        return now, 0, ratio
    index = np.array([m.parent for m in moves], int)
    now, step, beta = x[index], int(at[index[0]]), moves[0].mutate
    assert (at[index] == step).all() and (step == 0 or not beta)
    if beta:
        now = math.sqrt(1 - beta * beta) * now + beta * rng.standard_normal(len(now))
    return now, step, 0.0


@dataclass
class Toy:
    """A model behind content keys and addressed noise: one Move at a time, every Move the same wherever it runs.

    It counts evaluations of the denoiser as a replica makes them: a state carries that of itself to its children.

    Attributes:
        model: the model.
        states: (x, step) by key.
        evaluated: keys of the states that carry the evaluation of themselves.
        begun: by key, how many Moves had to make the first evaluation of a parent that did not carry it.
        nfe: network function evaluations so far.
    """

    model: LinearGaussian = field(default_factory=LinearGaussian)
    states: dict[str, tuple[float, int]] = field(default_factory=dict)
    evaluated: set[str] = field(default_factory=set)
    begun: Counter[str] = field(default_factory=Counter)
    nfe: int = 0

    def run(self, move: Move) -> Outcome:
        key = move.key("toy")
        x, step = (self.noise(move, -1), 0) if move.parent is None else self.states[move.parent]
        level = flow_grid(self.model.steps)
        if move.back is not None:
            keep = (1 - level[move.back]) / (1 - level[step]) if level[step] < 1 else 0.0
            spread = max(level[move.back] ** 2 - (keep * level[step]) ** 2, 0.0)
            x, step = keep * x + math.sqrt(spread) * self.noise(move, -2), move.back
        if move.mutate:
            clean = (1 - level[step]) * float(self.model.preview(np.array(x), step))
            fresh = level[step] * move.mutate * self.noise(move, -3)
            x = clean + math.sqrt(1 - move.mutate**2) * (x - clean) + fresh
        rows = replace(self.model, kernel=move.kernel).affine
        before = x
        for k in range(step, move.to):
            a, b, s = rows[k]
            before, x = x, a * x + b + (s * self.noise(move, k) if s else 0.0)
        self.states[key], cost = (float(x), move.to), self._cost(move, key, step)
        self.nfe += cost
        reward = self.read(x, before, move.to) if move.score else math.nan
        return Outcome(key, reward, {"toy": reward}, cost=Cost(nfe=cost))

    def read(self, x: float, before: float, step: int) -> float:
        """The reward of the state x at a step; `before`: the state one step earlier."""
        return float(self.model.reward(np.array(x), step))

    def _cost(self, move: Move, key: str, step: int) -> int:
        """Evaluations of a Move whose steps begin at `step`."""
        unchanged, carried = move.back is None and not move.mutate, move.parent in self.evaluated
        cost = move.to - step
        if move.mutate and step > 0 and not carried:
            cost += 1  # a mutation keeps x0_hat of its parent
        if move.to < self.model.steps and (move.score or move.to > 0):
            self.evaluated.add(key)
            cost += 1
        if move.parent is not None and unchanged:
            self.begun[move.parent] += not carried
            cost -= carried
        return cost

    @staticmethod
    def noise(move: Move, step: int) -> float:
        address = np.random.SeedSequence([*move.seed, step + 10])
        return float(np.random.Generator(np.random.Philox(address)).standard_normal())


def drive(search: Search, run: Callable[[Move], Outcome], recorded: Sequence[list[Outcome]] = ()):
    """Run a search to its end: recorded rounds answer first, `run` does the rest. Returns (Result, all Outcomes)."""
    rounds, round_ = [], next(search)
    while True:
        outcomes = recorded[len(rounds)] if len(rounds) < len(recorded) else [run(m) for m in round_.moves]
        rounds.append(list(outcomes))
        try:
            round_ = search.send(list(outcomes))
        except StopIteration as end:
            return end.value, rounds
