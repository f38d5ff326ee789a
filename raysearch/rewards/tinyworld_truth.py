"""The truth of the tiny world in the form of a reward, to be watched, never searched by."""

from __future__ import annotations

import math

import numpy as np

from raysearch.prompts import Prompt
from raysearch.rewards import Scores
from raysearch.tinyworld.heldout import condition
from raysearch.tinyworld.physics import SIZE
from raysearch.tinyworld.truth import measure


class Truth:
    """Minus the trajectory error in px, and every other measure of `truth.measure` as a detail; NaN off this world."""

    size: int | None = SIZE
    differentiable = False

    def score(self, view: np.ndarray, prompt: Prompt) -> Scores:
        if prompt.scene is None:
            return Scores(math.nan)
        found = measure(view, condition(prompt.scene, prompt.scene_seed))
        return Scores(-found["trajectory_error"], found)
