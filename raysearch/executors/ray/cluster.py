"""The cluster as the executor sees it: joining or starting Ray, whether both pools fit, starting replicas, nodes
that leave.

Whether a pool fits is worked out here, node by node, because Ray says nothing and waits for ever: an infeasible request
fails in seconds and names what is missing.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import ray

from raysearch.config.settings import ClusterConfig, PoolConfig
from raysearch.errors import UsageError
from raysearch.executors.ray.actors import GeneratorActor, Group, RewardActor

SETTING = {"CPU": "num_cpus", "GPU": "num_gpus", "memory": "memory_gb"}


def connect(cluster: ClusterConfig) -> bool:
    """Join or start Ray; True if it was started here. `auth.require_token` comes before this module is imported."""
    if ray.is_initialized():
        return False
    local = cluster.address == "local"
    try:
        ray.init(
            address=cluster.address, include_dashboard=False if local else None, log_to_driver=False,
            logging_level=logging.ERROR, configure_logging=True,
        )  # fmt: skip
    except ConnectionError as error:
        raise UsageError(f"cluster.address={cluster.address!r}: no Ray cluster answers there ({error})") from None
    return True


@dataclass
class _Room:
    """What a node has left."""

    resources: dict[str, float]
    labels: Mapping[str, str] = field(default_factory=dict)

    def take(self, need: Mapping[str, float], labels: Mapping[str, str]) -> bool:
        fits = all(self.resources.get(k, 0.0) >= v - 1e-6 for k, v in need.items())
        if not fits or any(self.labels.get(k) != v for k, v in labels.items()):
            return False
        for k, v in need.items():
            self.resources[k] -= v
        return True


def missing(cluster: ClusterConfig) -> str | None:
    """What the cluster lacks to hold `at_least` replicas of both pools at once, in one sentence; None if it fits."""
    alive = [n for n in ray.nodes() if n["Alive"]]
    rooms = [_Room(dict(n["Resources"]), n.get("Labels") or {}) for n in alive]
    for name, pool, count, need, wanted in _demands(cluster):
        for placed in range(count):
            if any(room.take(need, pool.labels) for room in rooms):
                continue
            return _told(cluster, name, wanted, placed, need, alive)
    return None


def _demands(cluster: ClusterConfig) -> list[tuple[str, PoolConfig, int, dict[str, float], int]]:
    """(pool, settings, units to place, what one takes of a node, replicas wanted), the largest first."""
    found = []
    for name, pool in pools(cluster).items():
        wanted = pool.replicas if pool.at_least is None else min(pool.at_least, pool.replicas)
        need = _need(pool)
        if name == "generators" and cluster.placement == "paired":
            for k, v in _need(cluster.rewards).items():
                need[k] = need.get(k, 0.0) + v
        elif cluster.placement == "paired":
            continue
        if name == "generators" and pool.ranks > 1:
            need = {k: v * pool.ranks for k, v in need.items()}
        found.append((name, pool, wanted, need, wanted))
    return sorted(found, key=lambda d: (-d[3].get("GPU", 0.0), -d[3].get("CPU", 0.0)))


def _told(
    cluster: ClusterConfig, name: str, wanted: int, placed: int, need: Mapping[str, float], alive: list[dict[str, Any]]
) -> str:
    """The sentence: the first resource whose sum over the cluster is too small, else what no single node offers."""
    have: dict[str, float] = {}
    for node in alive:
        for k, v in node["Resources"].items():
            have[k] = have.get(k, 0.0) + v
    for resource in need:
        parts = [(n, w, _plain(resource, each.get(resource, 0.0))) for n, _, _, each, w in _demands(cluster)]
        total = sum(w * each for _, w, each in parts)
        if total > _plain(resource, have.get(resource, 0.0)) + 1e-6:
            asked = " + ".join(f"{w} {n} x {each:g}" for n, w, each in parts)
            setting = SETTING.get(resource, "resources")
            return (
                f"the cluster has {_plain(resource, have.get(resource, 0.0)):g} {_name(resource)}, but {asked} = "
                f"{total:g} are asked for; lower cluster.{name}.replicas or cluster.{name}.{setting}, or use a larger "
                "cluster"
            )
    each = ", ".join(f"{_plain(k, v):g} {_name(k)}" for k, v in need.items() if v)
    labels = pools(cluster)[name].labels
    on = f" on a node with the labels {dict(labels)}" if labels else " on one node"
    return (
        f"the {len(alive)} nodes have room for {placed} of {wanted} replicas of cluster.{name}: each takes {each}{on}; "
        f"lower cluster.{name}.replicas, or use a larger cluster"
    )


def _name(resource: str) -> str:
    return "GiB of memory" if resource == "memory" else resource


def _plain(resource: str, value: float) -> float:
    return value / 2**30 if resource == "memory" else value


def _need(pool: PoolConfig) -> dict[str, float]:
    """What one rank takes of a node, as Ray names it."""
    need = {"CPU": pool.num_cpus, "GPU": pool.num_gpus, **pool.resources}
    if pool.memory_gb:
        need["memory"] = pool.memory_gb * 2**30
    if pool.accelerator_type:
        need[f"accelerator_type:{pool.accelerator_type}"] = 0.001
    return {k: v for k, v in need.items() if v}


def pools(cluster: ClusterConfig) -> dict[str, PoolConfig]:
    return {"generators": cluster.generators, "rewards": cluster.rewards}


class Launch:
    """Starts replicas; every call of `generator` or `reward` gives the actors of one, which Ray places when it can."""

    def __init__(self, cluster: ClusterConfig, generator: Any, rewards: list[dict[str, Any]], store: str | None):
        self._cluster, self._generator, self._rewards, self._store = cluster, generator, rewards, store
        self._paired = cluster.placement == "paired"
        self._standing: list[Any] = []  # placement groups of paired generators ...
        self._free: list[Any] = []  # ... and those of them whose place for a reward is free

    def generator(self) -> Group:
        pool = self._cluster.generators
        group = self._placement(pool) if pool.ranks > 1 or self._paired else None
        critics = self._rewards[:1] if self._cluster.guide_from == "colocated" else None
        actors = [
            ray.remote(GeneratorActor)
            .options(**_options(pool, group, rank))
            .remote(pool.num_gpus, self._generator, pool.threads, self._store, critics)
            for rank in range(pool.ranks)
        ]
        if self._paired:
            self._standing.append(group)
            self._free.append(group)
        return Group(actors, lambda: self._dissolve(group))

    def reward(self) -> Group:
        pool = self._cluster.rewards
        group = self._free.pop(0) if self._free else None
        actor = ray.remote(RewardActor).options(**_options(pool, group, 0))
        made = actor.remote(pool.num_gpus, self._rewards, pool.threads, self._generator.fps)
        return Group([made], lambda: self._vacate(group))

    def _placement(self, pool: PoolConfig) -> Any:
        """A placement group on one node: a bundle per rank, the first with room for the paired reward."""
        bundles = [_need(pool) for _ in range(pool.ranks)]
        if self._paired:
            for k, v in _need(self._cluster.rewards).items():
                bundles[0][k] = bundles[0].get(k, 0.0) + v
        selector = [dict(pool.labels)] * pool.ranks if pool.labels else None
        return ray.util.placement_group(bundles, strategy="STRICT_PACK", bundle_label_selector=selector)

    def _dissolve(self, group: Any) -> None:
        """A generator ended: its placement group goes, and a reward in it, which its pool will replace."""
        if group is not None:
            self._standing = [other for other in self._standing if other is not group]
            self._free = [other for other in self._free if other is not group]
            ray.util.remove_placement_group(group)

    def _vacate(self, group: Any) -> None:
        """A paired reward ended: its place is free for the next, if the group still stands."""
        if any(group is other for other in self._standing):
            self._free.append(group)


def _options(pool: PoolConfig, group: Any, bundle: int) -> dict[str, Any]:
    """max_restarts and max_task_retries 0: faults are ours to handle. A replica without GPU must not see any."""
    options: dict[str, Any] = {
        "num_cpus": pool.num_cpus, "num_gpus": pool.num_gpus, "max_restarts": 0, "max_task_retries": 0,
        "resources": dict(pool.resources) or None, "accelerator_type": pool.accelerator_type,
    }  # fmt: skip
    if pool.memory_gb:
        options["memory"] = pool.memory_gb * 2**30
    if group is not None:
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

        options["scheduling_strategy"] = PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=bundle)
    elif pool.labels:
        options["label_selector"] = dict(pool.labels)
    environment = {"OMP_NUM_THREADS": str(pool.threads)}
    if not pool.num_gpus:
        environment["CUDA_VISIBLE_DEVICES"] = ""
    return options | {"runtime_env": {"env_vars": environment}}


def leaving() -> set[str]:
    """Nodes that Ray drains because they are being preempted or scaled down; empty where Ray does not tell."""
    try:
        from ray._private.state import state

        return set(state.get_draining_nodes())
    except (ImportError, AttributeError):
        return set()
