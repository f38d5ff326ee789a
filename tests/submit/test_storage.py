"""Run folders on storage that all nodes see: relative ones below `cluster.storage`, reports too, resumed as ever."""

import json

import fsspec
import pytest

from raysearch import config
from raysearch.cli import main
from raysearch.errors import UsageError
from tests.submit.conftest import ROOT

DEMO = str(ROOT / "jobs/demo.yaml")
WORDS = ["prompts.heldout=1", "search.n=2", "generator.steps=2", "cluster.executor=inline"]


def test_a_run_on_a_storage_of_its_own_is_whole_and_goes_on(capsys):
    fs = fsspec.filesystem("memory")
    job = ["run", DEMO, *WORDS, "cluster.storage=memory://bucket/raysearch"]
    try:
        assert main(job) == 0
        assert "report: memory://bucket/raysearch/runs/demo/report.html" in capsys.readouterr().out
        there = {path.removeprefix("/bucket/raysearch/runs/demo/") for path in fs.find("/bucket")}
        assert {"result.json", "config.yaml", "manifest.json", "report.html"} <= there
        assert any(path.startswith("outcomes/00000-") for path in there)
        assert b"<video" in fs.cat_file("/bucket/raysearch/runs/demo/report.html")
        assert main(job) == 0
        assert "held another search" not in capsys.readouterr().out
        budget = json.loads(fs.cat_file("/bucket/raysearch/runs/demo/result.json"))["budget"]
        assert budget["executed"] == 0 and budget["recalled"] == 2
    finally:
        fs.rm("/bucket", recursive=True)


def test_absolute_folders_stay_where_they_are():
    assert config.load(DEMO, ["cluster.storage=/shared", "run=/other/x"]).run == "/other/x"
    assert config.load(DEMO, ["cluster.storage=/shared/"]).run == "/shared/runs/demo"
    assert config.load(DEMO).run == "runs/demo"


def test_a_storage_that_is_none_is_one_line(capsys):
    with pytest.raises(UsageError, match="give what all nodes see"):
        config.load(DEMO, ["cluster.storage=shared"])
    assert main(["run", DEMO, *WORDS, "run=s4://bucket/x"]) == 2
    assert "run=s4://bucket/x: this storage cannot be used" in capsys.readouterr().err
