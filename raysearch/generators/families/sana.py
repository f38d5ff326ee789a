"""Sana-Video: text to video and image to video."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raysearch.generators.declare import TEXT, TEXT_IMAGE, Call, Pipeline, PipelineClass, Size, hold_first, image

if TYPE_CHECKING:
    import torch


def hold(x: torch.Tensor, prepared: torch.Tensor, rest: list[Any]) -> torch.Tensor:
    """The first latent frame is the image."""
    return hold_first(x, prepared, 1)


def shape(pipeline: Pipeline, call: Call, given: Size) -> Size:
    """The nearest size of the training, unless `use_resolution_binning` is off; the video is cut to its size later."""
    from diffusers.pipelines.sana_video import pipeline_sana_video_i2v as sana

    size: tuple[int, int] = call["height"], call["width"]
    bins = {30: sana.ASPECT_RATIO_480_BIN, 22: sana.ASPECT_RATIO_720_BIN}.get(pipeline.transformer.config.sample_size)
    if bins is None or not call.get("use_resolution_binning", True):
        return size
    size = pipeline.video_processor.classify_height_width_bin(*size, ratios=bins)
    return size


PIPELINES = (
    PipelineClass("SanaVideoPipeline", "Sana-Video", TEXT, tokens=300, multiple=32),
    PipelineClass(
        "SanaImageToVideoPipeline",
        "Sana-Video image to video",
        TEXT_IMAGE,
        tokens=300,
        needs_frames=True,
        condition=image,
        shape=shape,
        held=True,
        hold=hold,
        multiple=32,
    ),
)
