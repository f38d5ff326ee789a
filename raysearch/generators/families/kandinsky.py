"""Kandinsky 5: text to video and image to video.

The state is [1, F, h, w, C], or [1, F, h, w, 2C + 1] where the network sees conditions in channels of its input: the
last C + 1 of them are conditions, which stand still. The pipeline steps the first C alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raysearch.errors import UsageError
from raysearch.generators.declare import FTFY, TEXT, TEXT_IMAGE, Call, Pipeline, PipelineClass, image

if TYPE_CHECKING:
    import torch

FIRST = 4  # latent frames that the pipeline normalises before it decodes
LEAST = 17  # frames of five latent ones


def hold_channels(x: torch.Tensor, prepared: torch.Tensor, rest: list[Any]) -> torch.Tensor:
    """x with the channels of conditions as they were prepared: an odd number of channels is C + C + 1."""
    import torch

    n = x.shape[-1]
    return torch.cat([x[..., : n // 2], prepared[..., n // 2 :].to(x)], dim=-1) if n % 2 else x


def hold_image(x: torch.Tensor, prepared: torch.Tensor, rest: list[Any]) -> torch.Tensor:
    """The first latent frame too is as it was prepared."""
    import torch

    return hold_channels(torch.cat([prepared[:, :1].to(x), x[:, 1:]], dim=1), prepared, rest)


def out_of_place(pipeline: Pipeline, call: Call) -> None:
    """Normalise the first latent frames as the pipeline does, in a way that a gradient can go through."""
    import torch

    def normalize(latents: torch.Tensor, reference_frames: int = 5) -> torch.Tensor:
        reference = latents[:, FIRST : FIRST + min(reference_frames, latents.shape[1] - 1)]
        first: torch.Tensor = pipeline.adaptive_mean_std_normalization(latents[:, :FIRST], reference)
        return torch.cat([first, latents[:, FIRST:]], dim=1)

    pipeline.normalize_first_frame = normalize


def check_call(call: Call) -> None:
    """The pipeline gives its first four latent frames the statistics of the next ones, so there have to be some."""
    frames = call.get("num_frames")
    if frames is not None and frames < LEAST:
        raise UsageError(
            f"generator.num_frames={frames}: Kandinsky5I2VPipeline gives its first four latent frames the statistics "
            f"of those after them, so it makes {LEAST} frames or more"
        )


PIPELINES = (
    PipelineClass(
        "Kandinsky5T2VPipeline",
        "Kandinsky 5",
        TEXT,
        tokens=512,
        hold=hold_channels,
        rounds="wan",
        reads=FTFY,
        notes="the channels of conditions stand still",
    ),
    PipelineClass(
        "Kandinsky5I2VPipeline",
        "Kandinsky 5 image to video",
        TEXT_IMAGE,
        needs_frames=True,
        condition=image,
        held=True,
        hold=hold_image,
        tokens=512,
        rounds="wan",
        reads=FTFY,
        adapt=out_of_place,
        check_call=check_call,
        notes=f"{LEAST} frames or more: the first four latent frames get the statistics of those after them",
    ),
)
REFUSED = {
    "Kandinsky6TI2VAPipeline": "its state is more than a video (audio_latents), which its family has to declare",
}
