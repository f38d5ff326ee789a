"""Endless training clips, addressed by step: clip content depends on (seed, step) and on nothing that ran before."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import torch

from ..physics import PROMPTS, Scenes, sample, simulate
from ..render import render

_LONGEST = 25  # scenes are simulated this far and cut at a random offset, so that later phases are seen as well


def clips(
    seed: int, step: int, batch: int, frames: int, two_balls: float = 0.4, meeting: float = 0.0
) -> tuple[torch.Tensor, list[str]]:
    """Random valid videos of the tiny world.

    Args:
        seed: Seed of the training run.
        step: Step of the training run.
        batch: Number of videos.
        frames: Frames of each.
        two_balls: Share of scenes with two balls.
        meeting: Share of scenes chosen so that two balls collide in view, which few do by chance.

    Returns:
        Videos [batch, 3, frames, H, W] in [-1, 1], and their prompts.
    """
    rng = np.random.default_rng([seed, 0, step])
    scenes = sample(rng, batch, two_balls=two_balls)
    start = int(rng.integers(0, _LONGEST - frames + 1))
    scenes = with_meetings(rng, scenes, meeting, start, start + frames)
    video = render(scenes, simulate(scenes, start + frames).frames(start, start + frames))
    prompts = [PROMPTS["two_balls" if b == 2 else "one_ball"] for b in scenes.balls]
    return to_float(video), prompts


def to_float(video_NTHWC: np.ndarray) -> torch.Tensor:
    """uint8 [n, frames, H, W, 3] to float [n, 3, frames, H, W] in [-1, 1], as diffusers has it."""
    return torch.from_numpy(video_NTHWC).permute(0, 4, 1, 2, 3).float() / 127.5 - 1


def noise(seed: int, step: int, device: torch.device) -> torch.Generator:
    """The noise of one training step, so that a resumed run continues as the unbroken one would."""
    return torch.Generator(device).manual_seed((seed << 32) + step)


def with_meetings(rng: np.random.Generator, scenes: Scenes, share: float, start: int, stop: int) -> Scenes:
    """The scenes with that share of them replaced by such in which two balls meet between the frames."""
    if not (n := round(len(scenes) * share)):
        return scenes
    order = np.arange(len(scenes))
    order[rng.permutation(len(scenes))[:n]] = len(scenes) + np.arange(n)
    new = _colliding(rng, n, start, stop)
    both = {f.name: np.concatenate([getattr(scenes, f.name), getattr(new, f.name)]) for f in fields(Scenes)}
    return Scenes(**both)[order]


def _colliding(rng: np.random.Generator, n: int, start: int, stop: int, tries: int = 12) -> Scenes:
    """n scenes whose balls meet between the frames; the few that may be missing are filled with others."""
    scenes = sample(rng, tries * n, "two_balls")
    apart = simulate(scenes, stop).position - simulate(scenes, stop, "through_ball").position
    changed = np.abs(apart).max((2, 3)) > 0.1  # [scene, frame]
    first = np.where(changed.any(1), changed.argmax(1), -1)
    seen = (first >= start + 3) & (first < stop - 1)
    return scenes[np.argsort(~seen, kind="stable")[:n]]
