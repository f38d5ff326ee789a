"""A modular pipeline of diffusers, driven step by step for one prompt. Implements contract.Generator.

Its blocks stand in a row: those that encode the conditions, those that draw, the loop, those that decode. Conditions
are encoded once. One step is a turn of the loop without its last block, which would move the particle; whatever the
network is told of times, it is told from the whole table. What a pipeline draws for conditions (MiniMax-H3 noises its
keyframes a little) is drawn anew with every particle to keep the order of random numbers, but the network sees for all
the same, that of the seed 0.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from raysearch.errors import UsageError
from raysearch.generators import families, memory
from raysearch.generators.cheaper import preview
from raysearch.generators.conditions import Conditions, arrived, carried
from raysearch.generators.contract import Path, Sound
from raysearch.generators.declare import Call, Pipeline
from raysearch.generators.packing import joint_path, packed, unpacked

SEED = 0  # of the noise on conditions
VIDEO, AUDIO = "videos", "audio"  # how diffusers calls what is decoded


class ModularGenerator:
    """A modular pipeline driven step by step. Implements contract.Generator, Sounding, Previewing and Conditioned."""

    def __init__(self, pipeline: Pipeline, steps: int, **call: Any):
        """Drive a pipeline.

        Args:
            pipeline: weights are shared.
            steps: the number of steps, each of which is one evaluation of its network.
            call: the arguments of the ordinary pipeline call. A block is left out whose results are given here.
        """
        from diffusers.modular_pipelines import LoopSequentialPipelineBlocks

        declared = families.of(type(pipeline)).blocks
        assert declared is not None, f"{type(pipeline).__name__} is no modular pipeline of a family"
        self.pipe = copy.copy(pipeline)
        self.steps = steps
        self.previews: preview.PreviewDecode | None = None
        self._declared = declared
        self._call: Call = {**call, "num_inference_steps": steps + declared.end}
        workflow = declared.workflows["image" if call.get("image") is not None else "text"]
        row = list(pipeline.blocks.get_workflow(workflow).sub_blocks.values())
        loop = next(n for n, block in enumerate(row) if isinstance(block, LoopSequentialPipelineBlocks))
        first = next(n for n, block in enumerate(row) if "generator" in block.input_names)
        self._encoders, self._drawers = row[:first], row[first:loop]
        self._loop, self._decoders = row[loop], row[loop + 1 :]
        self._conditions: Any = None  # the state after the encoders
        self._drawn: Any = None  # the state before the loop, with the conditions that all particles share
        self._sigmas: list[list[float]] = []

    def draw(self, noise: torch.Generator) -> torch.Tensor:
        """Fresh noise of all tensors; see contract.Generator."""
        self._prepare()
        return packed(self._particle(self._run(self._drawers, self._conditions, generator=noise)))

    def denoise(self, x: torch.Tensor, k: int, noise: torch.Generator, grad: bool = False) -> torch.Tensor:
        """x0_hat of all tensors; see contract.Generator."""
        turn = self._loop.get_block_state(self._holding(x))
        for block in list(self._loop.sub_blocks.values())[:-1]:
            _plain(block, grad)(block, self.pipe, turn, i=k, t=turn.timesteps[k])
        parts = zip(unpacked(x, self._shapes()), self._declared.predictions, self._given(), self._sigmas, strict=True)
        return packed([y + sigma[k] * getattr(turn, name).float()[:, n:] for y, name, n, sigma in parts])

    def decode(self, x0: torch.Tensor, noise: torch.Generator, grad: bool = False) -> torch.Tensor:
        """Frames, without decoding the sound; see contract.Generator."""
        blocks = [block for block in self._decoders if AUDIO not in block.intermediate_output_names]
        video: torch.Tensor = self._run(blocks, self._holding(x0), grad, output_type="pt").get(VIDEO)[0]
        return video.float()

    def sound(self, x0: torch.Tensor, noise: torch.Generator) -> Sound:
        """The sound of latents, as `denoise` returns them, without decoding the video."""
        blocks = [block for block in self._decoders if VIDEO not in block.intermediate_output_names]
        state = self._run(blocks, self._holding(x0))
        return np.ascontiguousarray(state.get(AUDIO)[0].float().cpu().numpy()), int(state.get("sampling_rate"))

    @contextmanager
    def previewing(self) -> Iterator[str]:
        """Within, `decode` is that of `generator.preview`; see contract.Previewing."""
        if self.previews is None:
            yield ""
            return
        self._prepare()  # conditions are encoded by the model's own autoencoder
        with preview.applied(self, self.previews):
            yield self.previews.name

    def path(self, k: int) -> Path:
        """(a, s, a', s') of step k as tensors [1, N], for every tensor has a schedule of its own."""
        self._prepare()
        paths = [(1 - sigma[k], sigma[k], 1 - sigma[k + 1], sigma[k + 1]) for sigma in self._sigmas]
        return joint_path(paths, self._shapes())

    def conditions(self) -> Conditions | None:
        """What the encoders answer for the prompt; see contract.Conditioned."""
        self._prepare()
        asked = [b for b in self._encoders if {part.name for part in b.expected_components} & {*memory.ENCODERS}]
        made = {name for block in asked if not self._is_given(block) for name in block.intermediate_output_names}
        return carried({name: self._conditions.get(name) for name in sorted(made)})

    def take(self, conditions: Conditions) -> None:
        """Use these answers in place of the encoders, whose blocks are left out."""
        self._call.update(arrived(conditions, torch.device(self.pipe._execution_device)))

    def _prepare(self) -> None:
        """Encode the conditions and fill the tables, once.

        Raises:
            UsageError: where the schedulers make another number of steps.
        """
        if self._drawn is not None:
            return
        from diffusers.modular_pipelines import PipelineState

        blocks = [block for block in self._encoders if not self._is_given(block)]
        with memory.encoding(self.pipe):
            self._conditions = self._run(blocks, PipelineState(), **self._call)
        fixed = torch.Generator().manual_seed(SEED)
        drawn = self._run(self._drawers, self._conditions, generator=fixed)
        schedulers = [getattr(self.pipe, name) for name in self._declared.schedulers]
        for scheduler in schedulers:
            if (made := len(scheduler.sigmas) - 1) != self.steps:
                raise UsageError(
                    f"generator.steps={self.steps}: {type(scheduler).__name__} makes {made} steps of them, because "
                    "others would be of no length; give fewer steps"
                )
        self._drawn, self._sigmas = drawn, [scheduler.sigmas.tolist() for scheduler in schedulers]

    def _is_given(self, block: Any) -> bool:
        """Whether the call brings all that a block makes, as embeddings of its text."""
        made = block.intermediate_output_names
        return bool(made) and all(self._call.get(name) is not None for name in made)

    def _run(self, blocks: Iterable[Any], state: Any, grad: bool = False, **more: Any) -> Any:
        """The state after some blocks; the one that is given does not change."""
        state = copy.copy(state)
        state.values = {**state.values, **more}
        state.kwargs_mapping = {name: list(names) for name, names in state.kwargs_mapping.items()}
        for block in blocks:
            _, state = _plain(block, grad)(block, self.pipe, state)
        return state

    def _holding(self, x: torch.Tensor) -> Any:
        """The state before the loop with a particle in it, after the rows of the conditions."""
        self._prepare()
        parts = zip(self._declared.tensors, unpacked(x, self._shapes()), self._given(), strict=True)
        joined: dict[str, Any] = {}
        for name, rows, n in parts:
            conditions = self._drawn.get(name)[:n]
            joined[name] = torch.cat([conditions, rows[0].to(conditions)])
        return self._run((), self._drawn, **joined)

    def _particle(self, state: Any) -> list[torch.Tensor]:
        """The tensors [1, N, C] of a particle in a state, without the rows of the conditions."""
        return [state.get(name)[n:].unsqueeze(0) for name, n in zip(self._declared.tensors, self._given(), strict=True)]

    def _given(self) -> Sequence[int]:
        """How many of the first rows of each tensor are conditions."""
        state = self._conditions if self._drawn is None else self._drawn
        return [state.get(name) for name in self._declared.given]

    def _shapes(self) -> list[torch.Size]:
        return [tensor.shape for tensor in self._particle(self._drawn)]


def _plain(block: Any, grad: bool) -> Any:
    """The function that runs a block, with `grad` as it is without the decorator that switches gradients off."""
    run = type(block).__call__
    return inspect.unwrap(run) if grad else run
