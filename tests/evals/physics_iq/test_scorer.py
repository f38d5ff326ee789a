"""The scorer on folders of clips."""

import json

import pytest

from raysearch import cli
from raysearch.evals.physics_iq import table
from tests.evals.physics_iq import case


def test_ray_gives_the_same_table_and_files_appear_whole(root, tables, tmp_path, capsys):
    words = ["physics-iq", "score", str(root / "gen" / "half"), "--data", str(root / "physics-IQ-benchmark")]
    assert cli.main([*words, "--out", str(tmp_path), "--cache", str(root / "cache"), "--workers", "2"]) == 0
    assert "78.21" in capsys.readouterr().out
    assert table.read_csv(tmp_path / "half.csv") == tables["half"]
    told = json.loads((tmp_path / "half.json").read_text())
    assert told["original"]["score"] == 90.08 and told["by_category"] == {
        "Solid Mechanics": {"verified": pytest.approx(78.2094, abs=1e-4), "original": 90.08}
    }
    assert told["interval"]["verified"][0] < 78.2 < told["interval"]["verified"][1]
    assert set(told["by_perspective"]) == set(case.VIEWS)


def test_partial_scores_what_is_there(small, tmp_path, capsys):
    bench, folder = small
    next(iter(sorted(folder.glob("0002_*.mp4")))).unlink()
    words = ["physics-iq", "score", str(folder), "--data", str(bench), "--out", str(tmp_path / "out"), "--workers", "0"]
    assert cli.main([*words, "--cache", str(tmp_path / "cache"), "--partial"]) == 0
    told = json.loads((tmp_path / "out/take1.json").read_text())
    assert told["partial"] and told["views"] == 2 and told["of_views"] == 3
    assert len(table.read_csv(tmp_path / "out/take1.csv")) == 2
