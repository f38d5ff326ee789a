"""States on nodes that do not see the driver's folder: they stay there, and are deleted there when nobody needs them.

Where the run folder is no storage that all nodes share, each node keeps its states on its own disk, under the same
path. A state that is needed elsewhere travels as a reference while its node lives, and is made again after that.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import ray

from raysearch.executors.ray.replica import Replica

LAST_S = 10.0  # for which the last deletions are waited for


class Apart:
    """The nodes with states of their own.

    Args:
        store: the folder of states.

    Attributes:
        nodes: the ids of those nodes.
    """

    def __init__(self, store: str | None):
        self.nodes: set[str] = set()
        self._store = store
        self._owed: dict[str, list[str]] = {}  # by node, states to be deleted there
        self._under_way: list[Any] = []  # references to deletions

    def drop(self, keys: Iterable[str]) -> None:
        """Have states deleted on all these nodes, as soon as a replica there can do it."""
        gone = list(keys)
        for node in self.nodes:
            self._owed.setdefault(node, []).extend(gone)

    def look(self, replicas: Iterable[Replica[Any]]) -> None:
        """Note the nodes of new replicas, and send what is to be deleted to those that answer."""
        for replica in replicas:
            if replica.phase != "ready" or replica.node is None or replica.silent:
                continue
            if replica.apart and replica.node not in self.nodes:
                self.nodes.add(replica.node)
                self._tell(len(self.nodes))
            if keys := self._owed.pop(replica.node, None):
                assert replica.actors is not None
                self._under_way.append(replica.actors.leader.drop.remote(keys))

    def close(self, replicas: Iterable[Replica[Any]]) -> None:
        """Wait for the last deletions."""
        self.look(replicas)
        if self._under_way:
            ray.wait(self._under_way, num_returns=len(self._under_way), timeout=LAST_S, fetch_local=False)

    def _tell(self, count: int) -> None:
        if count == 1:
            print(
                f"raysearch: not all nodes see {self._store}: such a node keeps its states on its own disk, and they "
                "are lost with it; set cluster.storage to a folder or URL that all nodes see to keep them together",
                file=sys.stderr, flush=True,
            )  # fmt: skip
