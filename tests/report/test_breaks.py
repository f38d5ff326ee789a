"""First breaks of a run's own pool, and what is said of backtracking there."""

import math

import pytest

from raysearch.moves import Outcome, Result
from raysearch.report.breaks import pooled, verdict
from tests.report.case import page, run_folder, search

LENGTHS, STEPS = [12, 12, 12], 9


def outcome(k, first, frames=41.0):
    told = {"w.break": float(first), "w.frames": frames, "w.above": 0.3}
    return Outcome(f"{k:032d}", 1 - k / 10, {"w": 1 - k / 10, **told})


def backtracked(firsts, again=(), seams=(), lengths=LENGTHS):
    note = {
        "rounds": [], "lengths": lengths, "begins": [0, 3, 6], "steps": STEPS, "margin": 1, "breaks": list(firsts),
        "seams": list(seams),
    }  # fmt: skip
    finals = [outcome(k, f) for k, f in enumerate([*firsts, *again])]
    return Result.of_best(finals, backtrack=note)


def test_breaks_are_counted_by_chunk_with_what_a_new_end_costs(tmp_path):
    found = backtracked([7, 20, 30, 41], again=[41, 41], seams=[0.5, 1.5, math.nan])
    words = page(run_folder(tmp_path / "run", [search("a", found)], "backtrack")).words
    for expected in (
        "1 of 4 videos show no break.", "1 5 to 16 1 25 % 100 %", "2 17 to 28 1 25 % 67 %", "3 29 to 40 1 25 % 33 %",
        "saves 33 % of a video on average", "may be worth its budget here",
        "2 joins of kept and new frames: surprise there 1.00 of the threshold (median), above it in 50 %",
    ):  # fmt: skip
        assert expected in words, expected


def test_breaks_in_the_first_chunk_speak_against_it():
    pool = pooled([backtracked([6, 7, 17, 20])], False)
    assert pool.saved == pytest.approx(1 / 12), "frame 17 is cut a frame before, in the first chunk"
    assert "prefer halving or best_of_n" in verdict(pool)
    assert "nothing to go back to" in verdict(pooled([backtracked([41, 41])], False))


def test_a_pool_of_best_of_n_tells_frames_but_no_costs(tmp_path):
    plain = Result.of_best([outcome(k, f) for k, f in enumerate([3, 12, 41])])
    pool = pooled([plain], True)
    assert pool.starts == [0, 10, 20, 31] and "search=backtrack on a chunked generator tells" in verdict(pool)
    assert pooled([plain], False) is None
    words = page(run_folder(tmp_path / "run", [search("a", plain)])).words
    assert "2 10 to 19 1 33 %" in words


def test_without_such_a_reward_there_is_no_section(tmp_path):
    none = Result.of_best([Outcome("0" * 32, 0.5, {"w": 0.5})])
    assert "First breaks" not in page(run_folder(tmp_path / "run", [search("a", none)])).words
