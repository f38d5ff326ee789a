"""A pipeline whose particle is more than one tensor: a video and the sound that is made with it.

To the engine the particle is one flat tensor [1, N], the video's entries before those of the sound, so kernels, guides,
states and the journal are as for any other. The pipeline sees the tensors. Where both have schedules of their own,
`path` returns tensors [1, N]. Rewards see the video alone; the film gets the sound.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from raysearch.generators.contract import Path, Sound
from raysearch.generators.declare import Pipeline
from raysearch.generators.one_step import one_step
from raysearch.generators.packing import joint_path, packed, unpacked
from raysearch.generators.stepping import DiffusersGenerator

BESIDE = "audio_latents"  # how pipelines call the second tensor


class WithSound(DiffusersGenerator):
    """A pipeline that makes video and sound together, driven step by step. Implements contract.Generator."""

    def __init__(self, pipeline: Pipeline, steps: int, **call: Any):
        """Drive a pipeline; see DiffusersGenerator."""
        super().__init__(pipeline, steps, **call)
        self._call = {**self._call, "callback_on_step_end_tensor_inputs": ["latents", BESIDE]}
        self.pipe._callback_tensor_inputs = [*type(pipeline)._callback_tensor_inputs, BESIDE]
        self._own = getattr(pipeline, "audio_scheduler", None) is not None
        if self._own:
            self.pipe.audio_scheduler = one_step(pipeline.audio_scheduler)
        self._sound: torch.Tensor | None = None  # the particle's, while the pipeline runs
        self._made: torch.Tensor | None = None  # what the pipeline drew or predicted of it
        self._shapes: tuple[torch.Size, torch.Size] | None = None
        self._prepare_sound = self.pipe.prepare_audio_latents
        self.pipe.prepare_audio_latents = self._sound_with_particle

    def draw(self, noise: torch.Generator) -> torch.Tensor:
        """Fresh noise of both tensors; see contract.Generator."""
        self._sound = None
        return self._packed(super().draw(noise))

    def denoise(self, x: torch.Tensor, k: int, noise: torch.Generator, grad: bool = False) -> torch.Tensor:
        """x0_hat of both tensors; see contract.Generator."""
        video, self._sound = self._parts(x)
        if self._own:
            self.pipe.audio_scheduler.at = k
        return self._packed(super().denoise(video, k, noise, grad))

    def decode(self, x0: torch.Tensor, noise: torch.Generator, grad: bool = False) -> torch.Tensor:
        """Frames, without decoding the sound; see contract.Generator."""
        video, self._sound = self._parts(x0)
        with _silent(self.pipe):
            return super().decode(video, noise, grad)

    def sound(self, x0: torch.Tensor, noise: torch.Generator) -> Sound:
        """The sound of latents, as `denoise` returns them, without decoding the video."""
        video, self._sound = self._parts(x0)
        with _blind(self.pipe):
            self._run(0, video, noise, idle=True, output="pt")
        rate = int(self.pipe.vocoder.config.output_sampling_rate)
        return np.ascontiguousarray(self._output.audio[0].float().cpu().numpy()), rate

    def path(self, k: int) -> Path:
        """(a, s, a', s') of step k, as tensors [1, N] where the sound has a schedule of its own."""
        video = super().path(k)
        if not self._own:
            return video
        return joint_path((video, self.pipe.audio_scheduler.table[k]), self._known_shapes())

    def _sound_with_particle(self, *args: Any, **options: Any) -> torch.Tensor:
        """In place of the pipeline's prepare_audio_latents: where the second tensor enters."""
        if self._sound is None:
            with torch.no_grad():
                self._made = self._prepare_sound(*args, **options)
            return self._made.clone()
        return self._sound.clone(memory_format=torch.contiguous_format)

    def _report(self, tensors: dict[str, Any]) -> None:
        self._made = tensors[BESIDE]

    def _packed(self, video: torch.Tensor) -> torch.Tensor:
        assert self._made is not None
        self._shapes = video.shape, self._made.shape
        return packed((video, self._made))

    def _parts(self, x: torch.Tensor) -> list[torch.Tensor]:
        return unpacked(x, self._known_shapes())

    def _known_shapes(self) -> tuple[torch.Size, torch.Size]:
        if self._shapes is None:
            self.draw(torch.Generator().manual_seed(0))  # the pipeline itself knows them
        assert self._shapes is not None
        return self._shapes


@contextmanager
def _silent(pipe: Pipeline) -> Iterator[None]:
    """Within, the pipeline does not decode its sound."""
    with _replaced(pipe, "audio_vae", lambda *args, **options: (None,)):
        vocoder = pipe.vocoder
        object.__setattr__(pipe, "vocoder", lambda mel: None)
        try:
            yield
        finally:
            object.__setattr__(pipe, "vocoder", vocoder)


@contextmanager
def _blind(pipe: Pipeline) -> Iterator[None]:
    """Within, the pipeline does not decode its video."""
    with _replaced(pipe, "vae", lambda *args, **options: (torch.zeros(1, 3, 1, 8, 8),)):
        yield


@contextmanager
def _replaced(pipe: Pipeline, part: str, decode: Any) -> Iterator[None]:
    whole = getattr(pipe, part)
    copied = copy.copy(whole)
    object.__setattr__(copied, "decode", decode)
    setattr(pipe, part, copied)
    try:
        yield
    finally:
        setattr(pipe, part, whole)
