"""`raysearch agreement`: a table for people, JSON for programs."""

import json

import pytest
import yaml

from raysearch.cli import main


@pytest.fixture
def job(tmp_path):
    values = {"prompts": {"heldout": 1, "scenes": ["one_ball"]}, "reward": {"name": "flicker"}, "watch": [],
              "generator": {"steps": 2}, "run": str(tmp_path / "run")}  # fmt: skip
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(values))
    return str(tmp_path / "job.yaml")


def test_the_agreement_is_told_and_printed_as_json(job, tmp_path, capsys):
    assert main(["agreement", job, "generator.preview.size=0.5", "-n", "3", "--device", "cpu"]) == 0
    assert "preview size 0.5: rank correlation" in capsys.readouterr().out
    assert main(["agreement", job, "generator.preview.size=0.5", "-n", "3", "--device", "cpu", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["step"] for row in rows] == [1, 2] and rows[1]["whole_final"] == pytest.approx(1)
    assert not (tmp_path / "run").exists()
