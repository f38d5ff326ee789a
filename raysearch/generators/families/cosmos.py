"""Cosmos Predict 2 and 2.5. Both use the autoencoder of Wan, and a guardrail that sees every decoded video."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raysearch.errors import UsageError
from raysearch.generators.declare import KINDS, Call, Frames, PipelineClass, image, pictures, video_length

if TYPE_CHECKING:
    import torch

UNTESTED = "tested where torchvision is installed: the pipeline imports it"
NEEDS = ("torchvision",)


def condition(frames: Frames, call: Call, prompt_id: str) -> Call:
    """An image, or a clip of any length."""
    video_length(frames, call, prompt_id)
    return image(frames, call, prompt_id) if len(frames) == 1 else {"video": pictures(frames)}


def condition_25(frames: Frames, call: Call, prompt_id: str) -> Call:
    """An image (one latent frame), or the last five frames of a clip (two latent frames)."""
    if len(frames) == 1:
        return image(frames, call, prompt_id)
    if len(frames) < 5:
        raise UsageError(
            f"prompt {prompt_id!r} has {len(frames)} conditioning frames; Cosmos 2.5 continues 1 frame or at least 5"
        )
    return {"video": pictures(frames), "num_latent_conditional_frames": 2}


def hold(x: torch.Tensor, prepared: torch.Tensor, rest: list[Any]) -> torch.Tensor:
    """rest: the clean latents, and a mask that is 1 where they condition the video."""
    import torch

    return torch.where(rest[1].bool(), rest[0].to(x), x)


PIPELINES = (
    PipelineClass(
        "Cosmos2VideoToWorldPipeline",
        "Cosmos Predict 2",
        KINDS,
        tokens=512,
        needs_frames=True,
        condition=condition,
        held=True,
        hold=hold,
        needs=NEEDS,
        batch="",
        rate="fps",
        notes="continuation; decoded frames pass the guardrail",
        tested=False,
        why=UNTESTED,
    ),
    PipelineClass(
        "Cosmos2_5_PredictBasePipeline",
        "Cosmos Predict 2.5",
        KINDS,
        tokens=512,
        condition=condition_25,
        held=True,
        hold=hold,
        needs=NEEDS,
        batch="",
        rounds="never",
        notes="continuation of 1 or 5 frames",
        tested=False,
        why=UNTESTED,
    ),
)
