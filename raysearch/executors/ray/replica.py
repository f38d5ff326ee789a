"""One replica of a pool: its phase, its calls, its speed; and the durations of calls that deadlines are learnt from."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

from raysearch.executors.policy import BESIDE, DEPTH

if TYPE_CHECKING:
    from raysearch.executors.ray.launch import ReplicaActors

PATIENCE = 10.0  # a call may take this many times what nearly all calls take per unit of work ...
AT_LEAST_S = 20.0  # ... but its deadline is never shorter than this
REMEMBERED = 256  # calls whose seconds per unit of work are remembered
FEW = 3  # calls before which nothing is learnt

Phase = Literal["later", "placing", "placed", "loading", "ready"]


class Work(Protocol):
    """Something that runs on a replica.

    Attributes:
        work: its size at the most (network evaluations), None if unknown.
        waits: of one beside, whether it takes memory of its own.
    """

    work: float | None
    waits: bool


C = TypeVar("C", bound=Work)


@dataclass(eq=False)
class Replica(Generic[C]):
    """One replica of a pool.

    Attributes:
        slot: its place in the pool; a replacement takes the same one.
        actors: its processes; None in phase `later`.
        refs: references it waits for in phases `placing` and `loading`.
        phase: `later` (not requested yet), `placing` (waits for resources), `placed`, `loading` or `ready`.
        requested_at: when it was requested (time.monotonic()).
        phase_began: when its phase began.
        node: id of its node, once placed.
        nodes: those of all its ranks, the leader's first.
        apart: whether its node does not see the driver's folder of states.
        meeting: address at which its ranks can gather.
        pid: process id of its leader.
        calls: in flight, the one being worked on first.
        working_since: when that one came first.
        beside: calls that run beside them: states to write, films to encode; the one in work first.
        beside_since: when that one came first.
        measured_pace: seconds per unit of work it has shown; None before its first call ended.
        pace: the pace it is believed to have.
        faults: calls in a row that failed on it.
        draining: whether its node is about to leave.
        silent: whether a node of it does not answer; it gets no calls meanwhile.
        encodes: of a generator, whether it has loaded, or loads, what encodes prompts.
    """

    slot: int
    actors: ReplicaActors | None = None
    refs: list[Any] = field(default_factory=list)  # ray.ObjectRef
    phase: Phase = "later"
    requested_at: float = 0.0
    phase_began: float = field(default_factory=time.monotonic)
    node: str | None = None
    nodes: tuple[str, ...] = ()
    apart: bool = False
    meeting: str = ""
    pid: int | None = None
    calls: list[C] = field(default_factory=list)
    working_since: float = 0.0
    beside: list[C] = field(default_factory=list)
    beside_since: float = 0.0
    measured_pace: float | None = None
    pace: float = 1.0
    faults: int = 0
    draining: bool = False
    silent: bool = False
    encodes: bool = False

    @property
    def available(self) -> bool:
        """Whether it takes calls."""
        return self.phase == "ready" and not self.draining and not self.silent

    @property
    def room(self) -> int:
        """Number of further calls it takes; none while too much of what it made is still to be written."""
        return DEPTH - len(self.calls) if sum(call.waits for call in self.beside) < BESIDE else 0

    @property
    def idle(self) -> bool:
        """Whether it has nothing to do."""
        return not self.calls and not self.beside

    @property
    def free_s(self) -> float:
        """Seconds until it will have finished its calls."""
        work = [call.work or 0.0 for call in self.calls]
        if not work:
            return 0.0
        rest = work[0] * self.pace - (time.monotonic() - self.working_since)
        return max(0.0, rest) + self.pace * sum(work[1:])


class Durations:
    """Seconds per unit of work of the last calls of a pool.

    Args:
        limit_s: longest duration that any call may have.
    """

    def __init__(self, limit_s: float):
        self.limit_s = limit_s
        self._paces: deque[float] = deque(maxlen=REMEMBERED)

    def record(self, seconds: float, work: float) -> None:
        """Remember the duration of a call of this much work (> 0)."""
        self._paces.append(seconds / work)

    def pace(self, q: float) -> float | None:
        """The quantile q in [0, 1] of the recent seconds per unit of work; None before the third call."""
        if len(self._paces) < FEW:
            return None
        return sorted(self._paces)[min(len(self._paces) - 1, int(q * len(self._paces)))]

    def deadline(self, work: float | None) -> float:
        """Longest duration in seconds of a call of this much work; the limit while too little is known."""
        pace = self.pace(0.99)
        if work is None or pace is None:
            return self.limit_s
        return min(max(AT_LEAST_S, PATIENCE * pace * work), self.limit_s)

    def overdue(self, work: float | None) -> str:
        """What to say of a call of this much work that has exceeded its deadline: key, value, time to be expected."""
        deadline, pace = self.deadline(work), self.pace(0.5)
        usual = "no such call has been seen to end" if pace is None or work is None else (
            f"such calls take about {pace * work:.3g} s"
        )  # fmt: skip
        if deadline < self.limit_s:
            return f"no answer within {deadline:.3g} s, where {usual}"
        return f"no answer within cluster.deadline_s={self.limit_s:g}; {usual}; raise it if calls may take longer"
