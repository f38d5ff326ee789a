"""Mochi: text to video."""

import math

from raysearch.generators.declare import TEXT, Autoencoder, Config, PipelineClass

PIPELINES = (PipelineClass("MochiPipeline", "Mochi", TEXT, tokens=256, multiple=8),)


def _covers(config: Config) -> tuple[int, int]:
    """The products of what the blocks expand."""
    time, space = config.get("temporal_expansions") or (1, 2, 3), config.get("spatial_expansions") or (2, 2, 2)
    return math.prod(time), math.prod(space)


AUTOENCODERS = (Autoencoder("AutoencoderKLMochi", least=1, covers=_covers),)
