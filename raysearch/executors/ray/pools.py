"""Both pools of a run: waiting for nodes, scaling, sharing places between the pools, nodes that leave.

Invariants: a request that cannot be met is refused in a sentence once the cluster had its time to grow; neither pool
takes the place that the other needs for its first replica, because a run with an empty pool would wait for ever.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

from raysearch.config.settings import ClusterConfig, GeneratorConfig
from raysearch.errors import UsageError
from raysearch.executors.ray.calls import Call
from raysearch.executors.ray.cluster import Head, connect, leaving, nodes
from raysearch.executors.ray.fit import idle_gpus, missing
from raysearch.executors.ray.launch import Launch
from raysearch.executors.ray.pool import Pool

CHECK_S = 2.0  # interval at which nodes that leave are looked for
STARVED_S = 15.0  # a pool without any replica for this long is given a place of the other
REPORT_S = 10.0  # interval of the lines while nodes are awaited


class Pools:
    """Joins or starts Ray, waits until the cluster is large enough, and requests the replicas of both pools.

    Args:
        cluster: settings of the pools.
        generator: configuration of the generator.
        rewards: specifications of the rewards, the one searched by first.
        store: folder in which states outlive their node; None for none.
    """

    def __init__(
        self, cluster: ClusterConfig, generator: GeneratorConfig, rewards: list[dict[str, Any]], store: str | None
    ):
        if cluster.placement == "paired" and cluster.rewards.replicas != cluster.generators.replicas:
            raise UsageError(
                f"cluster.placement=paired needs one reward replica per generator replica, but there are "
                f"{cluster.rewards.replicas} and {cluster.generators.replicas}; make the two equal"
            )
        self._ray, self._cluster, self._last_check = connect(cluster), cluster, 0.0
        self._head = Head(own=self._ray.watchdog is not None)
        self._await_nodes()
        if idle := idle_gpus(cluster, nodes()):
            print(f"raysearch: warning: {idle}", file=sys.stderr, flush=True)
        self._launch = launch = Launch(cluster, generator, rewards, store)
        self.generators: Pool[Call] = Pool("cluster.generators", launch.generator, cluster.generators, cluster)
        self.rewards: Pool[Call] = Pool("cluster.rewards", launch.reward, cluster.rewards, cluster)

    def __iter__(self) -> Iterator[Pool[Call]]:
        yield from (self.generators, self.rewards)

    def close(self) -> None:
        """Kill all replicas, and leave Ray if it was joined or started here."""
        if self._head.lost:
            self._ray.abandon()
            return
        for pool in self:
            pool.close()
        self._launch.close()
        self._ray.leave()

    def maintain(self) -> list[tuple[Call, str]]:
        """Advance replicas that start, leave nodes that go away, and share places.

        Returns:
            Calls that have to be repeated elsewhere, each with the reason.
        """
        if time.monotonic() - self._last_check > CHECK_S:
            self._last_check = time.monotonic()
            if not self._head.answers():
                return []  # every question to it would block
            departing = leaving()
            for pool in self:
                pool.drain(departing)
        displaced = self._share_places()
        for pool in self:
            pool.progress()
        return displaced

    def _share_places(self) -> list[tuple[Call, str]]:
        """Let pools grow once neither waits for a place, and give a pool without replicas a place of the other."""
        if all(pool.settled for pool in self):
            for pool in self:
                pool.grow()
        displaced = []
        for pool, other in ((self.generators, self.rewards), (self.rewards, self.generators)):
            if pool.empty_s > STARVED_S and other.placed > 1:
                pool.restart_wait()  # otherwise the other would yield one place after the other before one is taken
                displaced += [(call, f"{other.name} gave a place to {pool.name}") for call in other.yield_place()]
        return displaced

    def _await_nodes(self) -> None:
        """Wait up to `wait_s` for the cluster to grow. Raises UsageError if it is still too small then."""
        began, reported = time.monotonic(), -REPORT_S
        while (lack := missing(self._cluster, nodes())) is not None:
            waited, limit = time.monotonic() - began, self._cluster.wait_s
            if waited >= limit:
                self._ray.leave()
                raise UsageError(lack + (f" (after {waited:.0f} s)" if limit else ""))
            if waited - reported >= REPORT_S:
                reported = waited
                print(
                    f"raysearch: waiting for nodes, {waited:.0f} of {limit:.0f} s: {lack}", file=sys.stderr, flush=True
                )
            time.sleep(0.5)
