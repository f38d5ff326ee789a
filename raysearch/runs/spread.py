"""lambda in units of the reward's spread: `search.lam: {sd: 1.9}` is lambda = 1.9 / spread, one lambda for all prompts.

The spread is the pooled standard deviation of the rewards within a prompt, in the first scored round of all prompts.
That round is run first, as pilots; its Moves are those with which the searches begin, so it costs nothing. A given
`spread`, from a calibration or an earlier run, takes its place. With a measured one lambda depends on the particles of
the first round, so log Z is exactly unbiased for a given spread only.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from raysearch.engine.coordinator import Coordinator
from raysearch.engine.journal import Journal
from raysearch.engine.replay import replay
from raysearch.engine.task import Finished, Task
from raysearch.errors import UsageError
from raysearch.moves import Result, Search
from raysearch.runs.resolve import Resolved


def pilots(resolved: Resolved) -> list[Task]:
    """A task for every prompt that ends after the first scored round of its search; none where the spread is known."""
    if resolved.recipe.measures is None:
        return []
    unit = resolved.measured(1.0)
    return [Task(task.name, task.prompt, first_scored(task.search), task.scope, pilot=True) for task in unit.tasks()]


def first_scored(search: Search) -> Search:
    """The search up to its first Round in which something is scored; its finals are the Outcomes of that Round."""
    round_ = next(search)
    while True:
        outcomes = yield round_
        if any(move.score for move in round_.moves):
            search.close()
            return Result(tuple(outcomes), 0)
        round_ = search.send(outcomes)


def measured(resolved: Resolved, coordinator: Coordinator) -> Resolved:
    """The job with its spread: as given, or measured by running the pilots.

    Raises:
        UsageError: if the first round of a prompt failed, and if its rewards do not differ.
    """
    first = pilots(resolved)
    return _with(resolved, coordinator.run(first)) if first else resolved


def recorded(resolved: Resolved, journal: Journal) -> Resolved | None:
    """The same from the journal alone; None while the first round of a prompt is not in it."""
    first = pilots(resolved)
    ended = [end for task in first if (end := replay(task, journal)) is not None]
    return None if len(ended) < len(first) else _with(resolved, ended) if first else resolved


def known(resolved: Resolved) -> None:
    """Raise UsageError unless the spread is given, for commands that run no first round of their own."""
    if (lam := resolved.recipe.measures) is not None:
        raise UsageError(
            f"search.lam={lam}: here searches of several jobs are compared at one lambda, so its spread must be given, "
            "e.g. search.lam={sd: 1.9, spread: 0.03}; raysearch run measures it and its report tells it"
        )


def pooled(groups: Iterable[Sequence[float]]) -> float:
    """The standard deviation within groups, pooled: sqrt(sum (n - 1) s^2 / sum (n - 1)); NaN and inf are left out.

    Raises:
        UsageError: where no two values of a group differ.
    """
    squares, freedom = 0.0, 0
    for group in groups:
        values = [v for v in group if math.isfinite(v)]
        mean = math.fsum(values) / max(len(values), 1)
        squares += math.fsum((v - mean) ** 2 for v in values)
        freedom += max(len(values) - 1, 0)
    if not squares:
        raise UsageError(
            "search.lam: the rewards of the first round do not differ within any prompt, so they have no spread; give "
            "lam as a number, or with it: {sd: 1.9, spread: 0.03}"
        )
    return math.sqrt(squares / freedom)


def _with(resolved: Resolved, ended: Sequence[Finished]) -> Resolved:
    for end in ended:
        if end.result is None:
            raise UsageError(f"search.lam: the spread cannot be measured, {end.task.name} failed: {end.error}")
    return resolved.measured(pooled([o.reward for o in end.result.finals] for end in ended if end.result))
