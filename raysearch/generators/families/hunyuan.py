"""HunyuanVideo and HunyuanVideo 1.5: text to video."""

from raysearch.generators.declare import TEXT, Autoencoder, Config, PipelineClass

PIPELINES = (
    PipelineClass("HunyuanVideoPipeline", "HunyuanVideo", TEXT, tokens=256),
    PipelineClass("HunyuanVideo15Pipeline", "HunyuanVideo 1.5", TEXT),
)


def _covers(config: Config) -> tuple[int, int]:
    """Of HunyuanVideo."""
    return int(config.get("temporal_compression_ratio") or 4), int(config.get("spatial_compression_ratio") or 8)


AUTOENCODERS = (Autoencoder("AutoencoderKLHunyuanVideo", least=2, unset="in blended pieces of 4", covers=_covers),)
REFUSED = {"HunyuanVideoFramepackPipeline": "one call makes several chunks, each with a schedule of its own"}
