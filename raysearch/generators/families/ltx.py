"""LTX-Video: text to video, image to video, and conditions anywhere in the video (0.9.5 and later)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raysearch.generators.declare import (
    KINDS,
    TEXT,
    TEXT_IMAGE,
    Autoencoder,
    Call,
    Config,
    Frames,
    PipelineClass,
    image,
    pictures,
    whole_latents,
)

if TYPE_CHECKING:
    import torch

HARD = 1 - 1e-6  # strength from which a condition is held exactly; the pipeline's mask is in floating point


def condition(frames: Frames, call: Call, prompt_id: str) -> Call:
    """A clip of 8k + 1 frames, or an image, at the start of the video.

    As pictures of the size of the video, which the pipeline turns into a tensor once: a tensor it would resize again in
    every call, and keep at its own size.
    """
    from diffusers.pipelines.ltx.pipeline_ltx_condition import LTXVideoCondition

    sized = call if {"height", "width"} <= call.keys() else None
    return {"conditions": [LTXVideoCondition(video=pictures(frames, sized), frame_index=0)]}


def hold_conditions(x: torch.Tensor, prepared: torch.Tensor, rest: list[Any]) -> torch.Tensor:
    """rest[0]: the strength of the condition of each token, or None without conditions."""
    import torch

    return x if rest[0] is None else torch.where(rest[0].unsqueeze(-1) >= HARD, prepared.to(x), x)


def hold_image(x: torch.Tensor, prepared: torch.Tensor, rest: list[Any]) -> torch.Tensor:
    """rest[0]: a mask over tokens that is 1 in the first frame."""
    import torch

    return torch.where(rest[0].unsqueeze(-1) == 1, prepared.to(x), x)


PIPELINES = (
    PipelineClass(
        "LTXPipeline",
        "LTX-Video",
        TEXT,
        tokens=128,
        siblings={"image": "LTXImageToVideoPipeline"},
        multiple=32,
        rate="frame_rate",
    ),
    PipelineClass(
        "LTXImageToVideoPipeline",
        "LTX-Video image to video",
        TEXT_IMAGE,
        tokens=128,
        needs_frames=True,
        condition=image,
        held=True,
        hold=hold_image,
        multiple=32,
        rate="frame_rate",
        batch="frames",
    ),
    PipelineClass(
        "LTXConditionPipeline",
        "LTX-Video 0.9.5 and later",
        KINDS,
        tokens=256,
        condition=condition,
        uses=whole_latents,
        held=True,
        hold=hold_conditions,
        multiple=32,
        rate="frame_rate",
        notes="continuation; of a clip, the last 8k + 1 frames are used; frames from call.conditions not in batches",
    ),
)


def _covers(config: Config) -> tuple[int, int]:
    """Written down, or the patches times a factor of two for every block that scales."""
    scale = 2 ** sum(map(bool, config.get("spatio_temporal_scaling") or (True, True, True, False)))
    time = config.get("temporal_compression_ratio") or int(config.get("patch_size_t") or 1) * scale
    return int(time), int(config.get("spatial_compression_ratio") or int(config.get("patch_size") or 4) * scale)


AUTOENCODERS = (Autoencoder("AutoencoderKLLTXVideo", least=2, covers=_covers),)
