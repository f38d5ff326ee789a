"""How far a run is and how long it will still take: a state kept by events, which lines and screen show.

The time left rests on network evaluations (NFE) alone: those to come, over the rate of those executed by this
invocation. Moves recalled from the journal bring the work nearer to its end but say nothing about the speed. What a
search will take is the `nfe` of its note, an upper bound; one that has not begun counts as the mean of the others.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from raysearch.engine.task import Finished, Ledger, Observer, Task
from raysearch.moves import Outcome, Round

Status = Mapping[str, Mapping[str, Any]]
COMING = {"loading": "loading", "placed": "to load next", "placing": "without a place"}  # replicas not ready yet
MEMORY_S = 60.0  # the rate is that of the last minute, or of the later half of the invocation where that is longer
SAMPLE_S = 0.5


@dataclass
class Watched:
    """The progress of one search.

    Attributes:
        name: Its name.
        began: When its first Round began, in seconds of the clock.
        late: Whether that was after the first Move of this invocation was executed.
        number: Number of the present Round, from 1.
        rounds: Rounds of the whole search; None where it does not say.
        planned: NFE of the whole search; None where it does not say.
        moves: Moves of the present Round.
        answered: Moves of the present Round that have been answered.
        nfe: NFE of all its Outcomes.
        executed: NFE of those that were executed for it in this invocation.
        ess: Effective sample size, where the search has one.
        best: Highest reward so far.
        end: How it finished; None while it is in work.
        took: Seconds from its first Round to its end; None while it is in work.
    """

    name: str
    began: float
    late: bool
    number: int = 0
    rounds: int | None = None
    planned: int | None = None
    moves: int = 0
    answered: int = 0
    nfe: int = 0
    executed: int = 0
    ess: float | None = None
    best: float | None = None
    end: Finished | None = None
    took: float | None = None

    @property
    def total(self) -> int | None:
        """NFE of the whole search: as planned, or as spent once it has ended; None where that is unknown."""
        return self.nfe if self.end is not None else self.planned

    @property
    def round(self) -> str:
        """`2/5`, or `2` where the search does not say of how many."""
        return f"{self.number}/{self.rounds}" if self.rounds else str(self.number)


class Progress(Observer):
    """An observer that keeps the state of a run.

    Args:
        searches: Number of searches.
        clock: Seconds, monotonic.
    """

    def __init__(self, searches: int, clock: Callable[[], float] = time.monotonic):
        self.searches, self.clock = searches, clock
        self.seen: dict[str, Watched] = {}
        self.finished = self.failed = self.asked = self.answered = 0
        self.ledger, self.status = Ledger(), dict[str, Mapping[str, Any]]()
        self.began = clock()
        self._start: float | None = None  # of the work: the first Round, or when the models had been loaded
        self._samples: deque[tuple[float, int]] = deque()  # (when, NFE executed until then)
        self._executed: set[str] = set()

    def on_round(self, task: Task, number: int, round: Round) -> None:
        """Note the search, its Round and what the note says of Rounds, NFE and ESS."""
        seen = self.seen.get(task.name)
        if seen is None:
            seen = self.seen[task.name] = Watched(task.name, self.clock(), late=bool(self._executed))
            if self._start is None:
                self._start = seen.began
                self._samples.append((seen.began, 0))
        seen.number, seen.moves, seen.answered = number, len(round.moves), 0
        seen.rounds, seen.planned = round.note.get("rounds", seen.rounds), round.note.get("nfe", seen.planned)
        seen.ess = round.note.get("ess", seen.ess)
        self.asked += len(round.moves)

    def on_outcome(self, task: Task, outcome: Outcome, recalled: bool) -> None:
        """Count the Outcome and its cost, and keep the best reward of its search."""
        seen = self.seen[task.name]
        self.answered += 1
        seen.answered += 1
        seen.nfe += outcome.cost.nfe
        if not recalled and outcome.key not in self._executed:  # one that several searches share is executed once
            self._executed.add(outcome.key)
            seen.executed += outcome.cost.nfe
        if outcome.reward == outcome.reward and (seen.best is None or outcome.reward > seen.best):
            seen.best = outcome.reward

    def on_finish(self, finished: Finished) -> None:
        """Count the search as finished, or as failed."""
        self.finished += 1
        self.failed += finished.result is None
        seen = self.seen.get(finished.task.name)
        if seen is None:  # failed before its first Round
            seen = self.seen[finished.task.name] = Watched(finished.task.name, self.clock(), late=True)
        seen.end, seen.took = finished, self.clock() - seen.began
        ess = finished.result.notes.get("ess") if finished.result else None
        if isinstance(ess, (list, tuple)) and ess:
            seen.ess = ess[-1]

    def on_wait(self, ledger: Ledger, status: Status) -> None:
        """Keep the state of the pools, and a sample of the NFE executed for the rate."""
        self.ledger, self.status = ledger, dict(status)
        now, nfe = self.clock(), ledger.cost.nfe
        if not nfe and "generators" in status and not status["generators"].get("alive", 1):
            self._start, self._samples = now, deque([(now, 0)])  # models are loading
        elif self._start is not None and now - self._samples[-1][0] >= SAMPLE_S:
            self._samples.append((now, nfe))
            memory = max(MEMORY_S, (now - self._start) / 2)
            while len(self._samples) > 2 and now - self._samples[1][0] > memory:
                self._samples.popleft()

    def worked(self) -> float:
        """Seconds since the work began: since the first Round, or since the models were loaded."""
        return 0.0 if self._start is None else self.clock() - self._start

    @property
    def rate(self) -> float:
        """NFE executed per second of late, 0 where nothing was."""
        if not self._samples:
            return 0.0
        (then, before), now = self._samples[0], self.clock()
        return (self.ledger.cost.nfe - before) / (now - then) if now > then else 0.0

    @property
    def planned(self) -> int | None:
        """NFE that all searches together will have taken, None while no search says what it takes."""
        seen = list(self.seen.values())
        known = [s.total for s in seen if s.total is not None]
        if not known:
            return None
        typical = sum(known) / len(known)
        total = sum(known) + typical * (len(seen) - len(known) + max(self.searches - len(seen), 0))
        return max(round(total), self.nfe)

    @property
    def nfe(self) -> int:
        """NFE of all Outcomes so far, recalled and shared ones included."""
        return sum(s.nfe for s in list(self.seen.values()))

    def left(self) -> float | None:
        """Seconds until the last search ends, None where nothing is known of it."""
        planned, rate = self.planned, self.rate
        if self.finished >= self.searches:
            return 0.0
        if planned is None or rate <= 0:
            return None
        seen = list(self.seen.values())
        open_ = sum(max((s.total or 0) - s.nfe, 0) for s in seen if s.end is None)
        rest = max(planned - self.nfe - open_, 0)
        return (open_ + rest * self._new()) / rate

    def left_of(self, seen: Watched, whole: float | None) -> float | None:
        """Seconds until this search ends, at its own pace; never more than `whole`, until all have."""
        since = self.clock() - max(seen.began, self._start or 0.0)
        if seen.end is not None or not seen.planned or not seen.executed or since <= 0:
            return None
        own = max(seen.planned - seen.nfe, 0) * since / seen.executed
        return own if whole is None else min(own, whole)

    def _new(self) -> float:
        """Share of the work of late searches that had to be executed: in a sweep most Moves are shared or recalled."""
        late = [s for s in list(self.seen.values()) if s.late and s.nfe]
        return sum(s.executed for s in late) / sum(s.nfe for s in late) if late else 1.0


def coming(pool: Mapping[str, Any]) -> str:
    """Of the replicas that are not ready, how far they are: `1 loading, 2 without a place`; empty if there are none."""
    return ", ".join(f"{pool[key]:.0f} {text}" for key, text in COMING.items() if pool.get(key))


def spell(seconds: float | None) -> str:
    """`0:03:05`; `-` for None."""
    return "-" if seconds is None else str(timedelta(seconds=round(seconds)))
