"""How the replicas of a pool get from a place on the cluster to a loaded model, and when one that fails is replaced.

Invariants: at most `loads_per_node` replicas load at a time on a node; replicas that fail together, with their node,
count as one crash; a model that no replica has ever loaded is a mistake of the job, one that others have loaded is not.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Sequence
from typing import Any, Generic

import ray
from ray.exceptions import RayError

from raysearch.config.settings import ClusterConfig
from raysearch.errors import UsageError
from raysearch.executors.ray.actors import Place
from raysearch.executors.ray.failures import Kind, classify, missing, reason
from raysearch.executors.ray.replica import C, Replica
from raysearch.executors.spans import Trace

LOADS = 3  # crashes in a row while loading after which the model counts as impossible to load


class Startup(Generic[C]):
    """The starting replicas of one pool.

    Args:
        name: key of the pool in a job, for messages.
        cluster: limits.
        trace: takes note of what was loaded.

    Attributes:
        has_loaded: whether any replica has loaded the model.
        loaded_with: the answer of the replica that loaded last.
    """

    def __init__(self, name: str, cluster: ClusterConfig, trace: Trace) -> None:
        self.name, self.cluster, self._trace = name, cluster, trace
        self.has_loaded = self._encoders_loaded = False
        self.loaded_with: Any = None
        self._crashes, self._last_crash = 0, -math.inf
        self._warned_of_gpus = False

    def advance(self, replicas: Sequence[Replica[C]]) -> list[Replica[C]]:
        """Move replicas on from placing to ready.

        Returns:
            Those that failed to start, to be replaced.

        Raises:
            UsageError: No replica can load the model; the message has the reason.
        """
        loading: dict[str | None, int] = {}
        for replica in replicas:
            loading[replica.node] = loading.get(replica.node, 0) + (replica.phase == "loading")
        failed = []
        for replica in [r for r in replicas if r.actors is not None and r.phase != "ready"]:
            if replica.phase == "placed" and loading.get(replica.node, 0) < self.cluster.loads_per_node:
                assert replica.actors is not None
                replica.phase, replica.phase_began = "loading", time.monotonic()
                replica.encodes = encoding(replicas) is None
                replica.refs = replica.actors.load(replica.meeting, replica.encodes)
                loading[replica.node] = loading.get(replica.node, 0) + 1
            elif replica.phase in ("placing", "loading") and not self._check_phase(replica):
                failed.append(replica)
        return failed

    def overdue(self, replicas: Sequence[Replica[C]]) -> list[Replica[C]]:
        """The replicas that have not loaded in time, to be replaced. Raises UsageError if none ever has."""
        now, limit = time.monotonic(), self.cluster.load_timeout_s
        late = [r for r in replicas if r.phase == "loading" and now - r.phase_began > limit]
        for replica in late:
            if not self._possible(replica):
                raise UsageError(
                    f"a replica of {self.name} has not loaded its model in {limit:g} s; raise cluster.load_timeout_s, "
                    "or check that the nodes reach the weights"
                )
            self._crash(replica, f"has not loaded its model in {limit:g} s", "do all nodes reach the weights?")
        return late

    def _check_phase(self, replica: Replica[C]) -> bool:
        """Advance a replica whose phase has ended. Returns False if it failed."""
        ready, pending = ray.wait(replica.refs, num_returns=len(replica.refs), timeout=0, fetch_local=False)
        try:
            answers = ray.get(ready) if ready else []
        except RayError as error:
            self._not_started(replica, error)
            return False
        if not pending:
            self._phase_ended(replica, answers)
        return True

    def _phase_ended(self, replica: Replica[C], answers: list[Any]) -> None:
        """Begin the next phase of a replica with the answers of its ranks to the one before."""
        if replica.phase == "placing":
            replica.phase, replica.refs = "placed", []
            replica.node, replica.meeting, replica.pid = answers[0].node, answers[0].meeting, answers[0].pid
            replica.nodes = tuple(place.node for place in answers)
            self._warn_of_gpus(answers)
            replica.apart = any(place.store_unseen for place in answers)
        else:
            took = time.monotonic() - replica.phase_began
            self._trace.add(self.name.removeprefix("cluster."), replica.slot, "load", took)
            replica.phase, replica.refs, self._crashes = "ready", [], 0
            self.has_loaded, self.loaded_with = True, answers[0]
            self._encoders_loaded |= replica.encodes

    def _not_started(self, replica: Replica[C], error: RayError) -> None:
        """Count a replica that failed to start. Raises UsageError if its model has never been loaded."""
        if classify(error) not in (Kind.CALL_FAILED, Kind.DEVICE_BROKEN):
            lacks = missing(error)
            if lacks and not self._possible(replica):
                raise UsageError(f"{self.name}: {_bare(lacks)}") from None
            why = _bare(lacks) if lacks else f"{reason(error)}; is there memory enough for the model?"
            self._crash(replica, "died while it started", why)
        elif self._possible(replica):
            self._crash(replica, "cannot load its model, though others could", reason(error))
        else:
            raise UsageError(f"{self.name}: the model cannot be loaded: {reason(error)}") from None

    def _possible(self, replica: Replica[C]) -> bool:
        """Whether what a replica loads has been loaded before, with its encoders if it loads them."""
        return self._encoders_loaded if replica.encodes else self.has_loaded

    def _warn_of_gpus(self, places: list[Place]) -> None:
        if any(place.gpu_unseen for place in places) and not self._warned_of_gpus:
            self._warned_of_gpus = True
            warnings.warn(
                f"{self.name}: replicas were given GPUs, but their PyTorch sees none (a build for CPUs, or no driver): "
                "they compute on the CPU, which may take a hundred times as long",
                RuntimeWarning, stacklevel=2,
            )  # fmt: skip

    def _crash(self, replica: Replica[C], what: str, why: str) -> None:
        """Count a crash. Raises UsageError after too many in a row.

        Replicas that fail together, with their node, count once: only one requested after the last crash is news.
        """
        if replica.requested_at > self._last_crash:
            self._crashes, self._last_crash = self._crashes + 1, time.monotonic()
        if self._crashes > LOADS:
            raise UsageError(f"{self.name}: a replica {what}, {self._crashes} times in a row: {why}")


def encoding(replicas: Sequence[Replica[C]]) -> Replica[C] | None:
    """The replica that encodes prompts for all, or will when it has loaded; None if there is none that may live."""
    lasting = (r for r in replicas if r.encodes and not r.draining and not r.silent)
    return min(lasting, key=lambda r: (r.phase != "ready", r.slot), default=None)


def _bare(module: str) -> str:
    return (
        f"the Python of a node has no {module}; install raysearch and what it needs on every node (docs/clusters.md, "
        "The image), or use `raysearch submit`, which sends raysearch along"
    )
