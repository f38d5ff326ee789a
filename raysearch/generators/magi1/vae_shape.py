"""The numbers that define MAGI-1's autoencoder, read off its configuration and the shapes of its tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from raysearch.errors import UsageError
from raysearch.generators.magi1.shape import Shapes
from raysearch.generators.magi1.stages import FPS

HEAD = 64  # channels of a head, where the configuration does not say how many heads there are
LENGTH = 16  # frames of the grid of learned positions, where the configuration does not say


@dataclass(frozen=True)
class VaeShape:
    """The architecture.

    Attributes:
        width: channels of a token.
        depth: blocks of the encoder, and of the decoder.
        heads: heads of attention.
        inner: channels within an MLP.
        latent: channels of a latent.
        patch: frames, rows and columns of a token.
        grid: tokens in time, rows and columns for which positions were learned.
        pixel_width: channels of a pixel before the last convolution.
        channels: of a pixel.
    """

    width: int
    depth: int
    heads: int
    inner: int
    latent: int
    patch: tuple[int, int, int]
    grid: tuple[int, int, int]
    pixel_width: int
    channels: int = 3

    @property
    def tile(self) -> tuple[int, int, int]:
        """Frames, rows and columns that are encoded at a time: half a second of the area of the learned positions."""
        return FPS // 2, self.grid[1] * self.patch[1], self.grid[2] * self.patch[2]


def vae_shape(shapes: Shapes, config: Mapping[str, Any], where: str) -> VaeShape:
    """The architecture of an autoencoder.

    Args:
        shapes: of its tensors, by name.
        config: its config.json.
        where: the key and value of the job, for messages.

    Raises:
        UsageError: for tensors or a configuration of another autoencoder.
    """
    dd = config.get("ddconfig", config)
    try:
        width, channels, *patch = shapes["encoder.patch_embed.proj.weight"]
        t, h, w = patch
        places = shapes["decoder.pos_embed"][1] - 1
        depth = 1 + max(int(name.split(".")[2]) for name in shapes if name.startswith("decoder.blocks."))
        long = int(dd.get("video_length", LENGTH)) // t
        side = round((places / long) ** 0.5)
        if long * side * side != places:
            raise ValueError(places)
        heads = int(dd.get("num_heads", width // HEAD))
        inner, latent = shapes["decoder.blocks.0.mlp.fc1.weight"][0], shapes["decoder.proj_in.weight"][1]
        pixel = shapes["decoder.last_layer.weight"][1]
        found = VaeShape(width, depth, heads, inner, latent, (t, h, w), (long, side, side), pixel, channels)
        if width % heads or pixel * t * h * w != width:
            raise ValueError(width)
    except (KeyError, ValueError, TypeError, ZeroDivisionError, AttributeError):
        raise UsageError(f"{where}: the autoencoder in vae/ is not that of MAGI-1; fetch ckpt/vae again") from None
    return found
