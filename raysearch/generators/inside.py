"""A pipeline whose prepare_latents makes the sound as well, the second of what it returns (Cosmos 3).

To the engine the particle is one flat tensor [1, N], as in several.py. Both tensors have one schedule, so the levels of
a step are numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from raysearch.generators.contract import Sound
from raysearch.generators.declare import Pipeline
from raysearch.generators.packing import packed, unpacked
from raysearch.generators.stepping import DiffusersGenerator

INSIDE = "sound_latents"  # [C, T], without a batch axis


class WithSoundInside(DiffusersGenerator):
    """Such a pipeline, driven step by step. Implements contract.Generator and Sounding."""

    def __init__(self, pipeline: Pipeline, steps: int, **call: Any):
        """Drive a pipeline; see DiffusersGenerator."""
        super().__init__(pipeline, steps, **call)
        self._call = {**self._call, "callback_on_step_end_tensor_inputs": ["latents", INSIDE]}
        self.pipe._callback_tensor_inputs = [*type(pipeline)._callback_tensor_inputs, INSIDE]
        self._sound: torch.Tensor | None = None  # the particle's, while the pipeline runs
        self._made: torch.Tensor | None = None  # what the pipeline drew or predicted of it

    def draw(self, noise: torch.Generator) -> torch.Tensor:
        """Fresh noise of both tensors; see contract.Generator."""
        self._sound = None
        return self._packed(super().draw(noise))

    def denoise(self, x: torch.Tensor, k: int, noise: torch.Generator, grad: bool = False) -> torch.Tensor:
        """x0_hat of both tensors; see contract.Generator."""
        return self._packed(super().denoise(self._entered(x), k, noise, grad))

    def decode(self, x0: torch.Tensor, noise: torch.Generator, grad: bool = False) -> torch.Tensor:
        """Frames, without decoding the sound; see contract.Generator."""
        self.pipe.decode_sound = lambda latents: None
        try:
            return super().decode(self._entered(x0), noise, grad)
        finally:
            del self.pipe.decode_sound

    def sound(self, x0: torch.Tensor, noise: torch.Generator) -> Sound:
        """The sound of latents, as `denoise` returns them, without decoding the video."""
        self._run(0, self._entered(x0), noise, idle=True)
        waveform = self._output.sound.float().cpu().numpy()
        return np.ascontiguousarray(waveform), int(self.pipe.sound_tokenizer.config.sampling_rate)

    def _prepare_with_particle(self, *args: Any, **options: Any) -> Any:
        video, drawn, *rest = super()._prepare_with_particle(*args, **options)
        self._made = drawn if self._sound is None else self._sound.to(drawn)
        return video, self._made, *rest

    def _report(self, tensors: dict[str, Any]) -> None:
        self._made = tensors[INSIDE]

    def _packed(self, video: torch.Tensor) -> torch.Tensor:
        assert self._made is not None
        return packed((video, self._made.unsqueeze(0)))

    def _entered(self, x: torch.Tensor) -> torch.Tensor:
        """The video of a particle, whose sound is ready to enter with it."""
        if self._kept is None:
            self.draw(torch.Generator().manual_seed(0))  # the pipeline itself knows the shapes
        assert self._kept is not None
        video, sound = unpacked(x, [self._kept[0].shape, torch.Size((1, *self._kept[1][0].shape))])
        self._sound = sound[0]
        return video
