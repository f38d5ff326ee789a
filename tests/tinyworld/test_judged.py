"""Tests that judge weights run when the weights have changed, and with the slow tests."""

import json
import os
import subprocess
import sys

import pytest

from tests.source import ROOT
from tests.tinyworld import judged

CONFTEST = """
from pathlib import Path
from tests.conftest import pytest_collection_modifyitems
from tests.tinyworld import judged
judged.FOLDER, judged.RECORD = Path("weights").resolve(), Path("judged.json").resolve()
"""
TEST = """
import pytest

@pytest.mark.judges("model")
def test_weights(): ...

def test_code(): ...
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with one part, one test that judges it and one that does not; the part is recorded as judged."""
    (tmp_path / "weights/model").mkdir(parents=True)
    (tmp_path / "weights/model/model.safetensors").write_bytes(b"weights")
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_it.py").write_text(TEST)
    (tmp_path / "pytest.ini").write_text('[pytest]\naddopts = -m "not slow"\nmarkers =\n    slow: x\n    judges: x\n')
    monkeypatch.setattr(judged, "FOLDER", tmp_path / "weights")
    (tmp_path / "judged.json").write_text(json.dumps({"model": judged.fingerprint("model")}))
    return tmp_path


def ran(project, *options: str) -> set[str]:
    """Names of the tests that pytest runs in the project."""
    process = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--collect-only", *options], cwd=project,
        env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    return {line.split("::")[1] for line in process.stdout.splitlines() if "::" in line}


def test_judged_weights_are_judged_again_with_the_slow_tests_alone(project):
    assert ran(project) == {"test_code"}
    assert ran(project, "-m", "slow") == {"test_weights"}
    assert ran(project, "-m", "judges") == {"test_weights"}


@pytest.mark.parametrize(
    "change", ["a byte", *(pytest.param(c, marks=pytest.mark.slow) for c in ("a file more", "no record"))]
)
def test_changed_weights_are_judged_in_the_usual_tests_and_with_the_slow_ones(project, change):
    if change == "a byte":
        (project / "weights/model/model.safetensors").write_bytes(b"Weights")
    elif change == "a file more":
        (project / "weights/model/config.json").write_text("{}")
    else:
        (project / "judged.json").unlink()
    assert ran(project) == {"test_weights", "test_code"}
    assert ran(project, "-m", "slow") == {"test_weights"}


def test_the_card_of_a_model_is_no_part_of_its_weights(project):
    (project / "weights/model/README.md").write_text("A card.")
    assert ran(project) == {"test_code"}


def test_every_part_that_tests_judge_is_one_that_is_shipped():
    source = (ROOT / "tests/tinyworld/test_pair.py").read_text()
    record = json.loads(judged.RECORD.read_text())
    for part in ("generator", "worldmodel", "videomae", "magi"):
        assert f'"{part}"' in source and len(record[part]) == 64 and (judged.FOLDER / part).is_dir()
