"""SkyReels V2, whole videos and diffusion forcing: the only family here that makes a long video chunk by chunk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raysearch.errors import UsageError
from raysearch.generators.declare import (
    FTFY,
    TEXT,
    TEXT_IMAGE,
    Call,
    Frames,
    PipelineClass,
    hold_first,
    image,
    pictures,
    video_length,
    whole_latents,
)

if TYPE_CHECKING:
    import torch

PLAIN = "SkyReelsV2DiffusionForcingPipeline"
WITH_IMAGE = "SkyReelsV2DiffusionForcingImageToVideoPipeline"
WITH_CLIP = "SkyReelsV2DiffusionForcingVideoToVideoPipeline"


def condition(frames: Frames, call: Call, prompt_id: str) -> Call:
    """4k + 1 frames of a clip are the history of the only chunk."""
    total, kept = video_length(frames, call, prompt_id), len(frames)
    return {"video": pictures(frames, call), "overlap_history": kept, "base_num_frames": total}


def hold(x: torch.Tensor, prepared: torch.Tensor, rest: list[Any]) -> torch.Tensor:
    """rest ends with the clean latents of the history and the number of their frames; it is empty without history."""
    return hold_first(x, rest[-2], rest[-1]) if rest and rest[-1] else x


def trim(frames: torch.Tensor, call: Call) -> torch.Tensor:
    """A continued video [T, ...] begins with the clip twice."""
    return frames[len(call["video"]) :]


def check_call(call: Call) -> None:
    """Asynchronous sampling denoises the frames of one call at different times, which is more than one step."""
    if call.get("ar_step"):
        raise UsageError(
            f"generator.call.ar_step={call['ar_step']}: frames at different times cannot be driven one step at a time; "
            "leave ar_step at 0, and set generator.chunks to make one chunk after the other"
        )


FORCING: dict[str, Any] = dict(  # what the three classes of diffusion forcing share
    hold=hold,
    global_noise="addnoise_condition",
    continuation=PLAIN,
    check_call=check_call,
    rounds="wan",
    rate="fps",
    tokens=512,
    reads=FTFY,
)
PIPELINES = (
    PipelineClass(
        PLAIN,
        "SkyReels V2 DF",
        TEXT,
        siblings={"image": WITH_IMAGE, "frames": WITH_CLIP},
        notes="ar_step 0",
        **FORCING,
    ),
    PipelineClass(
        WITH_IMAGE,
        "SkyReels V2 DF image to video",
        TEXT_IMAGE,
        needs_frames=True,
        condition=image,
        held=True,
        notes="ar_step 0",
        **FORCING,
    ),
    PipelineClass(
        WITH_CLIP,
        "SkyReels V2 DF continuation",
        ("text", "frames"),
        needs_frames=True,
        condition=condition,
        uses=whole_latents,
        held=True,
        trim=trim,
        batch="frames",
        notes="ar_step 0; 4k + 1 frames, which the stock call shows twice",
        **FORCING,
    ),
    PipelineClass("SkyReelsV2Pipeline", "SkyReels V2", TEXT, tokens=512, rounds="wan", reads=FTFY),
    PipelineClass(
        "SkyReelsV2ImageToVideoPipeline",
        "SkyReels V2 image to video",
        TEXT_IMAGE,
        tokens=512,
        needs_frames=True,
        condition=image,
        rounds="wan",
        reads=FTFY,
    ),
)
