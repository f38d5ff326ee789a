"""Mochi: text to video."""

from raysearch.generators.declare import TEXT, Autoencoder, PipelineClass

PIPELINES = (PipelineClass("MochiPipeline", "Mochi", TEXT),)
AUTOENCODERS = (Autoencoder("AutoencoderKLMochi", least=1),)
