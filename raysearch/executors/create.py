"""The executor that a cluster's settings ask for. Ray is imported only where it is wanted."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from raysearch.config.settings import ClusterConfig, GeneratorConfig
from raysearch.executors import Executor, machine


def create(
    cluster: ClusterConfig,
    generator: GeneratorConfig,
    rewards: Sequence[Mapping[str, Any]],
    store: str | None = None,
    films: bool = False,
) -> Executor:
    """Start an executor and load its models.

    Args:
        cluster: where to run; `executor` says which kind.
        generator: the generator, pinned to a revision.
        rewards: the specs of the search reward and of the watched ones, in this order.
        store: folder or URL in which states outlive their process; None keeps them in memory only.
        films: whether films of finished states will be asked for.

    Raises:
        UsageError: if the cluster cannot hold the pools or a model cannot be loaded.
    """
    specs = [dict(spec) for spec in rewards]
    if generator.name == "api":  # a second copy of a request would be paid as well
        cluster = replace(cluster, hedge=0.0)
    if cluster.executor == "inline" or cluster.address == "local":
        machine.check_video(generator)
    if cluster.executor == "inline":
        from raysearch import devices
        from raysearch.executors.inline import Inline

        return Inline(generator, specs, cluster.generators.threads, devices.best(), store, films)
    from raysearch.security import authenticate_driver

    if cluster.address == "local" and not _ray_runs():
        machine.check(cluster)
        machine.check_sockets()
    authenticate_driver(cluster.address)
    from raysearch.executors.ray.executor import RayExecutor

    return RayExecutor(cluster, generator, specs, store, films)


def _ray_runs() -> bool:
    """Whether this process has joined a Ray already; imports nothing."""
    ray = sys.modules.get("ray")
    return ray is not None and bool(ray.is_initialized())
