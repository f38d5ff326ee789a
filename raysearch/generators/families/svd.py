"""Stable Video Diffusion: image to video, without text."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from raysearch.generators.declare import Autoencoder, Call, Config, Pipeline, PipelineClass, sized_image

if TYPE_CHECKING:
    import torch


def same_noise_on_the_image(pipe: Pipeline, call: Call) -> None:
    """Make every call see the same noisy image; the stock pipeline adds new noise to its image in every call.

    The noise is the first of the generator with seed 0, as in a stock call with that seed.
    """
    default = inspect.signature(type(pipe).__call__).parameters["noise_aug_strength"].default
    strength = call.get("noise_aug_strength", default)
    preprocess, encode = pipe.video_processor.preprocess, pipe._encode_vae_image
    clean: list[torch.Tensor] = []
    encoded: list[torch.Tensor] = []

    def remember(*args: Any, **options: Any) -> torch.Tensor:
        clean[:] = [preprocess(*args, **options)]
        return clean[0]

    def encode_once(image: torch.Tensor, *args: Any, **options: Any) -> torch.Tensor:
        import torch

        if not encoded:
            noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(0)).to(image)
            with torch.no_grad():
                encoded.append(encode(clean[0].to(image) + strength * noise, *args, **options))
        return encoded[0]

    pipe.video_processor.preprocess, pipe._encode_vae_image = remember, encode_once


PIPELINES = (
    PipelineClass(
        "StableVideoDiffusionPipeline",
        "Stable Video Diffusion",
        ("image",),
        needs_frames=True,
        condition=sized_image,
        adapt=same_noise_on_the_image,
        batch="frames",
        multiple=8,
        rate="fps",
        rounds="never",
        notes="the text of a prompt is not used",
    ),
)


def _covers(config: Config) -> tuple[int, int]:
    """Every block but the last halves the sides; a latent frame is a frame."""
    return 1, 2 ** (len(config.get("block_out_channels") or (128, 256, 512, 512)) - 1)


AUTOENCODERS = (
    Autoencoder(
        "AutoencoderKLTemporalDecoder",
        tiles=False,
        unset="all frames at once",
        instead="set call.decode_chunk_size",
        covers=_covers,
    ),
)
