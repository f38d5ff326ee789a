"""CogVideoX: text to video and image to video.

The stock DPM scheduler is stochastic, keeps hidden state and has another signature. Its DDIM scheduler has the same
table, so that one is driven instead.
"""

from raysearch.generators.declare import TEXT, TEXT_IMAGE, Autoencoder, PipelineClass, image

NOTES = "steps should divide 1000"

PIPELINES = (
    PipelineClass("CogVideoXPipeline", "CogVideoX", TEXT, notes=NOTES),
    PipelineClass(
        "CogVideoXImageToVideoPipeline",
        "CogVideoX image to video",
        TEXT_IMAGE,
        needs_frames=True,
        condition=image,
        batch="frames",
        notes=NOTES,
    ),
)
AUTOENCODERS = (Autoencoder("AutoencoderKLCogVideoX", always=2),)
SCHEDULERS = {"CogVideoXDPMScheduler": "CogVideoXDDIMScheduler"}
