"""Cosmos Predict 1, 2 and 2.5, and Cosmos 3. All have a guardrail that sees every decoded video.

Cosmos 1 predicts as EDM does (c_skip x + c_out v), guides between such predictions, and then gives the scheduler the
prediction itself; one_step.py takes both. Later versions use the autoencoder of Wan. Cosmos 3 makes sound as well where
its call asks for it; actions, which it could also make or follow, come from no prompt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raysearch.errors import UsageError
from raysearch.generators.declare import (
    KINDS,
    TEXT,
    Call,
    Config,
    Frames,
    PipelineClass,
    image,
    pictures,
    sized_image,
    video_length,
)

if TYPE_CHECKING:
    import torch

UNTESTED = "tested where torchvision is installed: the pipeline imports it"
NEEDS = ("torchvision",)
BY_STEP = "the first and last steps would be computed in more bits, and here every step is one call"
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


def condition_3(frames: Frames, call: Call, prompt_id: str) -> Call:
    """An image (one latent frame), or five frames (two), at the size of the video: the pipeline would crop an image."""
    video_length(frames, call, prompt_id)
    if len(frames) == 1:
        return sized_image(frames, call, prompt_id)
    return {"video": pictures(_five(frames, prompt_id), call)}


def check_call_3(call: Call) -> None:
    """Raise UsageError for what needs more than a video with sound, or another network in some steps."""
    if call.get("action") is not None:
        raise UsageError("generator.call.action: no prompt gives an action, and none is made; leave it out")
    if call.get("mixed_precision_format") not in (None, "none"):
        raise UsageError(
            f"generator.call.mixed_precision_format={call['mixed_precision_format']!r}: {BY_STEP}; set it to none"
        )
    if tuple(call.get("condition_frame_indexes_vision", (0, 1))) != (0, 1):
        raise UsageError("generator.call.condition_frame_indexes_vision: a clip stands at the beginning; leave it out")


def unfit_3(network: Config) -> str:
    """Checkpoints in eight bits may say which steps are computed in more."""
    policy = (network.get("quantization_config") or {}).get("diffusion_step_policy")
    return "" if policy is None else f"{BY_STEP}, as its diffusion_step_policy says; take the checkpoint in bfloat16"


def _five(frames: Frames, prompt_id: str) -> Frames:
    """The last five frames, which are two latent ones."""
    if len(frames) < 5:
        raise UsageError(
            f"prompt {prompt_id!r} has {len(frames)} conditioning frames; Cosmos continues 1 frame or at least 5"
        )
    return frames[-5:]


def hold_3(x: torch.Tensor, prepared: torch.Tensor, rest: list[Any]) -> torch.Tensor:
    """rest: among others the mask of latent frames, which is 1 where the prepared latents are clean."""
    import torch

    return torch.where(rest[4].bool(), prepared.to(x), x)


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
    PipelineClass(
        "Cosmos3OmniPipeline",
        "Cosmos 3",
        KINDS,
        condition=condition_3,
        uses=one_or_five,
        held=True,
        hold=hold_3,
        sound_if="enable_sound",
        single=True,
        builds=GUARDRAIL,
        builds_if="enable_safety_checker",
        batch="",
        rate="fps",
        check_call=check_call_3,
        unfit=unfit_3,
        notes="continuation of 1 frame or the last 5; sound by call.enable_sound; decoded frames pass the guardrail",
    ),
)
REFUSED = {
    "Cosmos2_5_TransferPipeline": "its call needs controls, which no prompt gives",
}
