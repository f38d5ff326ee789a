"""Both pools of a run: waiting for nodes, scaling, sharing places between the pools, nodes that leave.

Invariants: a request that cannot be met is refused in a sentence once the cluster had its time to grow; neither pool
takes the place that the other needs for its first replica, because a run with an empty pool would wait for ever.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from typing import Any

from raysearch.config.settings import ClusterConfig, GeneratorConfig
from raysearch.errors import UsageError
from raysearch.executors.ray.calls import Call
from raysearch.executors.ray.cluster import Head, connect, leaving, nodes
from raysearch.executors.ray.fit import idle_gpus, missing, room
from raysearch.executors.ray.launch import Launch, needs
from raysearch.executors.ray.pool import Pool
from raysearch.executors.ray.reach import Reach

CHECK_S = 2.0  # interval at which nodes that leave are looked for
STARVED_S = 5.0  # a pool without any replica for this long, and without room for one, is given a place of the other
SLOW = 4  # the same after this part of `load_timeout_s` where there seems to be room: others hold it
REPORT_S = 10.0  # interval of the lines while nodes are awaited


class Pools:
    """Joins or starts Ray, waits until the cluster is large enough, and requests the replicas of both pools.

    Args:
        cluster: settings of the pools.
        generator: configuration of the generator.
        rewards: specifications of the rewards, the one searched by first.
        store: folder in which states outlive their node; None for none.

    Attributes:
        heard: whether the head answered when it was last asked; if not, every question to it would block.
        silent: ids of the nodes that do not answer.
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
        self.heard, self.silent, self._reach = True, frozenset[str](), Reach()
        self._nodes: list[dict[str, Any]] = []
        self._silent_since = 0.0
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
        self._reach.close()
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
            self.heard = self._head.answers()
            if self.heard:
                self._look_at_nodes()
        if not self.heard:
            return []
        displaced = self._leave_silent() + self._share_places()
        for pool in self:
            pool.progress()
        return displaced

    def _look_at_nodes(self) -> None:
        """Have the nodes watched that there are, and leave those that go away or are gone."""
        self._nodes = nodes()
        self._reach.watch(self._nodes)
        departing, gone = leaving(), {n["NodeID"] for n in self._nodes if not n["Alive"]}
        for pool in self:
            pool.drain(departing)
            for replica in [r for r in pool.replicas if not gone.isdisjoint(r.nodes) and r.idle]:
                pool.replace(replica)  # of the others Ray reports the calls

    def _leave_silent(self) -> list[tuple[Call, str]]:
        """Take the calls off replicas on nodes that do not answer, and start nothing there meanwhile."""
        silent, before = self._reach.silent, self.silent
        changed = silent != before
        if changed:
            self._launch.avoid = self.silent = silent
            self._silent_since = self._silent_since if before else time.monotonic()
            for pool in self:  # what starts slowly on a node that answers need not begin anew
                pool.request_again(self._silent_since if before - silent else math.inf if pool.placed else 0.0)
        displaced = [
            (call, f"{pool.name}: its node does not answer") for pool in self for call in pool.mark_silent(silent)
        ]
        if changed:
            self._tell_silent()
        return displaced

    def _tell_silent(self) -> None:
        if not self.silent:
            print("raysearch: all nodes answer again", file=sys.stderr, flush=True)
            return
        where = sorted(f"{n['NodeManagerAddress']}" for n in self._nodes if n["NodeID"] in self.silent)
        text = f"raysearch: no answer from {', '.join(where)}; the work goes on without"
        for pool in self:
            if not pool.placed:
                text += f"; no replica of {pool.name} is left, a new one is placed elsewhere"
        print(text, file=sys.stderr, flush=True)

    def _starved(self, pool: Pool[Call]) -> bool:
        """Whether a pool has no replica and will get none, unlike one whose first replica only starts slowly."""
        if pool.empty_s <= STARVED_S:
            return False
        taken = [(node, needs(each.config)) for each in self for r in each.replicas for node in r.nodes]
        reached = [n for n in self._nodes if n["NodeID"] not in self.silent]
        return not room(pool.config, taken, reached) or pool.empty_s > self._cluster.load_timeout_s / SLOW

    def _share_places(self) -> list[tuple[Call, str]]:
        """Let pools grow once neither waits for a place, and give a pool without replicas a place of the other."""
        if all(pool.settled for pool in self):
            for pool in self:
                pool.grow()
        displaced = []
        for pool, other in ((self.generators, self.rewards), (self.rewards, self.generators)):
            if other.placed > 1 and self._starved(pool):
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
