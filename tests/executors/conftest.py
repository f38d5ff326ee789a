"""A Ray executor for a test."""

import pytest

from raysearch.executors.ray import pools as ray_pools
from raysearch.executors.ray.executor import RayExecutor
from tests.waiting import PATIENCE_S


@pytest.fixture
def started(local_ray, monkeypatch):
    """Makes executors and closes them again.

    On a busy machine a worker process may take longer to start than a pool waits before the other pool gives up a
    replica for it. Here there is room for all replicas, so none is given up.
    """
    monkeypatch.setattr(ray_pools, "STARVED_S", PATIENCE_S)
    made = []

    def start(*settings, **options) -> RayExecutor:
        made.append(RayExecutor(*settings, **options))
        return made[-1]

    yield start
    for executor in made:
        executor.close()
