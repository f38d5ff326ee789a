"""The contract of generators: a Model is loaded once per replica and makes a Generator, four methods, per prompt.

Latents are torch tensors [1, ...], fp32, on the model's device. One particle per call, so that the same particle has
the same bits whatever else is computed beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from raysearch.config.settings import GeneratorConfig
from raysearch.prompts import Prompt

if TYPE_CHECKING:
    import torch

Sound: TypeAlias = tuple[NDArray[np.float32], int]
"""A waveform [channels, samples] in [-1, 1], and its samples per second."""

Path: TypeAlias = tuple[Any, Any, Any, Any]
"""(a, s, a', s'), each a float or a tensor: x = a*x0 + s*eps goes to a'*x0 + s'*eps."""


class Generator(Protocol):
    """The denoiser of one prompt.

    Attributes:
        steps: the number of steps; the state at step 0 is pure noise, at step `steps` a finished video.
    """

    steps: int

    def draw(self, noise: torch.Generator) -> torch.Tensor:
        """Fresh noise, the state at step 0. `noise` is a CPU generator."""
        ...

    def denoise(self, x: torch.Tensor, k: int, noise: torch.Generator, grad: bool = False) -> torch.Tensor:
        """Predict the finished latents.

        Args:
            x: the state at step k.
            k: the step, from 0 to `steps` - 1.
            noise: a CPU generator for pipelines that draw random numbers during a step.
            grad: whether the result can be differentiated with respect to x.

        Returns:
            x0_hat, of the shape of x; zero in frames that have not been begun.
        """
        ...

    def decode(self, x0: torch.Tensor, noise: torch.Generator, grad: bool = False) -> torch.Tensor:
        """Frames [T, 3, H, W] in [0, 1] of the latent frames that x0 has begun.

        Args:
            x0: latents, as `denoise` returns them.
            noise: a CPU generator for decoders that draw random numbers.
            grad: whether the result can be differentiated with respect to x0.
        """
        ...

    def path(self, k: int) -> Path:
        """(a, s, a', s') of the step from k to k + 1: floats, or tensors that broadcast over latent frames."""
        ...


@runtime_checkable
class InChunks(Protocol):
    """What a generator of chunks offers beyond the Generator protocol, so that a search can look at chunks alone."""

    def decode_chunks(self, x0: torch.Tensor, first: int, end: int, noise: torch.Generator) -> torch.Tensor:
        """Frames [T, 3, H, W] in [0, 1] of some of the chunks.

        Args:
            x0: latents, as `denoise` returns them.
            first: the first chunk, counted from the first one that is made; below 0 for given ones, if there are any.
            end: the chunk before which to end.
            noise: a CPU generator for decoders that draw random numbers.
        """
        ...


@runtime_checkable
class Previewing(Protocol):
    """What a generator may offer beyond the Generator protocol: a cheaper decode for reads that are not final."""

    def previewing(self) -> AbstractContextManager[str]:
        """Within, `decode` and `decode_chunks` make the same frames more cheaply and less exactly.

        Gives the name of that decode, which every Outcome of such a read says; empty where decoding is as always.
        """
        ...


@runtime_checkable
class Sounding(Protocol):
    """What a generator may offer beyond the Generator protocol: sound that is made with the video."""

    def sound(self, x0: torch.Tensor, noise: torch.Generator) -> Sound:
        """The waveform of latents, as `denoise` returns them, and its samples per second."""
        ...


@runtime_checkable
class Conditioned(Protocol):
    """What a generator may offer beyond the Generator protocol: its conditions, for those of other processes."""

    def conditions(self) -> Any | None:
        """What `Encoding.on` takes, which can be pickled, without tensors on an accelerator; None if it cannot be."""
        ...


class Model(Protocol):
    """A loaded model.

    Attributes:
        fps: frames per second of its videos.
    """

    fps: float

    def on(self, prompt: Prompt) -> Generator:
        """The generator for one prompt, whose conditions are computed once."""
        ...


@runtime_checkable
class Encoding(Protocol):
    """What a Model may offer beyond its contract: to load what encodes prompts only when it is needed.

    Its generators are Conditioned. The function that makes such a model has the attribute `conditions`, True.
    """

    def load_encoders(self) -> None:
        """Load what encodes prompts now. Without this call it is loaded when a prompt comes without conditions."""
        ...

    def on(self, prompt: Prompt, conditions: Any | None = None) -> Generator:
        """The generator for one prompt, with the conditions that another process has computed for it, if given.

        The numbers are the same bit for bit as with its own.
        """
        ...


@runtime_checkable
class Recording(Protocol):
    """What a Model may offer beyond its contract: to keep a record of what it asked of others, so that none is lost."""

    def record_in(self, folder: str) -> None:
        """Keep the record below the folder of the run, a path or URL, which all replicas share."""
        ...


Factory: TypeAlias = Callable[[GeneratorConfig, str], Model]
"""Loads a model on a device, given by its name in torch."""
