"""lambda from the spread within prompts, and how much of it the truth supports."""

import math

import numpy as np
import pytest

from raysearch.evals.calibrate.strength import strength

SCENES = ["a", "b", "c"]


def test_the_spread_is_within_prompts_and_a_shift_of_a_prompt_changes_nothing():
    scores = [np.array([0.0, 2.0]), np.array([10.0, 14.0]), np.array([5.0, math.nan])]
    found = strength("r", scores, [np.full(2, math.nan)] * 3, SCENES)
    assert found.spread == pytest.approx(math.sqrt((2 + 8) / 2)) and found.lam == pytest.approx(1.9 / found.spread)
    assert found.r is None and math.isnan(found.tempered)


def test_the_tilt_is_no_stronger_than_the_truth_supports():
    rng = np.random.default_rng(0)
    y = [rng.normal(size=40) for _ in SCENES]
    half = [0.5 * v + math.sqrt(0.75) * rng.normal(size=40) for v in y]
    found = strength("r", half, y, SCENES)
    assert found.r.value == pytest.approx(0.5, abs=0.15) and found.tempered == pytest.approx(found.lam * found.r.value)
    assert strength("r", [-v for v in y], y, SCENES).tempered == 0
    assert math.isnan(strength("r", [np.ones(40)] * 3, y, SCENES).lam)
