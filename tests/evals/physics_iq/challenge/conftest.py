"""A challenge that several tests look at."""

import pytest

from raysearch.evals.physics_iq.challenge import run
from tests.evals.physics_iq.challenge.case import job


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """An undisturbed challenge, two runs."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    return folder, run.run(job(folder, "challenge.runs=2"))
