"""A pool of identical Ray replicas that outlives its members: growth, deadlines, replacement, draining.

Invariants: at most DEPTH calls are in flight per replica, because a crash fails every call queued on an actor; Ray
never retries by itself; a replica that died, froze or keeps failing is killed and replaced; only the call it was
working on is under suspicion, those queued behind it are repeated elsewhere without blame. A replica that Ray cannot
place yet is no failure while others work: it joins when a node does.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any, Generic

from raysearch.config.settings import ClusterConfig, PoolConfig
from raysearch.errors import UsageError
from raysearch.executors.ray.launch import ReplicaActors
from raysearch.executors.ray.replica import C, Durations, Replica
from raysearch.executors.ray.startup import Startup
from raysearch.executors.spans import Trace

SICK = 2  # faults in a row after which a replica is replaced
MEMORY = 0.7  # share of the former pace in the running average of a replica's pace


class Pool(Generic[C]):
    """The replicas of one kind. It knows where each call runs, for how long, and how much work it is.

    Args:
        name: its key in a job, for messages.
        launch: starts the actors of one replica.
        config: number and resources of its replicas.
        cluster: deadlines and limits.
    """

    def __init__(
        self, name: str, launch: Callable[[], ReplicaActors], config: PoolConfig, cluster: ClusterConfig
    ) -> None:
        self.name, self.config, self.cluster, self._launch = name, config, cluster, launch
        self.restarts = self.drained = 0
        self.busy_s, self.work_done = [0.0] * config.replicas, [0.0] * config.replicas
        self.durations, self.trace = Durations(cluster.deadline_s), Trace()
        self._startup: Startup[C] = Startup(name, cluster, self.trace)
        self._empty_since = time.monotonic()
        self.least = config.replicas if config.at_least is None else min(config.at_least, config.replicas)
        self.replicas: list[Replica[C]] = [Replica(slot) for slot in range(config.replicas)]
        self.grow(self.least)

    @property
    def has_loaded(self) -> bool:
        """Whether any replica has loaded the model."""
        return self._startup.has_loaded

    @property
    def loaded_with(self) -> Any:
        """What the actor of a replica answered when it had loaded."""
        return self._startup.loaded_with

    @property
    def placed(self) -> int:
        """Number of replicas that have a place, on nodes that answer."""
        return sum(r.phase not in ("later", "placing") and not r.silent for r in self.replicas)

    @property
    def settled(self) -> bool:
        """Whether there is a replica, and none that waits for a place."""
        return self.placed > 0 and not any(r.phase == "placing" for r in self.replicas)

    @property
    def empty_s(self) -> float:
        """Seconds for which no replica has had a place."""
        return 0.0 if self.placed else time.monotonic() - self._empty_since

    def restart_wait(self) -> None:
        """Count the time without a place anew, because one was just made for it."""
        self._empty_since = time.monotonic()

    def grow(self, count: int | None = None) -> None:
        """Request the first `count` replicas, or all; those without a place join when the cluster has one."""
        for replica in self.replicas[:count]:
            if replica.phase == "later":
                self._request(replica)

    def _request(self, replica: Replica[C]) -> None:
        replica.actors, replica.phase = self._launch(), "placing"
        replica.requested_at = replica.phase_began = time.monotonic()
        replica.refs = replica.actors.where()

    def yield_place(self) -> list[C]:
        """End a replica that has a place, preferably an idle one, and those that would take it. Returns its calls."""
        order = {"placed": 1, "loading": 2, "ready": 3}
        placed = [r for r in self.replicas if r.phase in order and not r.silent]
        chosen = min(placed, key=lambda r: (order[r.phase], len(r.calls), -r.slot))
        for replica in [chosen, *(r for r in self.replicas if r.phase == "placing")]:
            self._kill(replica)
            self.replicas[replica.slot] = Replica(replica.slot)
        return self.release(chosen)

    def request_again(self, since: float) -> None:
        """Have Ray look anew for the places of those that wait for one and were requested since then."""
        for replica in [r for r in self.replicas if r.phase == "placing" and r.requested_at >= since]:
            self._kill(replica)
            self._request(replica)

    def mark_silent(self, nodes: frozenset[str]) -> list[C]:
        """Send no calls to replicas on these nodes, which do not answer. Returns the calls they had.

        The calls go on there if the nodes can be reached again. A pool that has no other replica gets a new one.
        """
        left = []
        for replica in self.replicas:
            replica.silent = not nodes.isdisjoint(replica.nodes)
            left += self.release(replica) if replica.silent else []
        if any(r.silent for r in self.replicas) and all(r.silent or r.phase == "later" for r in self.replicas):
            self.replace(next(r for r in self.replicas if r.silent))
        return left

    def release(self, replica: Replica[C]) -> list[C]:
        """Take the calls off a replica. Returns them, the one it was working on first, those beside last."""
        calls, replica.calls, replica.beside = [*replica.calls, *replica.beside], [], []
        return calls

    @property
    def lanes(self) -> list[Replica[C]]:
        """The replicas that take calls, each with its measured pace or, before its first call, the median pace."""
        ready = [r for r in self.replicas if r.available]
        known = [r.measured_pace for r in ready if r.measured_pace is not None]
        common = statistics.median(known) if known else 1.0
        for replica in ready:
            replica.pace = common if replica.measured_pace is None else replica.measured_pace
        return ready

    def began(self, replica: Replica[C], call: C) -> None:
        """Record that a call was sent."""
        if not replica.calls:
            replica.working_since = time.monotonic()
        replica.calls.append(call)

    def ended(self, replica: Replica[C], call: C, seconds: float = 0.0, work: float = 0.0) -> None:
        """Record that a call is over.

        Args:
            replica: where it ran.
            call: the call.
            seconds: its duration.
            work: how much it was; only calls with work teach paces and deadlines.
        """
        if call in replica.calls:
            replica.calls.remove(call)
        replica.working_since = time.monotonic()
        self.busy_s[replica.slot] += seconds
        if work > 0:
            self.work_done[replica.slot] += work
            self.durations.record(seconds, work)
            last, pace = replica.measured_pace, seconds / work
            replica.measured_pace = pace if last is None else MEMORY * last + (1 - MEMORY) * pace
            replica.faults = 0

    def fault(self, replica: Replica[C]) -> bool:
        """Record that a call failed on a replica. Returns whether the replica is to be replaced."""
        replica.faults += 1
        return replica.faults >= SICK and len(self.replicas) > 1

    def replace(self, replica: Replica[C], drained: bool = False) -> list[C]:
        """Kill a replica and start another in its place.

        Args:
            replica: the replica; one that was replaced before is left alone.
            drained: whether its node leaves, which is no fault.

        Returns:
            The calls it had, the one it was working on first.
        """
        if replica not in self.replicas:
            return []
        self._kill(replica)
        self.restarts += not drained
        self.drained += drained
        self.replicas[replica.slot] = Replica(replica.slot)
        self._request(self.replicas[replica.slot])
        return self.release(replica)

    def drain(self, nodes: set[str]) -> None:
        """Send no new calls to replicas on these nodes, which are about to leave; replace each once it is idle."""
        for replica in list(self.replicas):
            replica.draining = replica.node in nodes
            if replica.draining and replica.idle:
                self.replace(replica, drained=True)

    def overdue(self) -> list[Replica[C]]:
        """The replicas whose call has exceeded its deadline."""
        now = time.monotonic()
        return [
            r for r in self.replicas if r.calls and now - r.working_since > self.durations.deadline(r.calls[0].work)
        ]

    def stragglers(self, times: float) -> list[C]:
        """Calls that take more than `times` what nearly all take, and those that wait behind one; none if 0."""
        pace = self.durations.pace(0.9)
        if not times or pace is None:
            return []
        now, late = time.monotonic(), list[C]()
        for replica in self.replicas:
            work = replica.calls[0].work if replica.calls else None
            if work is not None and now - replica.working_since > max(times * pace * work, 0.5):
                late += replica.calls
        return late

    def progress(self) -> None:
        """Move replicas on from placing to ready, and replace those that fail to start.

        Raises:
            UsageError: A model cannot be loaded, or the cluster has had no room for any replica for too long.
        """
        for replica in self._startup.advance(self.replicas):
            self.replace(replica)
        for replica in self._startup.overdue(self.replicas):
            self.replace(replica)
        if self.placed:
            self._empty_since = time.monotonic()
        elif self.empty_s > max(self.cluster.load_timeout_s, self.cluster.wait_s):
            raise UsageError(
                f"{self.name}: the cluster had no room for any replica in {self.empty_s:.0f} s; "
                "is it in use by others? `ray status` shows what is taken"
            )

    def waits(self) -> list[Any]:
        """References that become ready when a replica is placed or has loaded."""
        return [ref for r in self.replicas if r.phase in ("placing", "loading") for ref in r.refs]

    def status(self, queue: int) -> dict[str, Any]:
        """The counters of the pool; queue: requests that wait for it."""
        ready, phases = [r for r in self.replicas if r.phase == "ready"], [r.phase for r in self.replicas]
        return {
            "replicas": len(self.replicas), "alive": len(ready), "busy": sum(bool(r.calls) for r in ready),
            "queue": queue, "restarts": self.restarts, "drained": self.drained,
            "placing": phases.count("later") + phases.count("placing"), "placed": phases.count("placed"),
            "loading": phases.count("loading"), "draining": sum(r.draining for r in ready),
            "busy_s": sum(self.busy_s), "replica_s": list(self.busy_s), "replica_work": list(self.work_done),
        }  # fmt: skip

    def close(self) -> None:
        """Kill all replicas."""
        for replica in self.replicas:
            self._kill(replica)

    def _kill(self, replica: Replica[C]) -> None:
        if replica.actors is not None:
            replica.actors.kill()
