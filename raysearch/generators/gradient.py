"""Decoding for gradients with less memory: smaller latents, a few frames at a time, recomputed activations.

All families decode by `pipe.vae.decode`, so that method is replaced, whatever shape their particles have.
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

PAST = 2  # latent frames before a chunk that are decoded with it, for decoders that depend on the past


@contextmanager
def economical(
    generator: Any, shrink: float = 1.0, chunk: int | None = None, recompute: bool = False
) -> Iterator[None]:
    """Within, decoding and backward passes of this generator take less memory.

    Args:
        generator: a generator on a diffusers pipeline; others work with the default arguments only.
        shrink: spatial scale of the latents that are decoded, in (0, 1].
        chunk: latent frames that are decoded at a time, each time after PAST earlier ones; frames then differ a little
            from those of a whole decode. Defaults to all.
        recompute: whether activations of the autoencoder, and of networks that can, are computed again in the backward
            pass; this changes no number.

    Raises:
        UsageError: for a generator without a diffusers autoencoder.
    """
    if shrink == 1 and chunk is None and not recompute:
        yield
        return
    pipe: Any = getattr(generator, "pipe", None)
    if getattr(pipe, "vae", None) is None:
        raise UsageError(
            f"guide: shrink={shrink}, chunk={chunk}, recompute={recompute} need a generator with a diffusers "
            f"autoencoder, which {type(generator).__name__} does not have; leave them out"
        )
    vae, networks = pipe.vae, _networks(pipe) if recompute else []
    pipe.vae = copy.copy(vae)
    object.__setattr__(pipe.vae, "decode", _decoder(pipe, vae.decode, shrink, chunk, recompute))
    for network in networks:
        network.enable_gradient_checkpointing()
    try:
        yield
    finally:
        pipe.vae = vae
        for network in networks:
            network.disable_gradient_checkpointing()


def _networks(pipe: Any) -> list[Any]:
    """The networks of a pipeline that can recompute activations (gradient checkpointing) and do not do so yet."""
    parts: list[Any] = [getattr(pipe, name, None) for name in ("transformer", "transformer_2", "unet")]
    able = [p for p in parts if getattr(p, "_supports_gradient_checkpointing", False)]
    return [p for p in able if not p.is_gradient_checkpointing]


def _decoder(pipe: Any, decode: Any, shrink: float, chunk: int | None, recompute: bool) -> Any:
    """`decode` for latents [B, C, F, h, w], or single frames [F, C, h, w], with the three ways to save memory."""
    from diffusers.models.autoencoders.vae import DecoderOutput

    def frames(z: torch.Tensor, *args: Any, **options: Any) -> torch.Tensor:
        if recompute and torch.is_grad_enabled():
            recomputed: torch.Tensor = checkpoint(lambda y: decode(y, *args, **options)[0], z, use_reentrant=False)
            return recomputed
        decoded: torch.Tensor = decode(z, *args, **options)[0]
        return decoded

    def small(z: torch.Tensor, *args: Any, **options: Any) -> DecoderOutput:
        sides, z = z.shape[-2:], _shrunk(z, shrink)
        if chunk is None or z.ndim != 5 or z.shape[2] <= chunk:
            return DecoderOutput(sample=_grown(frames(z, *args, **options), z, sides))
        ratio, pieces = _temporal_ratio(pipe), list[torch.Tensor]()
        for start in range(0, z.shape[2], chunk):
            past, count = min(PAST, start), min(chunk, z.shape[2] - start)
            piece = frames(z[:, :, start - past : start + count], *args, **options)
            if piece.shape[2] != 1 + ratio * (past + count - 1):
                raise UsageError(
                    f"guide.chunk={chunk}: the autoencoder of {type(pipe).__name__} does not make 1 + {ratio} k frames "
                    "from k + 1 latent frames; leave chunk out"
                )
            pieces.append(piece if not start else piece[:, :, -ratio * count :])
        return DecoderOutput(sample=_grown(torch.cat(pieces, 2), z, sides))

    return small


def _shrunk(z: torch.Tensor, shrink: float) -> torch.Tensor:
    """Latents at `shrink` of their height and width, at least 1."""
    if shrink == 1:
        return z
    h, w = (max(1, round(shrink * side)) for side in z.shape[-2:])
    return bilinear(z, h, w)


def _grown(frames: torch.Tensor, z: torch.Tensor, sides: Any) -> torch.Tensor:
    """Frames of small latents, enlarged to the size that the pipeline expects: it may join them with other frames."""
    if z.shape[-2:] == sides:
        return frames
    h, w = (side * (now // small) for side, now, small in zip(sides, frames.shape[-2:], z.shape[-2:], strict=True))
    return bilinear(frames, h, w)


def _temporal_ratio(pipe: Any) -> int:
    names = ("vae_temporal_compression_ratio", "vae_scale_factor_temporal")
    return int(next((getattr(pipe, name) for name in names if hasattr(pipe, name)), 1))
