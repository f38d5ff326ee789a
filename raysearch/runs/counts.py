"""What the searches of a job take, counted by running them on rewards that are made up: no executor, no model."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from raysearch.engine.task import Task
from raysearch.moves import Cost, Outcome
from raysearch.runs.resolve import Resolved
from raysearch.search import common


@dataclass(frozen=True)
class Counts:
    """What searches take.

    Attributes:
        prompts: searches.
        moves: Moves.
        evaluations: network function evaluations.
        scored: Moves whose preview is decoded and scored.
        films: finished videos, each decoded once more.
        longest: evaluations of the longest Move.
    """

    prompts: int = 0
    moves: int = 0
    evaluations: int = 0
    scored: int = 0
    films: int = 0
    longest: int = 0

    def __add__(self, other: Counts) -> Counts:
        sums = {k: v + getattr(other, k) for k, v in asdict(self).items()}
        return Counts(**{**sums, "longest": max(self.longest, other.longest)})


def counts(resolved: Resolved) -> Counts:
    """What the searches of a run take."""
    steps = resolved.job.generator.steps
    assert steps is not None
    return sum((_count(task, steps) for task in resolved.tasks()), Counts())


def _count(task: Task, steps: int) -> Counts:
    """Of a search whose rewards are drawn by key, on a generator with so many steps."""
    at: dict[str, int] = {}
    moves = spent = scored = longest = 0
    round = next(task.search)
    while True:
        outcomes = []
        for move in round.moves:
            key = move.key(task.scope)
            if key not in at:
                each = common.nfe([move], at, steps)
                moves, spent, scored = moves + 1, spent + each, scored + move.score
                longest, at[key] = max(longest, each), move.to
            value = int(key[:8], 16) / 2**32
            outcomes.append(Outcome(key, value, {"made up": value}, cost=Cost(nfe=move.to)))
        try:
            round = task.search.send(outcomes)
        except StopIteration as end:
            return Counts(1, moves, spent, scored, len({o.key for o in end.value.finals}), longest)
