"""Latents of training clips, encoded once and kept beside the checkpoints: encoding costs more than a step."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from raysearch import storage
from raysearch.generators.magi1.stages import FPS, FRAMES, PER_LATENT
from raysearch.generators.magi1.train.clips import LONGEST, films
from raysearch.generators.magi1.vae import SCALE, Vae

TILE = FPS // 2  # frames that are encoded by themselves
SHARD, BATCH = 250, 25  # clips in a file, and encoded at a time


@torch.no_grad()
def encoded(vae: Vae, video: Tensor) -> tuple[Tensor, Tensor]:
    """Scaled latents [B, z, T/4, h, w] of clips, and those [B, T/12, z, h, w] of the first frame of each tile alone."""
    parts = video.reshape(*video.shape[:2], -1, TILE, *video.shape[3:]).transpose(1, 2)
    z, first = (vae.encoder(part.flatten(0, 1)).unflatten(0, parts.shape[:2]) for part in (parts, parts[:, :, :, :1]))
    return z.transpose(1, 2).flatten(2, 3) * SCALE, first[:, :, :, 0] * SCALE


def cached(vae: Vae, folder: Path, seed: int, clips: int) -> dict[str, Tensor]:
    """Latents of so many clips of LONGEST frames, from files in the folder where they are there.

    Returns:
        `latents` [clips, z, F, h, w], `images` [clips, tiles, z, h, w] of the first frame of each tile by itself, both
        bf16, and `two` [clips], whether two balls are seen.
    """
    shards = []
    for number in range(-(-clips // SHARD)):
        path = folder / f"magi-latents-{seed}-{number}.safetensors"
        if not path.exists():
            _encode(vae, path, seed, number)
        shards.append(load_file(path))
    return {name: torch.cat([shard[name] for shard in shards])[:clips] for name in shards[0]}


def _encode(vae: Vae, path: Path, seed: int, number: int) -> None:
    parts: list[tuple[Tensor, ...]] = []
    for i in range(SHARD // BATCH):
        video, _, scenes = films(seed, number * (SHARD // BATCH) + i, BATCH)
        parts.append((*(z.bfloat16() for z in encoded(vae, video)), torch.from_numpy(scenes.balls == 2)))
    names = ("latents", "images", "two")
    whole = {name: torch.cat(part).contiguous() for name, part in zip(names, zip(*parts, strict=True), strict=True)}
    with storage.making(path) as temporary:
        save_file(whole, temporary)


def windows(cache: dict[str, Tensor], batch: int, chunks: int, g: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Random windows of whole tiles: latents [B, chunks, z, 6, h, w], the image [B, z, h, w] of the first frame, and
    whether two balls are seen [B]."""
    length = chunks * FRAMES
    tile = TILE // PER_LATENT
    i = torch.randint(len(cache["two"]), (batch,), generator=g)
    at = torch.randint((LONGEST // PER_LATENT - length) // tile + 1, (batch,), generator=g)
    z = torch.stack([cache["latents"][a, :, tile * b : tile * b + length] for a, b in zip(i, at, strict=True)])
    return (
        z.float().reshape(*z.shape[:2], chunks, FRAMES, *z.shape[3:]).transpose(1, 2),
        cache["images"][i, at].float(),
        cache["two"][i],
    )
