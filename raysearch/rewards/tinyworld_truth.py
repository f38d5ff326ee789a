"""The truth of the tiny world in the form of a reward: to be watched, never searched by."""

from __future__ import annotations

import math

import numpy as np

from raysearch.prompts import Prompt
from raysearch.rewards.base import Declaration, Need, Reward, Scores, Spec
from raysearch.tinyworld.heldout import condition
from raysearch.tinyworld.physics import SIZE
from raysearch.tinyworld.truth import measure


def _needs(spec: Spec) -> Need:
    return "scene"


@Declaration(needs=_needs)
class Truth(Reward):
    """Minus the trajectory error in px, and every other measure of `truth.measure` as a detail; NaN off this world."""

    size = SIZE

    def score(self, view: np.ndarray, prompt: Prompt, fps: float | None = None) -> Scores:
        """Minus the trajectory error in px of a view, uint8 [T, H, W, 3]; NaN for a prompt without a scene."""
        if prompt.scene is None:
            return Scores(math.nan)
        measures = measure(view, condition(prompt.scene, prompt.scene_seed, fps))
        return Scores(-measures["trajectory_error"], measures)
