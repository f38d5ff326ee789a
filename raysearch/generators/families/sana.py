"""Sana-Video: text to video and image to video."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raysearch.generators.declare import TEXT, TEXT_IMAGE, PipelineClass, hold_first, image

if TYPE_CHECKING:
    import torch


def hold(x: torch.Tensor, prepared: torch.Tensor, rest: list[Any]) -> torch.Tensor:
    """The first latent frame is the image."""
    return hold_first(x, prepared, 1)


PIPELINES = (
    PipelineClass("SanaVideoPipeline", "Sana-Video", TEXT, multiple=32),
    PipelineClass(
        "SanaImageToVideoPipeline",
        "Sana-Video image to video",
        TEXT_IMAGE,
        needs_frames=True,
        condition=image,
        held=True,
        hold=hold,
        multiple=32,
    ),
)
