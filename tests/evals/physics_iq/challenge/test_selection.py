"""What choosing is worth."""

import pytest


def test_curves_agree_with_what_was_chosen(whole):
    """At N = all, best-of-N by the searched reward is what the search chose; at N = 1 every selector is chance."""
    _, found = whole
    pool = found["pools"]["best_of_n/run_01"]["curves"]
    chosen = found["systems"]["best_of_n"]["run_01"]
    assert pool["n"] == [1, 2, 3]
    assert pool["vjepa2"]["verified"][-1] == pytest.approx(chosen["verified"]["score"])
    assert pool["vjepa2"]["original"][-1] == pytest.approx(chosen["original"]["score"], abs=0.011)
    assert {round(c["verified"][0], 9) for k, c in pool.items() if k != "n"} == {
        round(pool["oracle"]["verified"][0], 9)
    }
    assert all(b >= a for a, b in zip(pool["oracle"]["verified"], pool["oracle"]["verified"][1:], strict=False))
    assert set(found["pools"]["best_of_n/run_01"]["correlations"]) == {"vjepa2", "motion"}
