"""What the coordinator is given, gives back and tells: tasks, how they ended, what they took, and who looks on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from raysearch.engine.journal import Journal
from raysearch.executors.spans import Span
from raysearch.moves import Cost, Move, Outcome, Result, Round, Search
from raysearch.prompts import Prompt


@dataclass
class Task:
    """One search of one prompt. scope: fingerprint of generator and prompt, part of every key.

    again: begins the same search from the top, where that is known.
    pilot: only the first Rounds of the search of the same name that follows: its states are kept for that one, and
    observers are not told that it has ended.
    """

    name: str
    prompt: Prompt
    search: Search
    scope: str
    again: Callable[[], Search] | None = None
    pilot: bool = False


@dataclass
class Ledger:
    """Where Moves went: `recalled` from the journal, `executed`, `shared` with another search in flight, `rebuilt`."""

    recalled: int = 0
    executed: int = 0
    shared: int = 0
    rebuilt: int = 0
    cost: Cost = field(default_factory=Cost)


@dataclass
class Finished:
    """result, or the reason why there is none; what this search cost, recalled Moves included.

    films: mp4 by key of the finals that were wanted, None for those that are on disk.
    """

    task: Task
    result: Result | None = None
    error: str | None = None
    films: dict[str, bytes | None] = field(default_factory=dict)
    cost: Cost = field(default_factory=Cost)


class Observer:
    """Is told what happens, and does nothing by default; it may take films that it has written off a Finished."""

    def on_round(self, task: Task, number: int, round: Round) -> None:
        """A search has asked for its Round of this number, from 1."""

    def on_outcome(self, task: Task, outcome: Outcome, recalled: bool) -> None:
        """A Move has its Outcome, executed or recalled from the journal."""

    def on_finish(self, finished: Finished) -> None:
        """A search has ended, with a result or an error."""

    def on_spans(self, spans: Sequence[Span]) -> None:
        """Replicas of the executor have done this since it was last told."""

    def on_wait(self, ledger: Ledger, status: dict[str, dict[str, float]]) -> None:
        """The coordinator is about to wait. status: counters of each pool of the executor."""


def recall(journal: Journal, key: str, move: Move | None) -> Outcome | None:
    """The recorded Outcome that answers a Move: one without a score does not answer a Move that is to be scored."""
    found = journal.outcomes.get(key)
    return found if found is not None and (found.rewards or not (move and move.score)) else None


def refusal(error: ValueError, outcomes: Sequence[Outcome] | None) -> str:
    """Why a search would not go on, with the reason of the first of its Outcomes that gives one."""
    why = next((o.why for o in outcomes or () if o.why), "")
    return f"{error} ({why})" if why else str(error)


def shown(result: Result, films: str) -> list[str]:
    """Handles of the finals to film: none, the best, what a report shows (best, worst, first), or all."""
    scored = [i for i, o in enumerate(result.finals) if o.reward == o.reward]
    worst = min(scored, key=lambda i: result.finals[i].reward, default=result.best)
    own = result.notes.get("choose", {}).get("argmax", result.best)  # what the search itself had chosen
    picks = {"none": [], "best": [result.best], "shown": [result.best, worst, 0, own], "all": range(len(result.finals))}
    return list(dict.fromkeys(result.finals[i].key for i in picks[films]))
