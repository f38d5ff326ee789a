"""The words at the top of the report."""

from __future__ import annotations

import math

import numpy as np

from raysearch.moves import Result
from raysearch.report import reading, statistics, story
from tests.report.case import ERROR, candidates, page, run_folder, search


def test_headline_claims_no_more_than_the_interval(tmp_path):
    def told(gain, noise):
        rng = np.random.default_rng(0)
        made = []
        for p in range(8):
            other = 3.0 + noise * rng.normal()
            made.append(
                search(f"p{p}", Result.of_best(candidates([0.1, 0.2], [other + gain, other], tag=p)), films=False)
            )
        run = reading.read(str(run_folder(tmp_path / f"{gain}-{noise}", made)))
        return story.headline(run, story.leading([statistics.row(run.results, statistics.measure(ERROR))]))

    assert told(1.0, 0.0) == "Best of 2 lowered the mean trajectory error from 3.50 to 3.00 px on 8 held-out scenes"
    assert told(-1.0, 0.0).startswith("Best of 2 raised the mean trajectory error from 2.50 to 3.00 px")
    assert "did not clearly change" in told(0.0, 1.0)


def test_a_choice_that_is_worse_than_a_random_one_closes_no_gap(tmp_path):
    made = [search(f"p{p}", Result.of_best(candidates([0.2, 0.1], [4.0, 3.0], tag=p)), films=False) for p in range(6)]
    run = reading.read(str(run_folder(tmp_path / "run", made)))
    row = statistics.row(run.results, statistics.measure(ERROR))
    assert "reaches 3.00 px; the choice is farther from it than a random one." in story.lede(run, row)[1]


def test_infinite_rewards_leave_nothing_to_compare(tmp_path):
    shown = page(run_folder(tmp_path / "run", [search("a", Result(candidates([-math.inf, -math.inf]), 0))]))
    assert "no candidate of 1 prompt has a finite reward" in shown.words


def test_a_chosen_video_that_stands_still_is_flagged(tmp_path):
    result = Result.of_best(candidates([0.1, 0.3, 0.2], motions=[5.0, 1.0, 4.0]))
    assert statistics.frozen(result) == 0.25
    assert statistics.frozen(Result.of_best(candidates([0.1, 0.3], motions=[5.0, 4.0]))) is None
    shown = page(run_folder(tmp_path / "run", [search("a", result)]))
    assert "Nearly still: moves 25 % as much" in shown.words and "won by standing still" in shown.words
