"""The tiny world at 24 frames per second: a chunk is one second, and every third frame is a frame of the world at 8."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from raysearch.generators.magi1.stages import CHUNK
from raysearch.tinyworld.physics import PROMPTS, Scenes, Trajectories, sample, simulate_finely
from raysearch.tinyworld.render import render
from raysearch.tinyworld.train.data import to_float

LONGEST = 6 * CHUNK  # frames that a scene is followed


def tiles(seed: int, step: int, batch: int, frames: int) -> Tensor:
    """Random clips [batch, 3, frames, H, W] in [-1, 1], each cut from its scene at a random time."""
    rng = np.random.default_rng([seed, 2, step])
    scenes = sample(rng, batch)
    motion = simulate_finely(scenes, LONGEST)
    at = rng.integers(0, LONGEST - frames + 1, batch)[:, None] + np.arange(frames)
    row = np.arange(batch)[:, None]
    cut = Trajectories(motion.position[row, at], motion.visible[row, at], motion.colour[row, at])
    return to_float(render(scenes, cut))


def films(seed: int, number: int, batch: int, scene: str | None = None) -> tuple[Tensor, list[str], Scenes]:
    """Clips [batch, 3, LONGEST, H, W] in [-1, 1] of whole scenes, their prompts, and the scenes."""
    scenes = sample(np.random.default_rng([seed, 3, number]), batch, scene)
    prompts = [PROMPTS["two_balls" if balls == 2 else "one_ball"] for balls in scenes.balls]
    return to_float(render(scenes, simulate_finely(scenes, LONGEST))), prompts, scenes


def still(video: Tensor) -> Tensor:
    """The first frame [B, 3, 1, H, W] of clips, as an image is given."""
    return torch.narrow(video, 2, 0, 1)
