"""One calibration of a run folder made by hand, for the tests of what is said of it."""

import pytest

from raysearch.evals.calibrate import sources, study
from tests.evals.calibrate.case import run


@pytest.fixture(scope="session")
def found(tmp_path_factory):
    source = sources.of(str(run(tmp_path_factory.mktemp("run"), prompts=16, n=8)), None)
    verifiers, notes = study.gather(source.groups, list(source.recorded.values()), source.recorded, 4, True, print)
    return study.study(source.name, source.truth, source.groups, verifiers, (), [*source.notes, *notes])
