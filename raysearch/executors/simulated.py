"""What the executor with a simulated clock is made of: the modelled cluster, its clock, replicas and planned events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from raysearch.executors.contract import Request
from raysearch.executors.policy import DEPTH
from raysearch.moves import Outcome


@dataclass(frozen=True)
class Cluster:
    """A modelled cluster. All times are in seconds.

    Attributes:
        generators: time per network evaluation of each generator replica.
        rewards: time per score of each reward replica.
        nodes: node of each generator replica; each has its own where none are given.
        decode_s: decoding, for each Move that is scored or filmed.
        score_s: scoring by the generator replica itself, for each Move that is scored, where one process does both.
        transfer_s: moving a state to another node.
        load_s: until a replica is ready, at the start and after it was lost.
        lost: (time, generator replica) pairs: the replica dies then, with the states of its node if no other replica
            is on that node.
        steps: of the generator; None where it is not known, and Moves then cost the steps by which they advance.
        spread: coefficient of variation of the time of a Move (log-normal, drawn by key).
        seed: of these draws.
    """

    generators: Sequence[float]
    rewards: Sequence[float] = (0.1,)
    nodes: Sequence[str] = ()
    decode_s: float = 0.0
    score_s: float = 0.0
    transfer_s: float = 0.0
    load_s: float = 0.0
    lost: Sequence[tuple[float, int]] = ()
    steps: int | None = None
    spread: float = 0.0
    seed: int = 0


@dataclass
class Clock:
    """The simulated time: seconds since the start. Replicas share one clock with their executor."""

    now: float = 0.0


@dataclass(eq=False)
class SimulatedRequest:
    """A request on its way; outcome: once the Move is made, while it waits for its score."""

    ticket: int
    request: Request
    outcome: Outcome | None = None


@dataclass(eq=False)
class SimulatedReplica:
    """A replica on the simulated clock.

    Attributes:
        node: its node; None for rewards, which can be anywhere.
        pace: seconds per unit of work.
        clock: the clock of the executor.
        up_at: when it is or was ready.
        spans: begin and end of each of its calls, in order.
        calls: what it works on, in the same order.
        busy_s: seconds it has worked, or will have once its calls are over.
        work: units of work of these calls.
        lives: number of times it was lost; events of an earlier life do not count.
    """

    node: str | None
    pace: float
    clock: Clock
    up_at: float = 0.0
    spans: list[tuple[float, float]] = field(default_factory=list)
    calls: list[SimulatedRequest] = field(default_factory=list)
    busy_s: float = 0.0
    work: float = 0.0
    lives: int = 0

    @property
    def room(self) -> int:
        """Number of further calls it takes."""
        return DEPTH - len(self.calls)

    @property
    def free_s(self) -> float:
        """Seconds until it will have finished its calls."""
        return max(0.0, (self.spans[-1][1] if self.spans else self.up_at) - self.clock.now)


@dataclass(frozen=True)
class Event:
    """Something planned: a call ends, a replica is lost or ready. life: `lives` of the replica when it was planned."""

    kind: Literal["end", "lost", "up"]
    replica: SimulatedReplica
    life: int = 0
