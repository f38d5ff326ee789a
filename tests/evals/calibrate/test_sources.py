"""Runs, folders and jobs as sources of a calibration."""

import pytest

from raysearch import config
from raysearch.errors import UsageError
from raysearch.evals.calibrate import sources
from tests.evals.calibrate.case import run


def test_a_run_names_its_verifiers_and_its_truth(tmp_path):
    found = sources.of(str(run(tmp_path, prompts=2)), None)
    assert list(found.recorded) == ["good", "motion", "bad"] and found.truth == "tinyworld_truth"
    assert found.recorded["good"] == {"name": "smoothness", "label": "good"}
    assert "previews are not looked at" in found.notes[0]  # its manifest is empty
    assert sources.of(str(tmp_path), "-bad").truth == "-bad"


def test_what_is_no_source_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no such folder or job"):
        sources.of(str(tmp_path / "none"), None)
    with pytest.raises(UsageError, match="a folder of videos needs a CSV"):
        sources.of(str(tmp_path), "score")


def test_a_job_reads_and_selects_nothing():
    job = config.load("jobs/demo.yaml", ["choose.how=consensus", "watch=[motion, vjepa2_features]"])
    made = sources.reading_job(job, 5, [{"name": "flicker"}, {"name": "motion"}])
    assert made.search == {"name": "smc", "n": 5, "lam": 0.0, "threshold": 0.0, "reads": [0.2, 0.4, 0.6, 0.8],
                           "kernel": "ode"}  # fmt: skip
    assert [w["name"] for w in made.watch] == ["motion", "vjepa2_features", "flicker"]
    assert (made.films, made.choose, made.run) == ("all", {}, "runs/demo-calibrate")
