"""A complete custom generator that takes a known time: arithmetic in place of a network, sleep for its cost.

It shows what a generator needs, and serves to measure the engine and to test it under faults. Name it in a job as
`generator: {name: "examples.clockwork:load", steps: 8, call: {...}}`; `call` takes the arguments of `Clockwork` after
`fps`.
"""

from __future__ import annotations

import os
import time
from typing import Any

import torch

from raysearch.config.settings import GeneratorConfig
from raysearch.prompts import Prompt

NAME = "examples.clockwork:load"


def settings(steps: int, **call: Any) -> GeneratorConfig:
    """The configuration of a clockwork generator with this number of steps; `call` as in a job."""
    return GeneratorConfig(name=NAME, model="clockwork", steps=steps, fps=8, call=call)


def load(config: GeneratorConfig, device: str) -> Clockwork:
    """Make the model of a replica. `device` is not used: everything here is computed on the CPU."""
    return Clockwork(config.steps or 8, float(config.fps or 8), **config.call)


class Clockwork:
    """A flow path whose preview is a smooth function of the state, and whose frames are drawn from the preview.

    It is its own generator for every prompt, since it depends on none.

    Args:
        steps: denoising steps.
        fps: frames per second of the videos.
        seconds: duration of one step.
        numbers: size of a latent (fp32, shape [1, numbers]).
        slow: a folder; the first replica that claims it takes `factor` times as long. Empty for none.
        factor: slowness of that replica.
        unsteady: give other bits in every process, as devices of different kinds do.
    """

    def __init__(
        self, steps: int, fps: float, seconds: float = 0.0, numbers: int = 16, slow: str = "", factor: float = 2.0,
        unsteady: bool = False,
    ):  # fmt: skip
        self.steps, self.fps, self.numbers = steps, fps, numbers
        self.offset = os.getpid() * 1e-6 if unsteady else 0.0
        self.seconds = seconds * (factor if slow and _claimed(slow) else 1.0)

    def on(self, prompt: Prompt) -> Clockwork:
        """The generator for a prompt."""
        return self

    def draw(self, noise: torch.Generator) -> torch.Tensor:
        """Fresh noise [1, numbers]."""
        return torch.randn(1, self.numbers, generator=noise)

    def denoise(self, x: torch.Tensor, k: int, noise: torch.Generator, grad: bool = False) -> torch.Tensor:
        """The preview x0_hat [1, numbers] of the state before step k; takes `seconds`."""
        time.sleep(self.seconds)
        return torch.tanh(0.7 * x + 0.1 * k) + self.offset

    def decode(self, x0: torch.Tensor, noise: torch.Generator, grad: bool = False) -> torch.Tensor:
        """Four frames [4, 3, 16, W] in [0, 1], W the smaller of 16 and `numbers`."""
        wave = torch.sin(torch.arange(4).view(4, 1) * (1 + x0[:, :16].flatten().view(1, -1)))
        return wave.view(4, 1, 1, -1).expand(4, 3, 16, -1) / 2 + 0.5

    def path(self, k: int) -> tuple[float, float, float, float]:
        """(a, s) of the state before step k and (a', s') of the state after it."""
        s, s1 = 1 - k / self.steps, 1 - (k + 1) / self.steps
        return 1 - s, s, 1 - s1, s1


def _claimed(folder: str) -> bool:
    """Whether this process is the first that claims the folder."""
    try:
        os.close(os.open(os.path.join(folder, "slow"), os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True
