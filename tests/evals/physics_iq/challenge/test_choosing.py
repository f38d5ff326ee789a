"""The section on choosing among candidates."""

from raysearch.evals.physics_iq.challenge import choosing
from tests.evals.physics_iq.challenge.case import job
from tests.report.case import Page

CURVE = {"verified": [50.0, 52.0], "low": [None, 51.0], "high": [None, 53.0], "original": [60.0, 61.0]}
FOUND = {"curves": {"n": [1, 2], "vjepa2": CURVE, "motion": CURVE, "oracle": CURVE},
         "correlations": {"vjepa2": {"mean": 0.4, "low": 0.1, "high": 0.6, "views": 6}}}  # fmt: skip
COLOURS = {"base": 0, "best_of_n": 1, "halving": 2}


def test_a_system_keeps_its_colour_and_selectors_get_new_ones():
    tints = choosing.tints_of(FOUND["curves"], "vjepa2", "best_of_n", COLOURS)
    assert tints == {"random": 0, "vjepa2": 1, "motion": 3, "oracle": 4}


def test_the_table_has_intervals_and_says_what_n_1_is(tmp_path):
    shown = Page(str(choosing.pool(job(tmp_path), "best_of_n/run_01", FOUND, COLOURS)))
    for text in ("51.0 to 53.0", "+0.40", "+0.10 to +0.60", "which is N = 1 and the base", "vjepa2 is what best_of_n"):
        assert text in shown.words, text
    assert choosing.band(None) == choosing.band([None, 1.0]) == "\u2013"
