"""Whether a cluster has room for both pools, worked out node by node.

Ray itself says nothing about a request that no node can meet, and waits for ever. Here it is refused in seconds, in a
sentence that names what is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from raysearch.config.settings import ClusterConfig, PoolConfig
from raysearch.executors.ray.launch import needs

SETTING = {"CPU": "num_cpus", "GPU": "num_gpus", "memory": "memory_gb"}
ROUNDING = 1e-6  # sums of fractions of resources are not exact


@dataclass
class NodeRoom:
    """What a node has left: its resources as Ray names them, and its labels."""

    resources: dict[str, float]
    labels: Mapping[str, str] = field(default_factory=dict)

    def take(self, need: Mapping[str, float], labels: Mapping[str, str]) -> bool:
        """Reserve resources on this node. Returns False, and reserves nothing, if they or the labels are not there."""
        fits = all(self.resources.get(k, 0.0) >= v - ROUNDING for k, v in need.items())
        if not fits or any(self.labels.get(k) != v for k, v in labels.items()):
            return False
        for k, v in need.items():
            self.resources[k] -= v
        return True


@dataclass(frozen=True)
class Demand:
    """What a pool asks for: `count` replicas with the resources `need` on one node each."""

    name: str
    pool: PoolConfig
    count: int
    need: Mapping[str, float]


def missing(cluster: ClusterConfig, nodes: list[dict[str, Any]]) -> str | None:
    """What a cluster lacks for `at_least` replicas of both pools at once.

    Args:
        cluster: settings of the pools.
        nodes: all nodes, as `ray.nodes()` lists them.

    Returns:
        One sentence; None if both pools fit.
    """
    alive = [n for n in nodes if n["Alive"]]
    rooms = [NodeRoom(dict(n["Resources"]), n.get("Labels") or {}) for n in alive]
    demands = _demands(cluster)
    for demand in demands:
        for placed in range(demand.count):
            if not any(room.take(demand.need, demand.pool.labels) for room in rooms):
                return _total_lacks(demand, demands, alive) or _node_lacks(demand, placed, len(alive))
    return None


def room(pool: PoolConfig, taken: Iterable[tuple[str, Mapping[str, float]]], nodes: list[dict[str, Any]]) -> bool:
    """Whether a node would have room for a replica, if nothing ran on the cluster but what is told.

    A replica that has its place and no process yet looks to Ray like one that is busy, so what Ray calls available
    says nothing of a replica that starts slowly.

    Args:
        pool: settings of the replica.
        taken: by node, what the replicas that have a place take there.
        nodes: all nodes that come into question, as `ray.nodes()` lists them.
    """
    rooms = {n["NodeID"]: NodeRoom(dict(n["Resources"]), n.get("Labels") or {}) for n in nodes if n["Alive"]}
    for node, need in taken:
        if node in rooms:
            for k, v in need.items():
                rooms[node].resources[k] = rooms[node].resources.get(k, 0.0) - v
    whole = {k: v * (1 if pool.across_nodes else pool.ranks) for k, v in needs(pool).items()}
    return any(one.take(whole, pool.labels) for one in rooms.values())


def idle_gpus(cluster: ClusterConfig, nodes: list[dict[str, Any]]) -> str | None:
    """A sentence if the cluster has GPUs and no generator asks for any, so that all would compute on the CPU.

    Args:
        cluster: settings of the pools.
        nodes: all nodes, as `ray.nodes()` lists them.
    """
    gpus = sum(node["Resources"].get("GPU", 0.0) for node in nodes if node["Alive"])
    if not gpus or cluster.generators.num_gpus:
        return None
    return (
        f"cluster.generators.num_gpus=0: the cluster has {gpus:g} GPU{'s' * (gpus != 1)}, and the generators compute "
        "on the CPU; give --cluster clusters/gpu-node/run.yaml, or set cluster.generators.num_gpus=1"
    )


def _demands(cluster: ClusterConfig) -> list[Demand]:
    """What both pools ask for, the largest replicas first; of paired pools, generators ask for both."""
    demands, paired = [], cluster.placement == "paired"
    for name, pool in (("generators", cluster.generators), ("rewards", cluster.rewards)):
        if name == "rewards" and paired:
            continue
        need = needs(pool)
        if paired:
            for k, v in needs(cluster.rewards).items():
                need[k] = need.get(k, 0.0) + v
        count = pool.replicas if pool.at_least is None else min(pool.at_least, pool.replicas)
        if pool.across_nodes:
            count *= pool.ranks
        elif pool.ranks > 1:
            need = {k: v * pool.ranks for k, v in need.items()}
        demands.append(Demand(name, pool, count, need))
    return sorted(demands, key=lambda d: (-d.need.get("GPU", 0.0), -d.need.get("CPU", 0.0)))


def _total_lacks(demand: Demand, demands: list[Demand], alive: list[dict[str, Any]]) -> str | None:
    """The sentence for the first resource of which the whole cluster has too little; None if it has enough of each."""
    total: dict[str, float] = {}
    for node in alive:
        for k, v in node["Resources"].items():
            total[k] = total.get(k, 0.0) + v
    for resource in demand.need:
        parts = [(d.name, d.count, _in_units(resource, d.need.get(resource, 0.0))) for d in demands]
        asked = sum(count * each for _, count, each in parts)
        present = _in_units(resource, total.get(resource, 0.0))
        if asked > present + ROUNDING:
            sum_of_parts = " + ".join(f"{count} {name} x {each:g}" for name, count, each in parts)
            return (
                f"the cluster has {present:g} {_unit(resource)}, but {sum_of_parts} = {asked:g} are asked for; lower "
                f"cluster.{demand.name}.replicas or cluster.{demand.name}.{SETTING.get(resource, 'resources')}, or use "
                "a larger cluster"
            )
    return None


def _node_lacks(demand: Demand, placed: int, nodes: int) -> str:
    """The sentence for replicas that fit in total, but not on single nodes."""
    each = ", ".join(f"{_in_units(k, v):g} {_unit(k)}" for k, v in demand.need.items() if v)
    labels = demand.pool.labels
    where = f"on a node with the labels {dict(labels)}" if labels else "on one node"
    return (
        f"the {nodes} nodes have room for {placed} of {demand.count} replicas of cluster.{demand.name}: each takes "
        f"{each} {where}; lower cluster.{demand.name}.replicas, or use a larger cluster"
    )


def _unit(resource: str) -> str:
    return "GiB of memory" if resource == "memory" else resource


def _in_units(resource: str, value: float) -> float:
    return value / 2**30 if resource == "memory" else value
