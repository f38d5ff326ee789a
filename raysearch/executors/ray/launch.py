"""Starting the actors of replicas, with the resources, labels and placement that the cluster settings ask for."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import ray

from raysearch.config.settings import ClusterConfig, GeneratorConfig, PoolConfig
from raysearch.executors.ray.actors import ENCODING, WRITING, GeneratorActor, Handle, RewardActor
from raysearch.sampling.state import Store

NODE = "ray.io/node-id"  # the label by which Ray names a node
PlacementGroup = Any  # ray.util.placement_group.PlacementGroup, loosely typed in Ray


def needs(pool: PoolConfig) -> dict[str, float]:
    """The resources that one process of a pool takes of a node, as Ray names them (memory in bytes)."""
    need = {"CPU": pool.num_cpus, "GPU": pool.num_gpus, **pool.resources}
    if pool.memory_gb:
        need["memory"] = pool.memory_gb * 2**30
    if pool.accelerator_type:
        need[f"accelerator_type:{pool.accelerator_type}"] = 0.001
    return {k: v for k, v in need.items() if v}


class Launch:
    """Starts replicas. Every call of `generator` or `reward` starts the actors of one, which Ray places when it can.

    Args:
        cluster: settings of both pools.
        generator: configuration of the generator.
        rewards: specifications of the rewards, the one searched by first.
        store: folder in which states outlive their node; None for none.

    Attributes:
        avoid: ids of nodes on which nothing is to be started.
    """

    def __init__(
        self, cluster: ClusterConfig, generator: GeneratorConfig, rewards: list[dict[str, Any]], store: str | None
    ):
        self.avoid: frozenset[str] = frozenset()
        self._cluster, self._generator, self._rewards, self._mark = cluster, generator, rewards, ""
        local = store is not None and "://" not in store
        self._store = os.path.abspath(store) if store is not None and local else store  # workers start in other folders
        if self._store is not None and local and cluster.address != "local":
            self._mark = Store(self._store).mark()
        self._paired = cluster.placement == "paired"
        self._standing: list[PlacementGroup] = []  # placement groups of paired generators ...
        self._vacant: list[PlacementGroup] = []  # ... and those of them whose place for a reward is free

    def generator(self) -> ReplicaActors:
        """Start a replica of the generator."""
        pool = self._cluster.generators
        group = self._placement(pool) if pool.ranks > 1 or self._paired else None
        critics = self._rewards[:1] if self._cluster.guide_from == "colocated" else None
        actors = [
            ray.remote(concurrency_groups={WRITING: 1, ENCODING: 1})(GeneratorActor)  # type: ignore[call-overload]
            .options(**_options(pool, group, rank, self.avoid))
            .remote(pool.num_gpus, self._generator, pool.threads, self._store, critics, self._mark, self._rewards)
            for rank in range(pool.ranks)
        ]
        if self._paired:
            self._standing.append(group)
            self._vacant.append(group)
        return ReplicaActors(actors, lambda: self._dissolve(group), generates=True)

    def reward(self) -> ReplicaActors:
        """Start a replica of the rewards, beside a generator where the two are paired."""
        pool = self._cluster.rewards
        group = self._vacant.pop(0) if self._vacant else None
        remote = ray.remote(RewardActor).options(**_options(pool, group, 0, self.avoid))
        actor = remote.remote(pool.num_gpus, self._rewards, pool.threads, self._generator.fps)
        return ReplicaActors([actor], lambda: self._vacate(group), generates=False)

    def close(self) -> None:
        """Remove what was written to see whether all nodes see the folder of states."""
        if self._mark and self._store is not None:
            Store(self._store).unmark()

    def _placement(self, pool: PoolConfig) -> PlacementGroup:
        """A placement group: a bundle per rank, the first with room for the paired reward; on one node, if need be."""
        bundles = [needs(pool) for _ in range(pool.ranks)]
        if self._paired:
            for k, v in needs(self._cluster.rewards).items():
                bundles[0][k] = bundles[0].get(k, 0.0) + v
        labels = _labels(pool, self.avoid)
        selector = [labels] * pool.ranks if labels else None
        strategy = "PACK" if pool.across_nodes else "STRICT_PACK"
        return ray.util.placement_group(bundles, strategy=strategy, bundle_label_selector=selector)

    def _dissolve(self, group: PlacementGroup | None) -> None:
        """Remove the placement group of a generator that ended; a reward in it ends too, and its pool replaces it."""
        if group is not None:
            self._standing = [other for other in self._standing if other is not group]
            self._vacant = [other for other in self._vacant if other is not group]
            ray.util.remove_placement_group(group)

    def _vacate(self, group: PlacementGroup | None) -> None:
        """Offer the place of a paired reward that ended to the next one, if its group still exists."""
        if any(group is other for other in self._standing):
            self._vacant.append(group)


class ReplicaActors:
    """The actors of one replica: a leader, which answers, and the other ranks, which follow it call by call.

    Args:
        actors: handles of all ranks, the leader first.
        ended: called after the actors were killed, to release what they were placed on.
        generates: whether they are those of a generator.
    """

    def __init__(self, actors: list[Handle], ended: Callable[[], None], generates: bool):
        self.leader, self.peers, self._ended, self._generates = actors[0], actors[1:], ended, generates

    def where(self) -> list[Any]:
        """References to the Place of every rank."""
        return [actor.where.remote() for actor in (self.leader, *self.peers)]

    def load(self, meeting: str, encoders: bool) -> list[Any]:
        """Have every rank load its model. Returns references that are ready when it has.

        Args:
            meeting: where the ranks gather.
            encoders: whether the leader of a generator also loads what encodes prompts.
        """
        if not self._generates:
            return [self.leader.load.remote()]
        ranks = (self.leader, *self.peers)
        return [actor.load.remote(rank, len(ranks), meeting, encoders and not rank) for rank, actor in enumerate(ranks)]

    def kill(self) -> None:
        """End the processes at once."""
        for actor in (self.leader, *self.peers):
            ray.kill(actor)
        self._ended()


def _labels(pool: PoolConfig, avoid: frozenset[str]) -> dict[str, str]:
    """The labels that a node must have, as Ray's label selectors say it."""
    return dict(pool.labels) | ({NODE: f"!in({','.join(sorted(avoid))})"} if avoid else {})


def _options(pool: PoolConfig, group: PlacementGroup | None, bundle: int, avoid: frozenset[str]) -> dict[str, Any]:
    """Options of an actor. Ray never restarts or retries: that is the task of the pool."""
    options: dict[str, Any] = {
        "num_cpus": pool.num_cpus, "num_gpus": pool.num_gpus, "max_restarts": 0, "max_task_retries": 0,
        "resources": dict(pool.resources) or None, "accelerator_type": pool.accelerator_type,
    }  # fmt: skip
    if pool.memory_gb:
        options["memory"] = pool.memory_gb * 2**30
    if group is not None:
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

        options["scheduling_strategy"] = PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=bundle)
    elif labels := _labels(pool, avoid):
        options["label_selector"] = labels
    environment = {"OMP_NUM_THREADS": str(pool.threads)}
    if not pool.num_gpus:
        environment["CUDA_VISIBLE_DEVICES"] = ""  # otherwise an actor without a GPU would see all of them
    return options | {"runtime_env": {"env_vars": environment}}
