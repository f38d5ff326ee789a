"""Wan 2.1, Wan 2.2 and Wan VACE. Their autoencoder serves several other families."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raysearch.generators.declare import (
    FTFY,
    KINDS,
    TEXT,
    TEXT_IMAGE,
    Autoencoder,
    Call,
    Config,
    Frames,
    Pipeline,
    PipelineClass,
    Size,
    image,
    pictures,
    redrawn,
    video_length,
)

if TYPE_CHECKING:
    import torch


def condition_vace(frames: Frames, call: Call, prompt_id: str) -> Call:
    """The clip followed by grey frames, with a mask that keeps the clip (black) and makes the rest (white)."""
    from PIL import Image

    total, size = video_length(frames, call, prompt_id), (call["width"], call["height"])
    kept, to_make = len(frames), total - len(frames)
    grey = Image.new("RGB", size, (128, 128, 128))
    keep, make = Image.new("L", size, 0), Image.new("L", size, 255)
    return {"video": [*pictures(frames, call), *[grey] * to_make], "mask": [keep] * kept + [make] * to_make}


def hold_image(x: torch.Tensor, prepared: torch.Tensor, rest: list[Any]) -> torch.Tensor:
    """TI2V-5B returns clean latents and a mask that is 0 in the first frame; the other models return one tensor."""
    import torch

    return torch.where(rest[1] == 0, rest[0].to(x), x) if len(rest) == 2 else x


def shape(pipeline: Pipeline, call: Call, given: Size) -> Size:
    """The size of the video, which the pipeline rounds down to whole patches of its network."""
    network = (pipeline.transformer if pipeline.transformer is not None else pipeline.transformer_2).config
    height, width = (call[k] // (n := pipeline.vae_scale_factor_spatial * p) * n
                     for k, p in zip(("height", "width"), network.patch_size[1:], strict=True))  # fmt: skip
    return height, width


PIPELINES = (
    PipelineClass(
        "WanPipeline",
        "Wan 2.1, 2.2 (A14B, TI2V-5B)",
        TEXT,
        tokens=512,
        siblings={"image": "WanImageToVideoPipeline"},
        rounds="wan",
        siblings_if="expand_timesteps",  # TI2V-5B; the other models of text alone cannot see an image
        reads=FTFY,
    ),
    PipelineClass(
        "WanImageToVideoPipeline",
        "Wan 2.1, 2.2 image to video",
        TEXT_IMAGE,
        tokens=512,
        needs_frames=True,
        condition=image,
        shape=shape,
        hold=hold_image,
        rounds="wan",
        reads=FTFY,
        notes="held by TI2V-5B; the others see the image in extra channels",
    ),
    PipelineClass(
        "WanVideoToVideoPipeline",
        "Wan 2.1 video to video",
        ("text", "frames"),
        needs_frames=True,
        redraws=True,
        condition=redrawn,
        tokens=512,
        rounds="given",
        reads=FTFY,
        notes="a new version of the clip, from call.strength (0.8)",
    ),
    PipelineClass(
        "WanVACEPipeline",
        "Wan VACE",
        KINDS,
        tokens=512,
        condition=condition_vace,
        rounds="wan",
        reads=FTFY,
        batch="",
        notes="continuation by masks; call.reference_images gives references",
    ),
)


def _covers(config: Config) -> tuple[int, int]:
    """Configurations of older releases do not write their factors down."""
    return int(config.get("scale_factor_temporal") or 4), int(config.get("scale_factor_spatial") or 8)


AUTOENCODERS = (Autoencoder("AutoencoderKLWan", always=1, covers=_covers),)
REFUSED = {
    "AnyFlowPipeline": "its network is told the time of the next step too",
    "AnyFlowFARPipeline": "one call makes several chunks, each with a schedule of its own",
    "WanAnimatePipeline": "its call needs pose_video, face_video, which no prompt gives",
    "LucyEditPipeline": "its call needs video, which no prompt gives",
}
