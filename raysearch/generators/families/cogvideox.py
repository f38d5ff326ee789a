"""CogVideoX: text to video, image to video, and new versions of a video.

The stock DPM scheduler is stochastic, keeps hidden state and has another signature. Its DDIM scheduler has the same
table, so that one is driven instead.
"""

from raysearch.generators.declare import (
    TEXT,
    TEXT_IMAGE,
    Autoencoder,
    Call,
    Config,
    Pipeline,
    PipelineClass,
    Size,
    image,
    redrawn,
)


def shape(pipeline: Pipeline, call: Call, given: Size) -> Size:
    """Without a height and a width in the call, those for which the network was trained."""
    network, scale = pipeline.transformer.config, pipeline.vae_scale_factor_spatial
    return call.get("height") or network.sample_height * scale, call.get("width") or network.sample_width * scale


NOTES = "steps should divide 1000"

PIPELINES = (
    PipelineClass("CogVideoXPipeline", "CogVideoX", TEXT, tokens=226, multiple=8, notes=NOTES),
    PipelineClass(
        "CogVideoXImageToVideoPipeline",
        "CogVideoX image to video",
        TEXT_IMAGE,
        tokens=226,
        needs_frames=True,
        condition=image,
        shape=shape,
        batch="frames",
        multiple=8,
        notes=NOTES,
    ),
    PipelineClass(
        "CogVideoXVideoToVideoPipeline",
        "CogVideoX video to video",
        ("text", "frames"),
        needs_frames=True,
        redraws=True,
        tokens=226,
        condition=redrawn,
        shape=shape,
        batch="",
        multiple=8,
        rounds="given",
        notes=f"a new version of the clip, from call.strength (0.8); {NOTES}",
    ),
)


def _covers(config: Config) -> tuple[int, int]:
    """Every block but the last halves the sides."""
    blocks = config.get("block_out_channels") or (128, 256, 256, 512)
    return int(config.get("temporal_compression_ratio") or 4), 2 ** (len(blocks) - 1)


AUTOENCODERS = (Autoencoder("AutoencoderKLCogVideoX", always=2, covers=_covers),)
SCHEDULERS = {"CogVideoXDPMScheduler": "CogVideoXDDIMScheduler"}
