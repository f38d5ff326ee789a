"""Joining or starting Ray, and the nodes that are about to leave."""

from __future__ import annotations

import logging
from typing import Any

import ray

from raysearch.config.settings import ClusterConfig
from raysearch.errors import UsageError


def connect(cluster: ClusterConfig) -> bool:
    """Join or start Ray; `security.authenticate_driver` must come before this module is imported.

    Returns:
        True if Ray was started or joined here, so that the caller has to shut it down.

    Raises:
        UsageError: no cluster answers at the address.
    """
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


def nodes() -> list[dict[str, Any]]:
    """All nodes that the cluster has or had, as Ray lists them."""
    listed: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call,unused-ignore]
    return listed


def leaving() -> set[str]:
    """Ids of the nodes that Ray drains because they are preempted or scaled down; empty where Ray does not tell."""
    try:
        from ray._private.state import state

        return set(state.get_draining_nodes())
    except (ImportError, AttributeError):
        return set()
