"""Held-out conditions: scenes no training stream draws, with their true future."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from raysearch.names import lookup

from .physics import PROMPTS, SCENES, Scenes, Trajectories, sample, simulate
from .render import render

FRAMES, GIVEN = 17, 5  # frames of a video, and how many of them the generator is given


@dataclass(frozen=True)
class Condition:
    """One scene: its exact state, and its true video, uint8 [17, H, W, 3]."""

    scenes: Scenes
    motion: Trajectories
    video: np.ndarray
    prompt: str

    @property
    def given(self) -> np.ndarray:
        """The frames that the generator is given, uint8 [5, H, W, 3]."""
        return self.video[:GIVEN]


def condition(scene: str, seed: int) -> Condition:
    """The held-out scene of that kind and seed. Training draws from other random streams (see train/data.py)."""
    kind = SCENES.index(lookup("scene", scene, dict.fromkeys(SCENES, scene)))
    rng = np.random.default_rng([seed, 1, kind])
    scenes = sample(rng, 1, scene)
    motion = simulate(scenes, FRAMES)
    return Condition(scenes, motion, render(scenes, motion)[0], PROMPTS[scene])
