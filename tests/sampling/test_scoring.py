"""A reward replica: views scored by several rewards at once, and the gradient for guides."""

import math

import numpy as np
import pytest

from raysearch.errors import UsageError
from raysearch.prompts import Prompt
from raysearch.sampling.scoring import RewardWorker

PROMPT = Prompt("p", "a ball")
VIEW = np.random.default_rng(0).integers(0, 255, (9, 16, 16, 3), dtype=np.uint8)


def test_one_that_cannot_judge_says_why_and_the_others_judge():
    of_the_clip = {"name": "motion", "relative": True, "label": "relative"}
    worker = RewardWorker([of_the_clip, {"name": "motion"}, {"name": "flicker", "label": "calm"}], 1)
    values, seconds = worker.score(VIEW, PROMPT)
    assert math.isnan(values["relative"]) and "no clip to compare with" in values["relative.error"]
    assert values["motion"] > 0 and 0 < values["calm"] < 1 and seconds > 0
    broken, _ = worker.score(VIEW.astype(np.float32), PROMPT)
    assert all(math.isnan(broken[name]) for name in ("motion", "calm")) and "NaN" in broken["motion.error"]


def test_what_generators_measure_is_left_to_them():
    worker = RewardWorker([{"name": "motion"}, {"name": "likephys"}], 1)
    assert list(worker.rewards) == ["motion"] and worker.size() is None


def test_the_gradient_is_that_of_the_first_reward():
    view = VIEW.transpose(0, 3, 1, 2).astype(np.float32) / 255
    value, slope = RewardWorker([{"name": "motion"}], 1).gradient(view)
    moved, _ = RewardWorker([{"name": "motion"}], 1).gradient(view + 1e-3 * slope / np.abs(slope).max())
    assert slope.shape == view.shape and moved > value
    with pytest.raises(UsageError, match="has no gradient to guide by"):
        RewardWorker([{"name": "tinyworld_truth"}], 1).gradient(view)
