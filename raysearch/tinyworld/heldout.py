"""Held-out conditions: scenes no training stream draws, with their true future."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from raysearch.names import lookup

from .physics import PICTURES, PROMPTS, SCENES, Scenes, Trajectories, sample, simulate, simulate_finely
from .render import render

FPS = 8.0
FRAMES, GIVEN = 17, 5  # frames of a video, and how many of them the generator is given
FINE_FPS = FPS * PICTURES
FINE_FRAMES, FINE_GIVEN = 96, 24  # of a video at FINE_FPS: four seconds, and the first of them


@dataclass(frozen=True)
class Condition:
    """One scene: its exact state, and its true video.

    Attributes:
        scenes: the scene, a batch of one.
        motion: where the balls are in every frame of the video.
        video: uint8 [T, H, W, 3].
        prompt: its text.
        count: how many frames the generator is given.
        pictures: how many pictures a frame of the world has: 1 at 8 pictures per second, 3 at 24.
    """

    scenes: Scenes
    motion: Trajectories
    video: np.ndarray
    prompt: str
    count: int = GIVEN
    pictures: int = 1

    @property
    def given(self) -> np.ndarray:
        """The frames that the generator is given, uint8 [count, H, W, 3]."""
        return self.video[: self.count]

    def seen(self) -> Condition:
        """The same at one picture per frame of the world, which is what its measures look at."""
        every = self.pictures
        if every == 1:
            return self
        motion = self.motion[:, ::every]
        return Condition(self.scenes, motion, self.video[::every], self.prompt, -(-self.count // every))


def condition(scene: str, seed: int, fps: float | None = None) -> Condition:
    """The held-out scene of that kind and seed. Training draws from other random streams (see train/data.py).

    Args:
        scene: one of physics.SCENES.
        seed: its number.
        fps: frames per second of the generator: 24 gives four seconds whose first is given, anything else 17 frames at
            8 per second whose first five are given.
    """
    kind = SCENES.index(lookup("scene", scene, dict.fromkeys(SCENES, scene)))
    rng = np.random.default_rng([seed, 1, kind])
    scenes = sample(rng, 1, scene)
    if fps == FINE_FPS:
        motion = simulate_finely(scenes, FINE_FRAMES)
        return Condition(scenes, motion, render(scenes, motion)[0], PROMPTS[scene], FINE_GIVEN, PICTURES)
    motion = simulate(scenes, FRAMES)
    return Condition(scenes, motion, render(scenes, motion)[0], PROMPTS[scene])
