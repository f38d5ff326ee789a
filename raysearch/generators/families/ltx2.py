"""LTX-2: video and sound together, from text, an image, or a clip.

A particle is both tensors (several.py). Conditions hold video tokens; the sound is free.
"""

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
from raysearch.generators.families.ltx import HARD, hold_image

if TYPE_CHECKING:
    import torch

TILES = "its steps are taken in a method of its own, over tiles and keyframes (self.denoise)"
REFERENCE = "it follows reference_conditions, a video that no prompt gives"


def condition(frames: Frames, call: Call, prompt_id: str) -> Call:
    """An image or a clip at the start of the video, at its size: the pipeline would crop it."""
    from diffusers.pipelines.ltx2.pipeline_ltx2_condition import LTX2VideoCondition

    return {"conditions": [LTX2VideoCondition(frames=pictures(frames, call), index=0)]}


def hold_conditions(x: torch.Tensor, prepared: torch.Tensor, rest: list[Any]) -> torch.Tensor:
    """rest: the strength of the condition of each token, and the clean tokens."""
    import torch

    return torch.where(rest[0] >= HARD, rest[1].to(x), x)


SHARED: dict[str, Any] = dict(sound=True, rate="frame_rate", multiple=32, tokens=1024, batch="")
PIPELINES = (
    PipelineClass(
        "LTX2Pipeline",
        "LTX-2",
        TEXT,
        siblings={"image": "LTX2ImageToVideoPipeline", "frames": "LTX2ConditionPipeline"},
        notes="with sound",
        **SHARED,
    ),
    PipelineClass(
        "LTX2ImageToVideoPipeline",
        "LTX-2 image to video",
        TEXT_IMAGE,
        needs_frames=True,
        condition=image,
        held=True,
        hold=hold_image,
        notes="with sound",
        **SHARED,
    ),
    PipelineClass(
        "LTX2ConditionPipeline",
        "LTX-2 conditions",
        KINDS,
        condition=condition,
        uses=whole_latents,
        held=True,
        hold=hold_conditions,
        notes="with sound; continuation of the last 8k + 1 frames of a clip",
        **SHARED,
    ),
)


def _covers(config: Config) -> tuple[int, int]:
    """Written down, or the patches times a factor of two for every block that scales."""
    kinds = config.get("downsample_type") or ("spatial", "temporal", "spatiotemporal", "spatiotemporal")
    time, space = ([k != other for k in kinds].count(True) for other in ("spatial", "temporal"))
    return (
        int(config.get("temporal_compression_ratio") or int(config.get("patch_size_t") or 1) * 2**time),
        int(config.get("spatial_compression_ratio") or int(config.get("patch_size") or 4) * 2**space),
    )


AUTOENCODERS = (Autoencoder("AutoencoderKLLTX2Video", least=2, covers=_covers),)
REFUSED = {
    "LTX2InContextPipeline": REFERENCE,
    "LTX2HDRPipeline": REFERENCE,
    "LTX2DFRPipeline": TILES,
    "LTX2DFRTemporalRefinePipeline": TILES,
}
