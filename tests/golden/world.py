"""A generator whose arithmetic is the same on every machine: sums, products and comparisons of a few fp32 numbers.

Its source is part of the pinned fingerprints, so a change here changes what is pinned.
"""

from __future__ import annotations

from typing import Any

import torch

SIDE = 8


def load(config: Any, device: str) -> World:
    return World(config.steps, float(config.fps))


class World:
    """A flow path of one latent of 16 numbers; its video is four frames of 8 x 8 grey levels on a grid of 1/256."""

    def __init__(self, steps: int, fps: float):
        self.steps, self.fps = steps, fps

    def on(self, prompt: Any) -> World:
        return self

    def draw(self, noise: torch.Generator) -> torch.Tensor:
        return torch.randint(-256, 257, (1, 16), generator=noise).float() / 128

    def denoise(self, x: torch.Tensor, k: int, noise: torch.Generator, grad: bool = False) -> torch.Tensor:
        return (0.75 * x + k / 16).clamp(-1, 1)

    def decode(self, x0: torch.Tensor, noise: torch.Generator, grad: bool = False) -> torch.Tensor:
        frames = [(0.5 + 0.25 * t * x0[0] / 4).clamp(0, 1).view(4, 4) for t in range(4)]
        coarse = torch.stack(frames).view(4, 1, 4, 4).repeat_interleave(2, 2).repeat_interleave(2, 3)
        return coarse.expand(4, 3, SIDE, SIDE)

    def path(self, k: int) -> tuple[float, float, float, float]:
        s, s1 = 1 - k / self.steps, 1 - (k + 1) / self.steps
        return 1 - s, s, 1 - s1, s1
