"""The tiny models that ship with raysearch.

`tiny` is LTX-Video's pipeline and network with the autoencoder of the tiny world, `tiny-magi` is MAGI-1 at small size.
"""

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


def chunked() -> Path:
    """The folder of the tiny MAGI-1."""
    from raysearch.tinyworld import weights

    return Path(weights("magi")) / "magi" / "tiny_base"


MODELS = (
    ShippedModel("tiny", folder, register, preview),
    ShippedModel("tiny-magi", chunked, lambda: None),
)
