"""Autoregressive video, chunk by chunk, as one ordinary generator.

A particle's latents [1, C, F, h, w] cover all chunks from the start. Global step k is (chunk, step in the chunk). The
frames of other chunks do not change, so path(k) returns tensors [1, 1, F, 1, 1] with (a, s) = (a', s') there. Finished
chunks are clean and are the history that the network of the next chunk sees; later chunks are noise, and zero in a
preview.

`Chunked` drives any generators of windows, so other autoregressive models can use it too. Whatever a network keeps of
its past, such as MAGI-1's key/value cache, is derived from the history in the window: a particle is its latents and its
step, and a replica that receives one computes the cache again (one clean forward pass per chunk).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch

from raysearch.errors import UsageError
from raysearch.generators import families
from raysearch.generators.classes import of_class
from raysearch.generators.conditioning import arguments, with_defaults
from raysearch.generators.conditions import Conditions
from raysearch.generators.contract import Conditioned, Generator, Path, Previewing
from raysearch.generators.declare import Frames, Pipeline
from raysearch.generators.diffusers import DiffusersGenerator, DiffusersModel
from raysearch.generators.layout import OVERLAP, Chunk, layout


class Chunked:
    """A generator of the whole video from one generator per chunk. Implements contract.Generator."""

    def __init__(self, chunks: Sequence[Chunk], parts: Sequence[Generator]):
        """Join the generators of windows.

        Args:
            chunks: the windows of latent frames.
            parts: one generator per chunk, all with the same number of steps. Each draws, denoises and has the path of
                latent frames [chunk.start, chunk.end), of which it returns the first chunk.history unchanged. The first
                one also decodes any number of latent frames.
        """
        self.chunks, self.parts = chunks, parts
        self.each = parts[0].steps
        self.steps = len(chunks) * self.each

    def draw(self, noise: torch.Generator) -> torch.Tensor:
        """Noise for every window, without that of its history, as a stock call over several chunks draws it."""
        drawn = [p.draw(noise)[:, :, c.history :] for c, p in zip(self.chunks, self.parts, strict=True)]
        return torch.cat(drawn, dim=2)

    def denoise(self, x: torch.Tensor, k: int, noise: torch.Generator, grad: bool = False) -> torch.Tensor:
        """Finished chunks as they are, x0_hat of the chunk of step k, and zeros for later chunks."""
        c, step = self._at(k)
        chunk = self.chunks[c]
        x0 = self.parts[c].denoise(x[:, :, chunk.start : chunk.end], step, noise, grad)
        return torch.cat([x[:, :, : chunk.new], x0[:, :, chunk.history :], torch.zeros_like(x[:, :, chunk.end :])], 2)

    def decode(self, x0: torch.Tensor, noise: torch.Generator, grad: bool = False) -> torch.Tensor:
        """The frames of the chunks that x0 has begun."""
        begun = x0.detach().ne(0).transpose(1, 2).flatten(2).any(2).any(0).nonzero()
        end = max(int(begun[-1]) + 1 if len(begun) else 0, self.chunks[0].end)
        return self.parts[0].decode(x0[:, :, :end], noise, grad)

    def decode_chunks(self, x0: torch.Tensor, first: int, end: int, noise: torch.Generator) -> torch.Tensor:
        """Frames of some chunks, decoded with all before them, which the decoder depends on; see contract.InChunks."""
        chunks = self.chunks[max(first, 0) : end]
        frames = self.parts[0].decode(x0[:, :, : chunks[-1].end], noise)
        each = (len(frames) - 1) // max(chunks[-1].end - 1, 1)  # the first latent frame is a single frame
        return frames if chunks[0].new == 0 else frames[-each * (chunks[-1].end - chunks[0].new) :]

    @contextmanager
    def previewing(self) -> Iterator[str]:
        """Within, the first part decodes as `generator.preview` says; see contract.Previewing."""
        first = self.parts[0]
        with first.previewing() if isinstance(first, Previewing) else nullcontext("") as name:
            yield name

    def conditions(self) -> Any | None:
        """Those of the first part, of which the others ask theirs; see contract.Conditioned."""
        self.draw(torch.Generator().manual_seed(0))
        first = self.parts[0]
        return first.conditions() if isinstance(first, Conditioned) else None

    def path(self, k: int) -> Path:
        """(a, s, a', s') of step k as tensors [1, 1, F, 1, 1]; see contract.Generator."""
        c, step = self._at(k)
        part, chunk = self.parts[c], self.chunks[c]
        before, now, after = part.path(self.each - 1)[2:], part.path(step), part.path(0)[:2]
        frames, (past, ahead) = self.chunks[-1].end, (slice(0, chunk.new), slice(chunk.end, None))
        levels = []
        for i, value in enumerate(now):
            level = torch.full((1, 1, frames, 1, 1), float(value), dtype=torch.float64)
            level[:, :, past], level[:, :, ahead] = float(before[i % 2]), float(after[i % 2])
            levels.append(level)
        a, sigma, next_a, next_sigma = levels
        return a, sigma, next_a, next_sigma

    def _at(self, k: int) -> tuple[int, int]:
        return divmod(k, self.each)


class ChunkedModel(DiffusersModel):
    """A pipeline that makes a video in several chunks (SkyReels V2 diffusion forcing).

    The first chunk is conditioned on the prompt; each later one on the last `call.overlap_history` frames before it.
    """

    def __init__(self, pipeline: Pipeline, steps: int, fps: float, /, chunks: int, **options: Any):
        """Lay out the chunks.

        Args:
            pipeline: the pipeline, on its device.
            steps: steps of all chunks together.
            fps: frames per second of the videos.
            chunks: the number of chunks.
            options: further arguments of DiffusersModel.

        Raises:
            UsageError: if the video does not divide into this number of chunks, or if the network denoises blocks of
                frames at different times.
        """
        super().__init__(pipeline, steps // chunks, fps, **options)
        block = self.call.get("causal_block_size") or pipeline.transformer.config.num_frame_per_block
        if block != 1:
            raise UsageError(
                f"generator.chunks={chunks}: causal blocks of {block} frames cannot be driven one step at a time; use "
                "a model of one frame per block, without call.causal_block_size"
            )
        self.scale = pipeline.vae_scale_factor_temporal
        total = with_defaults(type(pipeline), self.call)["num_frames"]
        overlap, base = self.call.pop("overlap_history", None) or OVERLAP, self.call.pop("base_num_frames", None)
        self.chunks = layout(total, chunks, overlap, base, self.scale)
        self.call |= self._window(self.chunks[0])

    def given(self, text: str, clip: Frames | None, prompt_id: str, conditions: Conditions | None = None) -> Chunked:
        """The generator for a text and conditioning frames; see DiffusersModel."""
        first = self._generator(text, clip, prompt_id, conditions)
        continuation = families.of(type(first.pipe)).continuation
        plain = copy.copy(self.ready(of_class(self.pipeline, continuation)))
        object.__setattr__(plain, "encode_prompt", first.pipe.encode_prompt)  # which remembers its answer
        call = with_defaults(type(first.pipe), self.call, ("guidance_scale", "fps"))  # they differ by class
        call |= arguments(continuation, text, None, prompt_id, with_defaults(type(plain), call))
        parts = [Continuation(plain, self.steps, c.history, **call | self._window(c)) for c in self.chunks[1:]]
        return Chunked(self.chunks, [first, *parts])

    def _window(self, chunk: Chunk) -> dict[str, int]:
        frames = (chunk.end - chunk.start - 1) * self.scale + 1
        return {"num_frames": frames, "base_num_frames": frames}


class Continuation(DiffusersGenerator):
    """The pipeline on a window of latents whose first `history` frames are clean, those of earlier chunks."""

    def __init__(self, pipeline: Pipeline, steps: int, history: int, **call: Any):
        super().__init__(pipeline, steps, **call)
        self.history = history

    def _prepare_with_particle(self, *args: Any, **options: Any) -> Any:
        if self._particle is None:
            return super()._prepare_with_particle(*args, **options)
        x = self._particle.contiguous()
        self._kept = x, [x.shape[2], x[:, :, : self.history], self.history], True
        if self._idle:
            self.pipe._interrupt = True
        return x.clone(), *self._kept[1]
