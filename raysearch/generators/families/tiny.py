"""The tiny model that ships with raysearch: LTX-Video's pipeline and network with the autoencoder of the tiny world."""

from pathlib import Path

from raysearch.generators.declare import Autoencoder, Config, ShippedModel


def folder() -> Path:
    """The folder of the shipped weights."""
    from raysearch.tinyworld import weights

    return Path(weights("generator"))


def preview() -> Path:
    """The tiny decoder of the shipped weights."""
    return folder().parent / "preview" / "decoder.safetensors"


def register() -> None:
    """Make diffusers find the autoencoder: it looks the class up, but does not import it."""
    import raysearch.tinyworld.codec  # noqa: F401


def _covers(config: Config) -> tuple[int, int]:
    """It cuts the video into patches."""
    return int(config.get("patch_size_t") or 2), int(config.get("patch_size") or 8)


AUTOENCODERS = (Autoencoder("TinyPatchCodec", tiles=False, instead="decode it whole", covers=_covers),)
MODELS = (ShippedModel("tiny", folder, register, preview),)
