"""A pool of identical Ray actors that outlives its members: dispatch, deadlines, replacement of the dead and frozen.

Invariants: at most two calls in flight per replica (a crash fails every call queued on an actor, so depth is blast
radius); Ray never retries by itself; a replica that died or froze is killed and replaced; only the call a replica was
working on counts as a suspect, those queued behind it go elsewhere innocent.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import ray
from ray.exceptions import RayError

from raysearch.errors import UsageError

DEPTH = 2
PATIENCE = 10.0  # a call may take this many times what the slowest seen so far took per unit of work ...
AT_LEAST_S = 20.0  # ... but never less than this


class Work(Protocol):
    """Something that runs on a replica. work: how much it is at the most (network evaluations), None if unknown."""

    work: float | None


C = TypeVar("C", bound=Work)


@dataclass(eq=False)
class Replica(Generic[C]):
    """calls: in flight, oldest (the one being worked on) first; since: when that one came to the front."""

    actor: Any
    loading: Any  # ref that is ready once the model is loaded, None after that
    born: float
    calls: list[C] = field(default_factory=list)
    since: float = 0.0


class Pool(Generic[C]):
    """make() starts one actor. The pool remembers where each call runs, for how long, and how much work it is."""

    def __init__(self, name: str, make: Callable[[], Any], replicas: int, load_timeout_s: float, deadline_s: float):
        self.name, self._make, self.load_timeout_s, self.deadline_s = name, make, load_timeout_s, deadline_s
        self.restarts, self.busy_s, self._slowest, self._seen = 0, 0.0, 0.0, 0
        self._failed_loads = 0
        self.replicas: list[Replica[C]] = [self._start() for _ in range(replicas)]

    def pick(self, prefer: Replica[C] | None = None, avoid: Replica[C] | None = None) -> Replica[C] | None:
        """The least loaded replica with room; among equals the preferred one, and `avoid` only if it is alone."""
        free = [r for r in self.replicas if r.loading is None and len(r.calls) < DEPTH]
        if len(self.replicas) > 1:
            free = [r for r in free if r is not avoid]
        return min(free, key=lambda r: (len(r.calls), r is not prefer), default=None)

    def began(self, replica: Replica[C], call: C) -> None:
        if not replica.calls:
            replica.since = time.monotonic()
        replica.calls.append(call)

    def ended(self, replica: Replica[C], call: C, seconds: float = 0.0, work: float = 0.0) -> None:
        """The call was answered after so many seconds of so much work; only real work teaches deadlines."""
        if call in replica.calls:
            replica.calls.remove(call)
        replica.since = time.monotonic()
        self.busy_s += seconds
        if work > 0:
            self._slowest, self._seen = max(self._slowest, seconds / work), self._seen + 1

    def replace(self, replica: Replica[C]) -> list[C]:
        """Kill it, start another in its place, and return the calls it had: the suspect first, then the innocent."""
        if replica not in self.replicas:
            return []
        ray.kill(replica.actor)
        self.restarts += 1
        self.replicas[self.replicas.index(replica)] = self._start()
        calls, replica.calls = replica.calls, []
        return calls

    def overdue(self) -> list[Replica[C]]:
        """Replicas that are past the deadline of their call. Past the one for loading raises UsageError."""
        now = time.monotonic()
        late = [r for r in self.replicas if r.loading is not None and now - r.born > self.load_timeout_s]
        if late:
            raise UsageError(
                f"a replica of {self.name} has not loaded its model in {self.load_timeout_s:g} s; raise "
                "cluster.load_timeout_s, or see whether the cluster has the resources and reaches the weights"
            )
        return [r for r in self.replicas if r.calls and now - r.since > self.deadline(r.calls[0].work)]

    def loaded(self) -> None:
        """Note who has finished loading. Raises UsageError with the reason if a model cannot be loaded at all."""
        for replica in [r for r in self.replicas if r.loading is not None]:
            ready, _ = ray.wait([replica.loading], timeout=0, fetch_local=False)
            if not ready:
                continue
            try:
                ray.get(replica.loading)
                replica.loading, self._failed_loads = None, 0
            except RayError as error:
                self._failed_loads += 1
                if getattr(error, "actor_init_failed", False) or self._failed_loads > 3:
                    raise UsageError(f"{self.name}: the model cannot be loaded: {reason(error)}") from None
                self.replace(replica)

    def waits(self) -> list[Any]:
        """Refs that become ready when a replica has loaded."""
        return [r.loading for r in self.replicas if r.loading is not None]

    def status(self, queue: int) -> dict[str, float]:
        alive = [r for r in self.replicas if r.loading is None]
        return {
            "replicas": len(self.replicas), "alive": len(alive), "busy": sum(bool(r.calls) for r in alive),
            "queue": queue, "restarts": self.restarts, "busy_s": self.busy_s,
        }  # fmt: skip

    def close(self) -> None:
        for replica in self.replicas:
            ray.kill(replica.actor)

    def _start(self) -> Replica[C]:
        actor = self._make()
        return Replica(actor, actor.pid.remote(), time.monotonic())

    def deadline(self, work: float | None) -> float:
        """Seconds a call of so much work may take: learnt per unit of work after three calls, else the configured."""
        if work is None or self._seen < 3:
            return self.deadline_s
        return min(max(AT_LEAST_S, PATIENCE * self._slowest * work), self.deadline_s)


def reason(error: BaseException) -> str:
    """The last line that says something: the user's own exception rather than Ray's wrapping."""
    cause = getattr(error, "cause", None) or error
    lines = [line for line in str(cause).strip().splitlines() if line.strip()]
    text = lines[-1].strip() if lines else type(cause).__name__
    return text if type(cause).__name__ in text else f"{type(cause).__name__}: {text}"
