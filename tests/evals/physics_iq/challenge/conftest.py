"""A challenge that several tests look at."""

import pickle

import pytest
from filelock import FileLock

from raysearch.evals.physics_iq.challenge import run
from tests.evals.physics_iq.challenge.case import job


@pytest.fixture(scope="session")
def whole(tmp_path_factory, worker_id):
    """An undisturbed challenge, two runs; it takes a minute, so all processes of a test run share it."""
    base = tmp_path_factory.getbasetemp()
    place = (base if worker_id == "master" else base.parent) / "challenge"
    with FileLock(f"{place}.lock"):
        if not (found := place / "found.pickle").exists():
            result = run.run(job(place / "run", "challenge.runs=2"))
            found.write_bytes(pickle.dumps(result))
    return place / "run", pickle.loads(found.read_bytes())
