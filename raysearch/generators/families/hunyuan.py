"""HunyuanVideo and HunyuanVideo 1.5: text to video."""

from raysearch.generators.declare import TEXT, Autoencoder, PipelineClass

PIPELINES = (
    PipelineClass("HunyuanVideoPipeline", "HunyuanVideo", TEXT),
    PipelineClass("HunyuanVideo15Pipeline", "HunyuanVideo 1.5", TEXT),
)
AUTOENCODERS = (Autoencoder("AutoencoderKLHunyuanVideo", least=2, unset="in blended pieces of 4"),)
REFUSED = {"HunyuanVideoFramepackPipeline": "one call makes several chunks, each with a schedule of its own"}
