"""Searches on recorded Outcomes alone: what they found, and whether anything is left to execute.

No executor, no model, and nothing is written: a run that goes on in another process may be looked at as well.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import replace

from raysearch.engine.journal import Journal
from raysearch.engine.task import Finished, Task, recall, refusal, shown
from raysearch.moves import Move, Outcome, Result


def rounds(task: Task, journal: Journal) -> Generator[list[tuple[Move, Outcome]], None, Result | None]:
    """The Moves of every Round with their recorded Outcomes; the Result, or None if Outcomes are missing.

    Raises:
        ValueError: as the search does.
    """
    outcomes: list[Outcome] | None = None
    while True:
        try:
            round = next(task.search) if outcomes is None else task.search.send(outcomes)
        except StopIteration as stop:
            result: Result = stop.value
            return result
        outcomes = []
        for move in round.moves:
            outcome = recall(journal, move.key(task.scope), move)
            if outcome is None:
                task.search.close()
                return None
            outcomes.append(outcome)
        yield list(zip(round.moves, outcomes, strict=True))


def replay(task: Task, journal: Journal) -> Finished | None:
    """How the search ends, films left out; None if Outcomes are missing. It cannot be run after that."""
    end = Finished(task)
    outcomes: list[Outcome] | None = None
    recorded = rounds(task, journal)
    while True:
        try:
            outcomes = [outcome for _, outcome in next(recorded)]
        except StopIteration as stop:
            end.result = stop.value
            return end if end.result is not None else None
        except ValueError as error:
            end.error = refusal(error, outcomes)
            return end
        for outcome in {outcome.key: outcome for outcome in outcomes}.values():  # one that is named twice is paid once
            end.cost = end.cost + outcome.cost


def complete(tasks: Iterable[Task], journal: Journal, films: str, filmed: Callable[[Task, str], bool]) -> bool:
    """Whether nothing is left to execute: each Outcome is recorded, each film is there. Leaves the tasks as they are.

    films, filmed: as the Coordinator takes them. Ends at the first search with something left.
    """
    return all(_complete(task, journal, films, filmed) for task in tasks)


def _complete(task: Task, journal: Journal, films: str, filmed: Callable[[Task, str], bool]) -> bool:
    end = replay(replace(task, search=task.again()), journal) if task.again else None
    if end is None:
        return False
    return end.result is None or all(filmed(task, key) for key in shown(end.result, films))
