"""What a run exports."""

import csv
import io

import pytest

from raysearch.errors import UsageError
from raysearch.report import export, read
from tests.report.case import FILM, run_folder, search


def test_the_csv_has_a_row_for_each_candidate_and_what_its_page_shows(tmp_path, results):
    root = run_folder(tmp_path / "run", [search("a", results[0]), search("b", results[1], films=False)])
    rows = list(csv.DictReader(io.StringIO(export.to_csv(read(str(root))))))
    assert [r["prompt"] for r in rows] == ["a"] * 3 + ["b"] * 3
    assert [r["chosen"] for r in rows] == ["0", "1", "0", "0", "0", "1"]
    assert [float(r["tinyworld_truth.trajectory_error"]) for r in rows] == [4, 1, 3, 2, 5, 3]
    assert rows[0]["log_weight"] == "" and rows[0]["video"].startswith("films/a/") and rows[3]["video"] == ""


def test_videos_have_the_names_of_their_prompts(tmp_path, results):
    run = read(str(run_folder(tmp_path / "run", [search("a", results[0]), search("b", results[1], films=False)])))
    assert [p.name for p in export.videos(run, tmp_path / "best")] == ["a.mp4"]
    assert (tmp_path / "best" / "a.mp4").read_bytes() == FILM
    assert {p.name for p in export.videos(run, tmp_path / "all", every=True)} == {"a-0.mp4", "a.mp4", "a-2.mp4"}
    none = read(str(run_folder(tmp_path / "none", [search("b", results[1], films=False)])))
    with pytest.raises(UsageError, match="films=best"):
        export.videos(none, tmp_path / "c")
