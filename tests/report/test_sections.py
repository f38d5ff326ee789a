"""The sections of the page."""

from __future__ import annotations

import math
from dataclasses import replace

from raysearch.moves import Result
from raysearch.report import statistics
from tests.report.case import ERROR, candidates, page, run_folder, search


def test_nan_is_not_scored_and_left_out(tmp_path):
    result = Result.of_best(candidates([math.nan, 0.3, 0.2], [1.0, 2.0, 4.0], [5.0, 5.0, 5.0]))
    row = statistics.row([result], statistics.measure(ERROR))
    assert row.random == 3.0 and row.oracle == 2.0 and math.isnan(row.first)
    shown = page(run_folder(tmp_path / "run", [search("a", result)]))
    assert "1 candidate not scored" in shown.words and "1 of 3 candidates could not be scored" in shown.words


def test_failed_searches_are_told(tmp_path, results):
    lost = search("lost", None, error="no candidate has a reward")
    shown = page(run_folder(tmp_path / "some", [search("a", results[0]), lost]))
    assert "1 of 2 searches failed" in shown.words and "no candidate has a reward" in shown.words
    shown = page(run_folder(tmp_path / "none", [lost]))
    assert "No search finished: 1 of 1 prompt failed" in shown.words


def test_parts_of_rewards_are_folded_and_a_part_called_motion_is_not_the_motion(tmp_path):
    def measured(o):
        return replace(o, rewards={**o.rewards, "vjepa2.surprise_0": 0.2, "fuse.motion": 0.9})

    result = Result.of_best(tuple(map(measured, candidates([0.1, 0.3], [2.0, 1.0], [4.0, 5.0]))))
    words = page(run_folder(tmp_path / "run", [search("a", result)])).words
    main, parts = words.split("Parts and details of rewards (2)")
    assert "trajectory error px, lower is better" in main and "motion grey levels per frame" in main
    assert parts.index("fuse, motion") < parts.index("vjepa2, surprise in window 1 lower is better")


def test_weighted_result_shows_weights_and_log_z(tmp_path):
    finals = candidates([0.1, 0.3], [2.0, 1.0])
    notes = {"lambda": [0.0, 1.0, 2.0], "ancestors": [[0, 1], [1, 1]], "n": 2}
    result = Result(finals, 1, (math.log(0.25), math.log(0.75)), -1.5, notes)
    shown = page(run_folder(tmp_path / "run", [search("a", result)], strategy="smc"))
    for text in ("log Z", "−1.500", "1.6 of 2", "no independent draws"):
        assert text in shown.words
    assert "Best of N" not in shown.words and "Search notes" not in shown.words
