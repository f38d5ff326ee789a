"""CogVideoX: text to video and image to video.

The stock DPM scheduler is stochastic, keeps hidden state and has another signature. Its DDIM scheduler has the same
table, so that one is driven instead.
"""

from raysearch.generators.declare import TEXT, TEXT_IMAGE, Autoencoder, Call, Pipeline, PipelineClass, image


def shape(pipeline: Pipeline, call: Call) -> tuple[int, int]:
    """Without a height and a width in the call, those for which the network was trained."""
    network, scale = pipeline.transformer.config, pipeline.vae_scale_factor_spatial
    return call.get("height") or network.sample_height * scale, call.get("width") or network.sample_width * scale


NOTES = "steps should divide 1000"

PIPELINES = (
    PipelineClass("CogVideoXPipeline", "CogVideoX", TEXT, notes=NOTES),
    PipelineClass(
        "CogVideoXImageToVideoPipeline",
        "CogVideoX image to video",
        TEXT_IMAGE,
        needs_frames=True,
        condition=image,
        shape=shape,
        batch="frames",
        notes=NOTES,
    ),
)
AUTOENCODERS = (Autoencoder("AutoencoderKLCogVideoX", always=2),)
SCHEDULERS = {"CogVideoXDPMScheduler": "CogVideoXDDIMScheduler"}
