"""Cosmos Predict 1, 2 and 2.5. All have a guardrail that sees every decoded video.

Cosmos 1 predicts as EDM does (c_skip x + c_out v), guides between such predictions, and then gives the scheduler the
prediction itself; one_step.py takes both. Versions 2 and 2.5 use the autoencoder of Wan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raysearch.errors import UsageError
from raysearch.generators.declare import KINDS, TEXT, Call, Frames, PipelineClass, image, pictures, video_length

if TYPE_CHECKING:
    import torch

UNTESTED = "tested where torchvision is installed: the pipeline imports it"
NEEDS = ("torchvision",)
GUARDRAIL = {"safety_checker": "cosmos_guardrail"}


def one_or_five(given: int, per_latent: int) -> int:
    """The networks were trained on 1 or 5 conditioning frames."""
    return 5 if given >= 5 else 1


def condition(frames: Frames, call: Call, prompt_id: str) -> Call:
    """An image, or a clip."""
    video_length(frames, call, prompt_id)
    return image(frames, call, prompt_id) if len(frames) == 1 else {"video": pictures(frames)}


def condition_2(frames: Frames, call: Call, prompt_id: str) -> Call:
    """An image, or the last five frames of a clip, as the model was trained."""
    video_length(frames, call, prompt_id)
    return image(frames, call, prompt_id) if len(frames) == 1 else {"video": pictures(_five(frames, prompt_id))}


def condition_25(frames: Frames, call: Call, prompt_id: str) -> Call:
    """An image (one latent frame), or five frames (two latent frames)."""
    if len(frames) == 1:
        return image(frames, call, prompt_id)
    return {"video": pictures(_five(frames, prompt_id)), "num_latent_conditional_frames": 2}


def _five(frames: Frames, prompt_id: str) -> Frames:
    """The last five frames, which are two latent ones."""
    if len(frames) < 5:
        raise UsageError(
            f"prompt {prompt_id!r} has {len(frames)} conditioning frames; Cosmos continues 1 frame or at least 5"
        )
    return frames[-5:]


def hold(x: torch.Tensor, prepared: torch.Tensor, rest: list[Any]) -> torch.Tensor:
    """rest: the clean latents, and a mask that is 1 where they condition the video (of Cosmos 1, by latent frame)."""
    import torch

    return torch.where(rest[1].bool(), rest[0].to(x), x)


PIPELINES = (
    PipelineClass(
        "CosmosTextToWorldPipeline",
        "Cosmos Predict 1",
        TEXT,
        needs=NEEDS,
        builds=GUARDRAIL,
        rate="fps",
        tokens=512,
        notes="decoded frames pass the guardrail",
        tested=False,
        why=UNTESTED,
    ),
    PipelineClass(
        "CosmosVideoToWorldPipeline",
        "Cosmos Predict 1 video to world",
        KINDS,
        needs_frames=True,
        condition=condition,
        held=True,
        hold=hold,
        needs=NEEDS,
        builds=GUARDRAIL,
        rate="fps",
        tokens=512,
        batch="",
        rounds="exact",
        notes="continuation; decoded frames pass the guardrail",
        tested=False,
        why=UNTESTED,
    ),
    PipelineClass(
        "Cosmos2VideoToWorldPipeline",
        "Cosmos Predict 2",
        KINDS,
        tokens=512,
        needs_frames=True,
        condition=condition_2,
        uses=one_or_five,
        held=True,
        hold=hold,
        needs=NEEDS,
        builds=GUARDRAIL,
        batch="",
        rate="fps",
        notes="continuation of 1 frame or the last 5; decoded frames pass the guardrail",
        tested=False,
        why=UNTESTED,
    ),
    PipelineClass(
        "Cosmos2_5_PredictBasePipeline",
        "Cosmos Predict 2.5",
        KINDS,
        tokens=512,
        condition=condition_25,
        uses=one_or_five,
        held=True,
        hold=hold,
        needs=NEEDS,
        builds=GUARDRAIL,
        rounds="never",
        notes="continuation of 1 frame or the last 5; frames not in batches",
        tested=False,
        why=UNTESTED,
    ),
)
REFUSED = {
    "Cosmos3OmniPipeline": "its state is video, sound and action without a batch axis, which nothing here drives yet",
    "Cosmos2_5_TransferPipeline": "its call needs controls, which no prompt gives",
}
