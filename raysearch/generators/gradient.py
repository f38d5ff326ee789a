"""Decoding for a gradient at a price one can pay: smaller latents, a few frames at a time, activations made again.

All families decode by `pipe.vae.decode`, so that is where it happens, whatever shape their particles have.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

from raysearch.errors import UsageError
from raysearch.resize import bilinear

PAST = 2  # latent frames that a chunk is shown of what precedes it, for a decoder that looks back


@contextmanager
def economical(
    generator: Any, shrink: float = 1.0, chunk: int | None = None, recompute: bool = False
) -> Iterator[None]:
    """Within, decoding and backward passes of this generator take less memory.

    shrink: spatial scale of the latents that are decoded. chunk: latent frames decoded at a time, each after PAST
    frames of its past (frames then differ a little from those of a whole decode). recompute: activations of the
    autoencoder, and of networks that can, are computed again in the backward pass; changes no number.
    Raises UsageError for a generator without a diffusers autoencoder.
    """
    if shrink == 1 and chunk is None and not recompute:
        yield
        return
    pipe: Any = getattr(generator, "pipe", None)
    if getattr(pipe, "vae", None) is None:
        raise UsageError(
            f"guide: shrink={shrink}, chunk={chunk}, recompute={recompute} need a generator with a diffusers "
            f"autoencoder, which {type(generator).__name__} has not; leave them out"
        )
    vae, thrifty = pipe.vae, _networks(pipe) if recompute else []
    pipe.vae = copy.copy(vae)
    object.__setattr__(pipe.vae, "decode", _decoder(pipe, vae.decode, shrink, chunk, recompute))
    for network in thrifty:
        network.enable_gradient_checkpointing()
    try:
        yield
    finally:
        pipe.vae = vae
        for network in thrifty:
            network.disable_gradient_checkpointing()


def _networks(pipe: Any) -> list[Any]:
    """The networks of a pipeline that can checkpoint and do not yet."""
    parts: list[Any] = [getattr(pipe, name, None) for name in ("transformer", "transformer_2", "unet")]
    able = [p for p in parts if getattr(p, "_supports_gradient_checkpointing", False)]
    return [p for p in able if not p.is_gradient_checkpointing]


def _decoder(pipe: Any, decode: Any, shrink: float, chunk: int | None, recompute: bool) -> Any:
    """`decode` of latents [B, C, F, h, w] (or of single frames [F, C, h, w]) with the three economies."""
    from diffusers.models.autoencoders.vae import DecoderOutput

    def frames(z: torch.Tensor, *args: Any, **options: Any) -> torch.Tensor:
        if recompute and torch.is_grad_enabled():
            return checkpoint(lambda y: decode(y, *args, **options)[0], z, use_reentrant=False)
        return decode(z, *args, **options)[0]

    def small(z: torch.Tensor, *args: Any, **options: Any) -> DecoderOutput:
        sides, z = z.shape[-2:], _shrunk(z, shrink)
        if chunk is None or z.ndim != 5 or z.shape[2] <= chunk:
            return DecoderOutput(sample=_grown(frames(z, *args, **options), z, sides))
        ratio, found = _temporal_ratio(pipe), []
        for start in range(0, z.shape[2], chunk):
            past, count = min(PAST, start), min(chunk, z.shape[2] - start)
            piece = frames(z[:, :, start - past : start + count], *args, **options)
            if piece.shape[2] != 1 + ratio * (past + count - 1):
                raise UsageError(
                    f"guide.chunk={chunk}: the autoencoder of {type(pipe).__name__} does not make 1 + {ratio} k frames "
                    "of k + 1 latent ones; leave chunk out"
                )
            found.append(piece if not start else piece[:, :, -ratio * count :])
        return DecoderOutput(sample=_grown(torch.cat(found, 2), z, sides))

    return small


def _shrunk(z: torch.Tensor, shrink: float) -> torch.Tensor:
    """Latents at `shrink` of their height and width, at least 1."""
    if shrink == 1:
        return z
    h, w = (max(1, round(shrink * side)) for side in z.shape[-2:])
    return bilinear(z, h, w)


def _grown(frames: torch.Tensor, z: torch.Tensor, sides: Any) -> torch.Tensor:
    """Frames of small latents at the size the pipeline expects, which may join them with frames of its own."""
    if z.shape[-2:] == sides:
        return frames
    h, w = (side * (now // small) for side, now, small in zip(sides, frames.shape[-2:], z.shape[-2:], strict=True))
    return bilinear(frames, h, w)


def _temporal_ratio(pipe: Any) -> int:
    names = ("vae_temporal_compression_ratio", "vae_scale_factor_temporal")
    return int(next((getattr(pipe, name) for name in names if hasattr(pipe, name)), 1))
