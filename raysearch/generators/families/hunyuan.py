"""HunyuanVideo, SkyReels V1 on its network, and HunyuanVideo 1.5: text to video and image to video.

Of HunyuanVideo's image to video there are two kinds of weights. One keeps the image as the first latent frame; the
other sees it in extra channels, and its pipeline cuts the first four frames off the decoded video.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raysearch.errors import UsageError
from raysearch.generators.declare import (
    TEXT,
    TEXT_IMAGE,
    Autoencoder,
    Call,
    Config,
    Pipeline,
    PipelineClass,
    Size,
    hold_first,
    image,
)

if TYPE_CHECKING:
    import torch

NEXT_TIME = (
    "this model is distilled to few steps and is told the time of the next step too, which one step at a time does not "
    "know; use the model that is not step-distilled"
)


def hold_image(x: torch.Tensor, prepared: torch.Tensor, rest: list[Any]) -> torch.Tensor:
    """rest[0]: the latents of the image, a single frame where it is held."""
    return hold_first(x, rest[0], 1) if rest[0].shape[2] == 1 else x


def cut(network: Config) -> int:
    """Frames that the pipeline cuts off: one latent frame, where the image is in extra channels."""
    return 4 if network.get("image_condition_type") == "latent_concat" else 0


def bucket(pipeline: Pipeline, call: Call, given: Size) -> Size:
    """The size of the training whose shape is nearest to that of the image.

    Raises:
        UsageError: where the job asks for another size: the call takes none.
    """
    asked = call.get("height"), call.get("width")
    if None not in asked:
        given = asked  # type: ignore[assignment]
    size = pipeline.video_processor.calculate_default_height_width(*given, target_size=pipeline.target_size)
    height, width = map(int, size)
    for key, wanted, made in zip(("height", "width"), asked, (height, width), strict=True):
        if wanted is not None and wanted != made:
            raise UsageError(
                f"generator.{key}={wanted}: HunyuanVideo15ImageToVideoPipeline takes no size and makes {height}x"
                f"{width} of this shape; set height: {height} and width: {width}, or leave them out "
                "for the shape of the image"
            )
    return height, width


def step_distilled(network: Config) -> str:
    """Why a network that is told the next time is refused; empty for any other."""
    return NEXT_TIME if network.get("use_meanflow") else ""


def conditions_once(pipeline: Pipeline, call: Call) -> None:
    """Encode the image once."""
    from raysearch.generators import hooks

    hooks.compute_once_per_shape(pipeline, "prepare_cond_latents_and_mask")


PIPELINES = (
    PipelineClass(
        "HunyuanVideoPipeline", "HunyuanVideo", TEXT, tokens=256, notes="guidance_scale is embedded, not CFG"
    ),
    PipelineClass(
        "HunyuanVideoImageToVideoPipeline",
        "HunyuanVideo image to video",
        TEXT_IMAGE,
        needs_frames=True,
        condition=image,
        held=True,
        hold=hold_image,
        cut=cut,
        tokens=256,
        batch="",
        notes="held by the weights of token replacement; the others see the image in extra channels",
    ),
    PipelineClass(
        "HunyuanSkyreelsImageToVideoPipeline",
        "SkyReels V1 image to video",
        TEXT_IMAGE,
        needs_frames=True,
        condition=image,
        tokens=256,
        batch="frames",
        notes="its CFG is call.true_cfg_scale",
    ),
    PipelineClass(
        "HunyuanVideo15Pipeline",
        "HunyuanVideo 1.5",
        TEXT,
        adapt=conditions_once,
        unfit=step_distilled,
        notes="guidance_scale goes to its guider",
    ),
    PipelineClass(
        "HunyuanVideo15ImageToVideoPipeline",
        "HunyuanVideo 1.5 image to video",
        TEXT_IMAGE,
        needs_frames=True,
        condition=image,
        shape=bucket,
        image_sizes=True,
        adapt=conditions_once,
        unfit=step_distilled,
        notes="guidance_scale goes to its guider; the size is a bucket of the image's shape",
    ),
)


def _covers(config: Config) -> tuple[int, int]:
    """Of HunyuanVideo."""
    return int(config.get("temporal_compression_ratio") or 4), int(config.get("spatial_compression_ratio") or 8)


AUTOENCODERS = (Autoencoder("AutoencoderKLHunyuanVideo", least=2, unset="in blended pieces of 4", covers=_covers),)
REFUSED = {"HunyuanVideoFramepackPipeline": "one call makes several chunks, each with a schedule of its own"}
