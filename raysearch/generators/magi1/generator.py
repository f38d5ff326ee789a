"""MAGI-1 as the four methods of a generator. A particle is its latents and its step; everything else is derived.

Latents [B, 16, F, h, w] cover the whole video. Given and finished frames are clean, later ones are noise, and chunks in
flight have the level of their own time, so `path` gives tensors [1, 1, F, 1, 1].
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from raysearch.generators.conditions import Conditions, carried
from raysearch.generators.magi1.stages import FRAMES
from raysearch.generators.magi1.vae import Vae
from raysearch.generators.magi1.velocity import Velocity, chunked

TOKENS = "tokens"  # in the conditions of a prompt: its text as it was encoded


class MagiGenerator:
    """The denoiser of one prompt. Implements contract.Generator, InChunks and Conditioned."""

    def __init__(
        self, velocity: Velocity, vae: Vae, sides: tuple[int, int], given: Tensor | None, device: torch.device,
        tokens: Tensor | None = None,
    ):  # fmt: skip
        """Drive a network.

        Args:
            velocity: of the prompt.
            vae: decodes chunks.
            sides: height and width of the latents.
            given: latents [1, 16, L, h, w] of the beginning of the video, or None.
            device: where latents are.
            tokens: of the text, which others may be given.
        """
        self.velocity, self.vae, self.stages, self.given, self.device = velocity, vae, velocity.stages, given, device
        self._tokens = tokens
        self.steps = self.stages.steps
        self.shape = (1, velocity.network.architecture.latent, FRAMES * self.stages.chunks, *sides)
        self._levels = velocity.times.double().clamp(max=1)

    def conditions(self) -> Conditions | None:
        """The tokens of the text; see contract.Conditioned."""
        return None if self._tokens is None else carried({TOKENS: self._tokens})

    def draw(self, noise: torch.Generator) -> Tensor:
        """Noise for all chunks, with what is given in its place; see contract.Generator."""
        return self._with_given(torch.randn(self.shape, generator=noise).to(self.device))

    def denoise(self, x: Tensor, k: int, noise: torch.Generator, grad: bool = False) -> Tensor:
        """Clean frames as they are, x0_hat of the chunks in flight, zeros for later ones; see contract.Generator.

        x may hold several particles [B, ...]. With `grad` activations are computed again in the backward pass, and no
        gradient flows to finished chunks.
        """
        with torch.set_grad_enabled(grad):
            x = self._with_given(x)
            first, n = self.stages.flight(k)[0][0], len(self.stages.flight(k))
            start, end = FRAMES * first, FRAMES * (first + n)
            s = self.path(k)[1][:, :, start:end].to(x)
            v = self.velocity(x, k).transpose(1, 2).flatten(2, 3)
            return torch.cat([x[:, :, :start], x[:, :, start:end] + s * v, torch.zeros_like(x[:, :, end:])], 2)

    def decode(self, x0: Tensor, noise: torch.Generator, grad: bool = False) -> Tensor:
        """Frames of the chunks that x0 has begun; see contract.Generator."""
        begun = chunked(x0.detach()[:1])[0].flatten(1).ne(0).any(1).nonzero()
        return self._frames(x0, 0, max(int(begun[-1]) + 1 if len(begun) else 0, self.stages.past, 1), grad)

    def decode_chunks(self, x0: Tensor, first: int, end: int, noise: torch.Generator) -> Tensor:
        """Frames of the chunks from `first` to before `end`, counted from the first that is made; see InChunks."""
        return self._frames(x0, max(self.stages.past + first, 0), self.stages.past + end, False)

    def path(self, k: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(a, s, a', s') of step k as tensors [1, 1, F, 1, 1]; see contract.Generator."""
        flight = self.stages.flight(k)
        now, then = (torch.zeros(self.stages.chunks, FRAMES, dtype=torch.float64) for _ in range(2))
        now[: flight[0][0]] = then[: flight[0][0]] = 1
        for c, n in flight:
            now[c], then[c] = self._levels[n], self._levels[n + 1]
        a, b = (level.flatten()[None, None, :, None, None] for level in (now, then))
        a[:, :, : self.stages.given] = b[:, :, : self.stages.given] = 1
        return a, 1 - a, b, 1 - b

    def held(self) -> Tensor:
        """Where frames are given; see sampling.move.Holding."""
        held = torch.zeros(self.shape, dtype=torch.bool, device=self.device)
        held[:, :, : self.stages.given] = True
        return held

    def _with_given(self, x: Tensor) -> Tensor:
        if self.given is None:
            return x
        given = self.given.expand(len(x), *self.given.shape[1:])
        return torch.cat([given, x[:, :, self.stages.given :]], 2)

    def _frames(self, x0: Tensor, first: int, end: int, grad: bool) -> Tensor:
        frames = []
        for c in range(first, end):
            z = x0[:1, :, FRAMES * c : FRAMES * (c + 1)]
            frames.append(checkpoint(self.vae.frames, z, use_reentrant=False) if grad else self.vae.frames(z))
        return torch.cat(frames)
