"""The clockwork generator with a text encoder: what a custom generator needs to have prompts encoded once for all.

One replica then loads the encoder and encodes; the others are given what it has made, and load none. The functions that
make such a model say so by an attribute, as `load` does here.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch

from examples.clockwork import Clockwork
from raysearch.config.settings import GeneratorConfig
from raysearch.prompts import Prompt

NUMBERS = 50_000  # of an encoded text: enough for Ray to keep it on the node where it was made


def settings(steps: int, **call: Any) -> GeneratorConfig:
    """The configuration of such a generator with this number of steps; `call` as in a job."""
    return GeneratorConfig(name="examples.encoded:load", model="encoded", steps=steps, fps=8, call=call)


def load(config: GeneratorConfig, device: str) -> Encoded:
    """Make the model of a replica, without its encoder."""
    return Encoded(config.steps or 8, float(config.fps or 8), **config.call)


load.conditions = True  # type: ignore[attr-defined]


class Encoded(Clockwork):
    """A clockwork whose previews depend on the encoded text. Implements contract.Encoding and contract.Conditioned."""

    encoder: torch.Tensor | None = None
    words: np.ndarray | None = None

    def load_encoders(self) -> None:
        """Load the encoder: a number for every byte of a text."""
        self.encoder = torch.linspace(-1, 1, 256)

    def on(self, prompt: Prompt, conditions: np.ndarray | None = None) -> Encoded:
        """The generator for a prompt, which is encoded here if its conditions are not given."""
        generator = copy.copy(self)
        generator.words = self._encoded(prompt.text) if conditions is None else conditions
        return generator

    def conditions(self) -> np.ndarray | None:
        """The encoded text, for other replicas."""
        return self.words

    def denoise(self, x: torch.Tensor, k: int, noise: torch.Generator, grad: bool = False) -> torch.Tensor:
        """The preview of the clockwork, moved by the mean of the encoded text."""
        assert self.words is not None
        return super().denoise(x, k, noise, grad) + 0.1 * float(self.words.mean())

    def _encoded(self, text: str) -> np.ndarray:
        if self.encoder is None:
            self.load_encoders()
        assert self.encoder is not None
        numbers = self.encoder[list(text.encode()) or [0]].numpy()
        return np.resize(numbers, NUMBERS)
