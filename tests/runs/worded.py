"""A generator that reads: how fast its square moves is the number in the text, with a little of the noise."""

from __future__ import annotations

import re
from typing import Any

import torch

MADE: list[str] = []  # the texts that generators of this process were made for, in order


def load(config: Any, device: str) -> Reader:
    return Reader(config.steps, float(config.fps))


class Reader:
    """One step of a flow path to a latent of one number, the speed; four frames of 16 x 16."""

    def __init__(self, steps: int, fps: float, text: str = ""):
        self.steps, self.fps = steps, fps
        self.speed = float((re.findall(r"\d+", text) or ["0"])[0])

    def on(self, prompt: Any) -> Reader:
        MADE.append(prompt.text)
        return Reader(self.steps, self.fps, prompt.text)

    def draw(self, noise: torch.Generator) -> torch.Tensor:
        return torch.randn((1, 1), generator=noise)

    def denoise(self, x: torch.Tensor, k: int, noise: torch.Generator, grad: bool = False) -> torch.Tensor:
        return self.speed + 0.01 * x

    def decode(self, x0: torch.Tensor, noise: torch.Generator, grad: bool = False) -> torch.Tensor:
        grey = (x0[0, 0] * torch.arange(4) / 64).clamp(0, 1)
        return grey.view(4, 1, 1, 1).expand(4, 3, 16, 16)

    def path(self, k: int) -> tuple[float, float, float, float]:
        s, s1 = 1 - k / self.steps, 1 - (k + 1) / self.steps
        return 1 - s, s, 1 - s1, s1
