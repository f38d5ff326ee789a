"""A calibration in the terminal."""

import math

from raysearch.evals.calibrate import words
from raysearch.evals.calibrate.fusion import Fusion
from raysearch.evals.calibrate.statistics import Interval


def test_every_part_is_said(found):
    text = "\n".join(words.lines(found))
    good = next(line for line in text.splitlines() if line.startswith("good"))
    assert "ranks above chance" in good and words.span(found.rows[0].ranking.rho) in good
    assert "tinyworld_truth" in text and "search.lam={sd: 1.9, spread: " in text and "keep to it" in text
    assert text.count("(control)") == 1 and "note: 128 candidates have no film" in text


def test_intervals_and_what_is_pasted():
    assert words.span(Interval(0.5, 0.25, 0.75, 9)) == "+0.50 [+0.25, +0.75]"
    assert words.span(Interval(0.5, math.nan, math.nan, 1)) == "+0.50"
    assert words.shares(Interval(0.44, 0.29, 0.58, 4)) == "0.94 [0.79, 1.00]"
    fusion = Fusion("f", Interval(0.5), Interval(0.1), {"a": 1.0}, 0.9, {"how": "normal", "parts": [{"name": "a"}]})
    assert words.pasted(fusion) == ["choose: {how: normal, parts: [{name: a}]}"]
