"""The numbers that define MAGI-1's autoencoder, read off its configuration and the shapes of its tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
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
        widened: whether a linear map widens tokens before they are cut into pixels, which a token of fewer than 768
            channels needs for three colours. The published autoencoder has none.
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
    widened: bool = False

    @property
    def tile(self) -> tuple[int, int, int]:
        """Frames, rows and columns that are encoded at a time: half a second of the area of the learned positions."""
        return FPS // 2, self.grid[1] * self.patch[1], self.grid[2] * self.patch[2]

    @property
    def parameters(self) -> int:
        """The number of parameters of encoder and decoder."""
        d, cut = self.width, self.pixel_width * prod(self.patch)
        block = 4 * d * d + 2 * d * self.inner + self.inner + 7 * d
        half = d * (2 + prod(self.grid)) + self.depth * block + 2 * d
        encoder = half + d * self.channels * prod(self.patch) + d + 2 * self.latent * (d + 1)
        decoder = half + d * (self.latent + 1) + self.channels * (27 * self.pixel_width + 1)
        return encoder + decoder + (cut * (d + 1) if self.widened else 0)


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
        widened = "decoder.widen.weight" in shapes
        found = VaeShape(width, depth, heads, inner, latent, (t, h, w), (long, side, side), pixel, channels, widened)
        cut = shapes["decoder.widen.weight"][0] if widened else width
        if width % heads or pixel * t * h * w != cut:
            raise ValueError(width)
    except (KeyError, ValueError, TypeError, ZeroDivisionError, AttributeError):
        raise UsageError(f"{where}: the autoencoder in vae/ is not that of MAGI-1; fetch ckpt/vae again") from None
    return found
