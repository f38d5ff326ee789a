"""Settings every test needs before ray or torch is imported."""

import os

os.environ["RAY_AUTH_MODE"] = "disabled"
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("RAY_worker_niceness", "0")

import pytest
from hypothesis import HealthCheck, settings

from tests.tinyworld import judged

# A busy machine is slow; that is no fault of what is tested.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


@pytest.hookimpl(tryfirst=True)  # before pytest leaves out what -m does not select
def pytest_collection_modifyitems(config, items):
    """Tests that judge shipped weights are slow while these have not changed."""
    judged.select(config, items)


@pytest.fixture(scope="session")
def local_ray():
    """One small Ray for all tests of a process that want one."""
    import ray

    ray.init(address="local", num_cpus=8, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield ray
    ray.shutdown()
