"""Searches over chunks by the strategies that ship, at equal evaluations, in one process and a round in a batch."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.magi.world import CHUNKS, MADE, SEEN, advance, by_chunk, errors, motion, noise, seen
from raysearch.generators.magi1.generator import MagiGenerator
from raysearch.generators.magi1.stages import FRAMES
from raysearch.moves import Cost, Move, Outcome, Result, Search
from raysearch.rewards.breaks import located, surprise, threshold
from raysearch.rewards.vjepa2.reward import VJEPA2Reward
from raysearch.search import strategy
from raysearch.tinyworld.heldout import Condition

SMALL, LARGE = 4, 16  # candidates
ENDS = tuple(i / MADE for i in range(1, MADE))
CHUNKWISE: dict[str, Any] = {"name": "chunkwise", "n": SMALL, "ends": ENDS}
BACKTRACK: dict[str, Any] = {"name": "backtrack", "n": SMALL, "ends": ENDS, "lengths": (SEEN,) * MADE}
# By name: options, and the judges by which it is run.
SEARCHES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "chunk by chunk, best of 4": (CHUNKWISE, ("reward", "gated", "truth", "random")),
    "chunk by chunk, 7 then 4 then 2": (CHUNKWISE | {"n": 7, "last": 2}, ("reward",)),
    "chunk by chunk, beam": (CHUNKWISE | {"over": "beam", "width": 2}, ("reward",)),
    "chunk by chunk, SMC": (CHUNKWISE | {"over": "smc"}, ("reward",)),
    "halving of 6, read where chunks end": ({"name": "halving", "n": 6, "reads": ENDS}, ("reward",)),
    "backtrack": (BACKTRACK, ("reward",)),
    "backtrack, random cut": (BACKTRACK | {"cut": "random"}, ("reward",)),
    "backtrack, ladder": (BACKTRACK | {"cut": "ladder"}, ("reward",)),
}
GATE = 0.9  # of the median motion
Judge = Callable[[list[np.ndarray], int], list[dict[str, float]]]  # of films and the chunk with which they begin


@dataclass(frozen=True)
class Judges:
    """What values films: the shipped world model, the same gated by motion, the truth, and chance.

    Attributes:
        reward: the shipped world model.
        above: from how much surprise on a frame is broken.
        truth: the scene.
        seed: of the values by chance.
    """

    reward: VJEPA2Reward
    above: np.ndarray
    truth: Condition
    seed: int

    def named(self, name: str, where: bool) -> Judge:
        """The judge of that name; `where` adds where each film breaks."""
        if name == "truth":
            return self._truth
        if name == "random":
            rng = np.random.default_rng([self.seed, 5])
            return lambda films, first: [{"reward": float(v)} for v in rng.random(len(films))]
        if name == "gated":
            return lambda films, first: [{"reward": v} for v in gated([s.value for s in self.reward.score_all(films)],
                                                                      [motion(f[-SEEN:]) for f in films])]  # fmt: skip
        return (
            self._breaks if where else lambda films, first: [{"reward": s.value} for s in self.reward.score_all(films)]
        )

    def _truth(self, films: list[np.ndarray], first: int) -> list[dict[str, float]]:
        made = max(1 - first, 0) * SEEN  # given frames do not count
        last = slice(made if len(films[0]) > 2 * SEEN else len(films[0]) - SEEN, None)
        return [{"reward": -float(errors(film, self.truth, first)[0][last].mean())} for film in films]

    def _breaks(self, films: list[np.ndarray], first: int) -> list[dict[str, float]]:
        found = [self.reward.score_with_map(film) for film in films]
        return [{"reward": s.value, **located(m, self.above)} for s, m in found]


def gated(values: list[float], moved: list[float]) -> list[float]:
    """The values, those that move less than GATE times the median below all others."""
    floor = GATE * float(np.median(moved))
    return [v if m >= floor else v - 10.0 for v, m in zip(values, moved, strict=True)]


def level(reward: VJEPA2Reward, films: list[np.ndarray]) -> np.ndarray:
    """From how much surprise on a frame is broken, from films that are good."""
    return np.asarray(threshold([surprise(reward.score_with_map(film)[1]) for film in films], 0.95, 1.0, False))


@dataclass
class Run:
    """Moves of one search on one scene, made in this process, those of a round in one batch."""

    of: MagiGenerator
    judge: Judge
    seed: int
    states: dict[str, tuple[Tensor, int]] = field(default_factory=dict)
    nfe: int = 0

    def round(self, moves: tuple[Move, ...]) -> list[Outcome]:
        """The outcomes of the moves, which begin and end at the same steps."""
        start = self._start(moves[0])
        to, view = moves[0].to, moves[0].chunks
        x = torch.cat([self._begun(move, start) for move in moves])
        x = advance(self.of, x, start, to)
        self.nfe += len(moves) * (to - start)
        first, end = (-1, self._ended(to)) if view is None else view
        rewards = self.judge(seen(self.of, x, first, end), first + 1)
        keys = [str(len(self.states) + i) for i in range(len(moves))]
        self.states |= {key: (one[None], to) for key, one in zip(keys, x, strict=True)}
        return [Outcome(key, r["reward"], r, cost=Cost(nfe=to - start)) for key, r in zip(keys, rewards, strict=True)]

    def _ended(self, to: int) -> int:
        return -(-to * MADE // self.of.steps)

    def _start(self, move: Move) -> int:
        if move.parent is None:
            return 0
        return self.states[move.parent][1] if move.back is None else move.back

    def _begun(self, move: Move, start: int) -> Tensor:
        if move.parent is None:
            return self._fresh(move)
        x = self.states[move.parent][0]
        if move.mutate or move.back is not None:  # the noise of chunks to come is drawn anew
            done = FRAMES * (CHUNKS - MADE + start * MADE // self.of.steps)
            x = torch.cat([x[:, :, :done], self._fresh(move)[:, :, done:]], 2)
        return x

    def _fresh(self, move: Move) -> Tensor:
        return noise(self.of, [int(np.random.default_rng([self.seed, *move.seed]).integers(1 << 62))])


def drive(search: Search, run: Run) -> Result:
    """The result of a search."""
    round_ = next(search)
    while True:
        try:
            round_ = search.send(run.round(round_.moves))
        except StopIteration as end:
            result: Result = end.value
            return result


def searched(of: MagiGenerator, judges: Judges, arm: str, by: str) -> dict[str, Any]:
    """Errors [3] by chunk of what a search chose, its evaluations and the CPU seconds of this process."""
    options = dict(SEARCHES[arm][0])
    began, name = time.process_time(), options.pop("name")
    run = Run(of, judges.named(by, arm == "backtrack"), judges.seed)
    result = drive(strategy(name)(judges.seed, of.steps, **options), run)
    spent = time.process_time() - began
    film = seen(of, run.states[result.winner.key][0], 0, MADE)[0]
    return {"error": by_chunk(errors(film, judges.truth, 1)[0]).tolist(), "nfe": run.nfe, "cpu_s": spent}
