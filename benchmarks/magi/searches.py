"""Whole-video best-of-n against searches over chunks, by the strategies that ship, at equal evaluations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from benchmarks.magi.world import CHUNKS, MADE, Scene, advance, by_chunk, errors, noise, seen
from raysearch.generators.magi1.generator import MagiGenerator
from raysearch.generators.magi1.stages import FRAMES
from raysearch.moves import Cost, Move, Outcome, Result, Search
from raysearch.search import strategy

Judge = Callable[[list[np.ndarray], int], list[float]]  # of films and the chunk with which they begin
SEARCHES = {
    "chunk_best_of_n": {"over": "best_of_n"}, "chunk_beam": {"over": "beam", "width": 2}, "chunk_smc": {"over": "smc"},
}  # fmt: skip


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
        start = 0 if moves[0].parent is None else self.states[moves[0].parent][1]
        to, view = moves[0].to, moves[0].chunks
        x = torch.cat([self._begun(move, start) for move in moves])
        x = advance(self.of, x, start, to)
        self.nfe += len(moves) * (to - start)
        first, end = (-1, MADE) if view is None else view
        rewards = self.judge(seen(self.of, x, first, end), first + 1)
        keys = [str(len(self.states) + i) for i in range(len(moves))]
        self.states |= {key: (one[None], to) for key, one in zip(keys, x, strict=True)}
        return [Outcome(key, reward, cost=Cost(nfe=to - start)) for key, reward in zip(keys, rewards, strict=True)]

    def _begun(self, move: Move, start: int) -> Tensor:
        fresh = noise(self.of, [int(np.random.default_rng([self.seed, *move.seed]).integers(1 << 62))])
        if move.parent is None:
            return fresh
        x = self.states[move.parent][0]
        if move.mutate:  # 1: the noise of chunks to come is drawn anew
            done = FRAMES * (CHUNKS - MADE + start * MADE // self.of.steps)
            x = torch.cat([x[:, :, :done], fresh[:, :, done:]], 2)
        return x


def drive(search: Search, run: Run) -> Result:
    """The result of a search."""
    round_ = next(search)
    while True:
        try:
            round_ = search.send(run.round(round_.moves))
        except StopIteration as end:
            result: Result = end.value
            return result


def error_of(result: Result, run: Run, scene: Scene) -> np.ndarray:
    """Errors [3] by chunk of the video that a search chose; of SMC, of the one with the highest reward."""
    x, _ = run.states[result.winner.key]
    return by_chunk(errors(seen(run.of, x, 0, MADE)[0], scene, 1)[0])


def chunkwise(
    of: MagiGenerator, scene: Scene, judge: Judge, seed: int, n: int, **options: object
) -> tuple[np.ndarray, int]:
    """Errors by chunk of what a search over chunks chose, and its evaluations."""
    ends = tuple(i / MADE for i in range(1, MADE))
    run = Run(of, judge, seed)
    result = drive(strategy("chunkwise")(seed, of.steps, n=n, ends=ends, **options), run)
    return error_of(result, run, scene), run.nfe
