"""A Ray executor for a test."""

import pytest

from raysearch.executors.ray.executor import RayExecutor


@pytest.fixture
def started(local_ray):
    """Makes executors and closes them again."""
    made = []

    def start(*settings, **options) -> RayExecutor:
        made.append(RayExecutor(*settings, **options))
        return made[-1]

    yield start
    for executor in made:
        executor.close()
