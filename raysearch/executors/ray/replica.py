"""One replica of a pool: how far it has come, what it works on, how fast it is; and how long calls usually take."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from raysearch.executors.policy import DEPTH

PATIENCE = 10.0  # a call may take this many times what nearly all calls take per unit of work ...
AT_LEAST_S = 20.0  # ... but never less than this
REMEMBERED = 256  # calls whose seconds per unit of work are remembered


class Work(Protocol):
    """Something that runs on a replica. work: how much it is at the most (network evaluations), None if unknown."""

    work: float | None


C = TypeVar("C", bound=Work)


@dataclass(eq=False)
class Replica(Generic[C]):
    """calls: in flight, oldest (the one being worked on) first; since: when that one came to the front.

    phase: later (not asked for yet), placing (waits for resources), placed, loading, ready. refs: what it waits for.
    """

    slot: int
    group: Any = None  # a Group, once it is asked for
    refs: list[Any] = field(default_factory=list)
    phase: str = "later"
    asked: float = 0.0  # since when it is wanted
    born: float = field(default_factory=time.monotonic)  # when its phase began
    node: str | None = None
    meeting: str = ""
    pid: int | None = None
    calls: list[C] = field(default_factory=list)
    since: float = 0.0
    own_pace: float | None = None
    pace: float = 1.0
    faults: int = 0
    draining: bool = False

    @property
    def room(self) -> int:
        return DEPTH - len(self.calls)

    @property
    def free_s(self) -> float:
        work = [call.work or 0.0 for call in self.calls]
        if not work:
            return 0.0
        return max(0.0, work[0] * self.pace - (time.monotonic() - self.since)) + self.pace * sum(work[1:])


class Usual:
    """What calls take per unit of work, learnt from the last ones. limit_s: the longest that any call may take."""

    def __init__(self, limit_s: float):
        self.limit_s = limit_s
        self._seen: deque[float] = deque(maxlen=REMEMBERED)

    def saw(self, seconds: float, work: float) -> None:
        self._seen.append(seconds / work)

    def pace(self, q: float) -> float | None:
        """The quantile q of the seconds per unit of work seen lately; None before the third call."""
        if len(self._seen) < 3:
            return None
        return sorted(self._seen)[min(len(self._seen) - 1, int(q * len(self._seen)))]

    def deadline(self, work: float | None) -> float:
        """Seconds a call of so much work may take: learnt per unit of work after three calls, else the limit."""
        usual = self.pace(0.99)
        if work is None or usual is None:
            return self.limit_s
        return min(max(AT_LEAST_S, PATIENCE * usual * work), self.limit_s)
