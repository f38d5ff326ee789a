"""Both pools of a run: waiting for nodes, who may grow, who gives way, whose node leaves.

Invariants: a request that cannot be met is refused, in a sentence, once the cluster had its time to grow; neither pool
takes what the other needs for its first replica, for a run with one empty pool would wait for ever.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

import ray

from raysearch.config.settings import ClusterConfig
from raysearch.errors import UsageError
from raysearch.executors.ray.cluster import Launch, connect, leaving, missing
from raysearch.executors.ray.pool import Pool

LOOK_S = 2.0  # how often nodes that leave are looked for
STARVED_S = 15.0  # without any replica for so long, a pool is given a place of the other


class Pools:
    """Joins or starts Ray, waits until the cluster is large enough, and asks for the replicas of both pools."""

    def __init__(self, cluster: ClusterConfig, generator: Any, rewards: list[dict[str, Any]], store: str | None):
        if cluster.placement == "paired" and cluster.rewards.replicas != cluster.generators.replicas:
            raise UsageError(
                f"cluster.placement=paired needs one reward replica per generator replica, but there are "
                f"{cluster.rewards.replicas} and {cluster.generators.replicas}; make the two equal"
            )
        self._owns, self._cluster, self._looked = connect(cluster), cluster, 0.0
        self._await_nodes()
        launch = Launch(cluster, generator, rewards, store)
        self.generators: Pool = Pool("cluster.generators", launch.generator, cluster.generators, cluster)
        self.rewards: Pool = Pool("cluster.rewards", launch.reward, cluster.rewards, cluster)

    def __iter__(self) -> Iterator[Pool]:
        yield from (self.generators, self.rewards)

    def close(self) -> None:
        for pool in self:
            pool.close()
        if self._owns:
            ray.shutdown()

    def look_after(self) -> list[tuple[Any, str]]:
        """Bring replicas along and places about. Returns calls that have to go elsewhere, and why."""
        if time.monotonic() - self._looked > LOOK_S:
            self._looked = time.monotonic()
            nodes = leaving()
            for pool in self:
                pool.drain(nodes)
        homeless = self._share_places()
        for pool in self:
            pool.progress()
        return homeless

    def _share_places(self) -> list[tuple[Any, str]]:
        """Nobody grows while the other waits for a place; a pool that lost all gets a place of the other."""
        if all(pool.settled for pool in self):
            for pool in self:
                pool.grow()
        homeless = []
        for pool, other in ((self.generators, self.rewards), (self.rewards, self.generators)):
            if pool.empty_s > STARVED_S and other.placed > 1:
                pool.wait_on()  # or the other would give up one after the other before this one has moved in
                homeless += [(call, f"{other.name} gave a place to {pool.name}") for call in other.yield_place()]
        return homeless

    def _await_nodes(self) -> None:
        """Raise UsageError for a cluster too small, once it has had `wait_s` to grow; says what is awaited."""
        began, told = time.monotonic(), -60.0
        while (lack := missing(self._cluster)) is not None:
            waited, limit = time.monotonic() - began, self._cluster.wait_s
            if waited >= limit:
                if self._owns:
                    ray.shutdown()
                raise UsageError(lack + (f" (after {waited:.0f} s)" if limit else ""))
            if waited - told > 10:
                told = waited
                print(
                    f"raysearch: waiting for nodes, {waited:.0f} of {limit:.0f} s: {lack}", file=sys.stderr, flush=True
                )
            time.sleep(0.5)
