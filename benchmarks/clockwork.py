"""A generator that takes a known time: arithmetic for a network, sleep for its cost. To measure and break engines.

Name it in a job as `generator: {name: "benchmarks.clockwork:load", ...}`. Settings stand under `call`: `seconds` a step
takes; `numbers` in a latent (fp32); `slow`, a folder: the first replica that claims it takes `factor` times as long;
`unsteady`: other bits in every process, as on devices of different kinds.
"""

from __future__ import annotations

import os
import time
from typing import Any

import torch

from raysearch.config.settings import GeneratorConfig

NAME = "benchmarks.clockwork:load"


def settings(steps: int, **call: Any) -> GeneratorConfig:
    """The configuration of a clockwork generator of so many steps."""
    return GeneratorConfig(name=NAME, model="clockwork", steps=steps, fps=8, call=call)


def load(config: Any, device: str) -> Clockwork:
    return Clockwork(config.steps, float(config.fps), **config.call)


class Clockwork:
    """Flow path; the preview is a smooth function of the state, the frames are drawn from it."""

    def __init__(
        self, steps: int, fps: float, seconds: float = 0.0, numbers: int = 16, slow: str = "", factor: float = 2.0,
        unsteady: bool = False,
    ):  # fmt: skip
        self.steps, self.fps, self.numbers = steps, fps, numbers
        self.offset = os.getpid() * 1e-6 if unsteady else 0.0
        self.seconds = seconds * (factor if slow and _claimed(slow) else 1.0)

    def on(self, prompt: Any) -> Clockwork:
        return self

    def draw(self, noise: torch.Generator) -> torch.Tensor:
        return torch.randn(1, self.numbers, generator=noise)

    def denoise(self, x: torch.Tensor, k: int, noise: torch.Generator, grad: bool = False) -> torch.Tensor:
        time.sleep(self.seconds)
        return torch.tanh(0.7 * x + 0.1 * k) + self.offset

    def decode(self, x0: torch.Tensor, noise: torch.Generator, grad: bool = False) -> torch.Tensor:
        wave = torch.sin(torch.arange(4).view(4, 1) * (1 + x0[:, :16].flatten().view(1, -1)))
        return wave.view(4, 1, 1, -1).expand(4, 3, 16, -1) / 2 + 0.5

    def path(self, k: int) -> tuple[float, float, float, float]:
        s, s1 = 1 - k / self.steps, 1 - (k + 1) / self.steps
        return 1 - s, s, 1 - s1, s1


def _claimed(folder: str) -> bool:
    """True for the first who asks."""
    try:
        os.close(os.open(os.path.join(folder, "slow"), os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True
