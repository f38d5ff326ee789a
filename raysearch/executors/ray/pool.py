"""A pool of identical Ray replicas that outlives its members: placing, loading, deadlines, replacement, draining.

Invariants: at most DEPTH calls in flight per replica (a crash fails every call queued on an actor, so depth is blast
radius); Ray never retries by itself; a replica that died, froze or keeps failing is killed and replaced; only the call
it was working on is a suspect, those queued behind it go elsewhere innocent. A replica that finds no place yet is no
failure while others work: it joins when a node does.
"""

from __future__ import annotations

import math
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any, Generic

import ray
from ray.exceptions import RayError, RayTaskError

from raysearch.config.settings import ClusterConfig, PoolConfig
from raysearch.errors import UsageError
from raysearch.executors.ray.actors import Group
from raysearch.executors.ray.replica import C, Replica, Usual

SICK = 2  # faults in a row after which a replica is replaced
LOADS = 3  # crashes in a row while loading after which the model cannot be loaded


class Pool(Generic[C]):
    """launch() starts the actors of one replica. The pool knows where each call runs, for how long, what work it is."""

    def __init__(self, name: str, launch: Callable[[], Group], config: PoolConfig, cluster: ClusterConfig):
        self.name, self.config, self.cluster, self._launch = name, config, cluster, launch
        self.restarts = self.drained = 0
        self.busy_s, self.work_done = [0.0] * config.replicas, [0.0] * config.replicas
        self.has_loaded, self.loaded_with = False, None  # what the first replica said when it had loaded
        self._blind = False  # whether it was said that GPUs go unused
        self.usual = Usual(cluster.deadline_s)
        self._crashes, self._crashed, self._alone_since = 0, -math.inf, time.monotonic()
        self.least = config.replicas if config.at_least is None else min(config.at_least, config.replicas)
        self.replicas: list[Replica[C]] = [Replica(slot) for slot in range(config.replicas)]
        self.grow(self.least)

    @property
    def placed(self) -> int:
        return sum(r.phase not in ("later", "placing") for r in self.replicas)

    @property
    def settled(self) -> bool:
        """Whether there is a replica, and none that waits for a place."""
        return self.placed > 0 and not any(r.phase == "placing" for r in self.replicas)

    @property
    def empty_s(self) -> float:
        """Seconds for which no replica has had a place."""
        return 0.0 if self.placed else time.monotonic() - self._alone_since

    def wait_on(self) -> None:
        """A place was made for it: the time without one counts anew."""
        self._alone_since = time.monotonic()

    def grow(self, count: int | None = None) -> None:
        """Ask for so many replicas, or for all; those without a place yet come when the cluster has one."""
        for replica in self.replicas[:count]:
            if replica.phase == "later":
                self._ask(replica)

    def _ask(self, replica: Replica[C]) -> None:
        replica.group, replica.phase = self._launch(), "placing"
        replica.asked = replica.born = time.monotonic()
        replica.refs = replica.group.where()

    def yield_place(self) -> list[C]:
        """Give up one replica, one without a place or without work if there is; returns the calls it had."""
        order = {"placing": 0, "placed": 1, "loading": 2, "ready": 3}
        held = [r for r in self.replicas if r.phase in order]
        given = min(held, key=lambda r: (order[r.phase], len(r.calls), -r.slot))
        given.group.kill()
        self.replicas[given.slot] = Replica(given.slot)
        calls, given.calls = given.calls, []
        return calls

    @property
    def lanes(self) -> list[Replica[C]]:
        """The replicas that take calls, each with the pace it is known or believed to have."""
        ready = [r for r in self.replicas if r.phase == "ready" and not r.draining]
        known = [r.own_pace for r in ready if r.own_pace is not None]
        common = statistics.median(known) if known else 1.0
        for replica in ready:
            replica.pace = common if replica.own_pace is None else replica.own_pace
        return ready

    def began(self, replica: Replica[C], call: C) -> None:
        if not replica.calls:
            replica.since = time.monotonic()
        replica.calls.append(call)

    def ended(self, replica: Replica[C], call: C, seconds: float = 0.0, work: float = 0.0) -> None:
        """The call was answered after so many seconds of so much work; only real work teaches paces and deadlines."""
        if call in replica.calls:
            replica.calls.remove(call)
        replica.since = time.monotonic()
        self.busy_s[replica.slot] += seconds
        if work > 0:
            self.work_done[replica.slot] += work
            self.usual.saw(seconds, work)
            last = replica.own_pace
            replica.own_pace = seconds / work if last is None else 0.7 * last + 0.3 * seconds / work
            replica.faults = 0

    def fault(self, replica: Replica[C]) -> bool:
        """A call failed here; True if the replica is to be replaced."""
        replica.faults += 1
        return replica.faults >= SICK and len(self.replicas) > 1

    def replace(self, replica: Replica[C], drained: bool = False) -> list[C]:
        """Kill it, start another in its place, and return the calls it had: the suspect first, then the innocent."""
        if replica not in self.replicas:
            return []
        if replica.group is not None:
            replica.group.kill()
        self.restarts += not drained
        self.drained += drained
        self.replicas[replica.slot] = Replica(replica.slot)
        self._ask(self.replicas[replica.slot])
        calls, replica.calls = replica.calls, []
        return calls

    def drain(self, nodes: set[str]) -> None:
        """No new calls for replicas on these nodes, which are about to leave; each is replaced when it has finished."""
        for replica in list(self.replicas):
            replica.draining = replica.node in nodes
            if replica.draining and not replica.calls:
                self.replace(replica, drained=True)

    def overdue(self) -> list[Replica[C]]:
        """Replicas that are past the deadline of their call."""
        now = time.monotonic()
        return [r for r in self.replicas if r.calls and now - r.since > self.usual.deadline(r.calls[0].work)]

    def stragglers(self, times: float) -> list[C]:
        """Calls that take (or wait behind one that takes) more than `times` what nearly all take."""
        usual = self.usual.pace(0.9)
        if not times or usual is None:
            return []
        now, late = time.monotonic(), list[C]()
        for replica in self.replicas:
            work = replica.calls[0].work if replica.calls else None
            if work is not None and now - replica.since > max(times * usual * work, 0.5):
                late += replica.calls
        return late

    def progress(self) -> None:
        """Move replicas on from placing to ready. Raises UsageError with the reason if a model cannot be loaded."""
        loading: dict[str | None, int] = {}
        for replica in self.replicas:
            loading[replica.node] = loading.get(replica.node, 0) + (replica.phase == "loading")
        for replica in [r for r in self.replicas if r.group is not None and r.phase != "ready"]:
            if replica.phase == "placed" and loading.get(replica.node, 0) < self.cluster.loads_per_node:
                replica.phase, replica.born = "loading", time.monotonic()
                replica.refs = replica.group.load(replica.meeting)
                loading[replica.node] = loading.get(replica.node, 0) + 1
            elif replica.phase in ("placing", "loading"):
                self._look(replica)
        self._check_time()

    def waits(self) -> list[Any]:
        """Refs that become ready when a replica is placed or has loaded."""
        return [ref for r in self.replicas if r.phase in ("placing", "loading") for ref in r.refs]

    def status(self, queue: int) -> dict[str, Any]:
        alive, phases = [r for r in self.replicas if r.phase == "ready"], [r.phase for r in self.replicas]
        return {
            "replicas": len(self.replicas), "alive": len(alive), "busy": sum(bool(r.calls) for r in alive),
            "queue": queue, "restarts": self.restarts, "drained": self.drained,
            "placing": phases.count("later") + phases.count("placing"), "placed": phases.count("placed"),
            "loading": phases.count("loading"), "draining": sum(r.draining for r in alive),
            "busy_s": sum(self.busy_s), "replica_s": list(self.busy_s), "replica_work": list(self.work_done),
        }  # fmt: skip

    def close(self) -> None:
        for replica in self.replicas:
            if replica.group is not None:
                replica.group.kill()

    def _look(self, replica: Replica[C]) -> None:
        """Has the phase of this replica come to its end?"""
        ready, pending = ray.wait(replica.refs, num_returns=len(replica.refs), timeout=0, fetch_local=False)
        try:
            answers = ray.get(ready) if ready else []
        except RayTaskError as error:
            if not self.has_loaded:
                raise UsageError(f"{self.name}: the model cannot be loaded: {reason(error)}") from None
            self._crash(replica, "cannot load its model, though others could", reason(error))
            return
        except RayError as error:
            self._crash(replica, "died while it started", f"{reason(error)}; is there memory enough for the model?")
            return
        if pending:
            return
        if replica.phase == "placing":
            replica.phase, replica.refs = "placed", []
            replica.node, replica.meeting, replica.pid = answers[0].node, answers[0].meeting, answers[0].pid
            self._tell_of_blindness(answers)
        else:
            replica.phase, replica.refs, self._crashes = "ready", [], 0
            self.has_loaded, self.loaded_with = True, answers[0]

    def _tell_of_blindness(self, places: list[Any]) -> None:
        if any(place.blind for place in places) and not self._blind:
            self._blind = True
            warnings.warn(
                f"{self.name}: replicas were given GPUs, but their PyTorch sees none (a build for CPUs, or no driver): "
                "they compute on the CPU, which may take a hundred times as long",
                RuntimeWarning, stacklevel=2,
            )  # fmt: skip

    def _crash(self, replica: Replica[C], what: str, why: str) -> None:
        """Replace a replica that did not come up. Raises UsageError after too many in a row.

        Those that fall together, with their node, count once: only one begun after the last crash says anything new.
        """
        if replica.asked > self._crashed:
            self._crashes, self._crashed = self._crashes + 1, time.monotonic()
        if self._crashes > LOADS:
            raise UsageError(f"{self.name}: a replica {what}, {self._crashes} times in a row: {why}")
        self.replace(replica)

    def _check_time(self) -> None:
        """Replace a replica that does not load in time. Raises UsageError if none ever has, or the pool stays empty."""
        now, limit = time.monotonic(), self.cluster.load_timeout_s
        for replica in [r for r in self.replicas if r.phase == "loading" and now - r.born > limit]:
            if not self.has_loaded:
                raise UsageError(
                    f"a replica of {self.name} has not loaded its model in {limit:g} s; raise cluster.load_timeout_s, "
                    "or see whether the nodes reach the weights"
                )
            self._crash(replica, f"has not loaded its model in {limit:g} s", "do all nodes reach the weights?")
        if self.placed:
            self._alone_since = now
        elif self.empty_s > max(limit, self.cluster.wait_s):
            raise UsageError(
                f"{self.name}: the cluster had no room for any replica in {self.empty_s:.0f} s; "
                "is it in use by others? `ray status` shows what is taken"
            )


def reason(error: BaseException) -> str:
    """The last line that says something: the user's own exception rather than Ray's wrapping."""
    cause = getattr(error, "cause", None) or error
    lines = [line for line in str(cause).strip().splitlines() if line.strip()]
    text = lines[-1].strip() if lines else type(cause).__name__
    return text if type(cause).__name__ in text else f"{type(cause).__name__}: {text}"
