"""Endless training clips, addressed by step: clip content depends on (seed, step) and on nothing that ran before."""

from __future__ import annotations

import numpy as np
import torch

from ..physics import PROMPTS, sample, simulate
from ..render import render

_LONGEST = 25  # scenes are simulated this far and cut at a random offset, so that later phases are seen as well


def clips(seed: int, step: int, batch: int, frames: int, two_balls: float = 0.4) -> tuple[torch.Tensor, list[str]]:
    """Valid videos [batch, 3, frames, H, W] in [-1, 1] and their prompts; two_balls: the share of such scenes."""
    rng = np.random.default_rng([seed, 0, step])
    scenes = sample(rng, batch, two_balls=two_balls)
    start = int(rng.integers(0, _LONGEST - frames + 1))
    video = render(scenes, simulate(scenes, start + frames).frames(start, start + frames))
    prompts = [PROMPTS["two_balls" if b == 2 else "one_ball"] for b in scenes.balls]
    return to_float(video), prompts


def to_float(video_NTHWC: np.ndarray) -> torch.Tensor:
    """uint8 [n, frames, H, W, 3] to float [n, 3, frames, H, W] in [-1, 1], as diffusers has it."""
    return torch.from_numpy(video_NTHWC).permute(0, 4, 1, 2, 3).float() / 127.5 - 1


def noise(seed: int, step: int, device: torch.device) -> torch.Generator:
    """The noise of one training step, so that a resumed run continues as the unbroken one would."""
    return torch.Generator(device).manual_seed((seed << 32) + step)
