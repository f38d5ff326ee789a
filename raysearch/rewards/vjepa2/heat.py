"""Draw a surprise map over its video, in colours of increasing lightness, with a scale below.

The frame is grey under the colour, and unchanged where nothing was predicted.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from raysearch.rewards.base import SurpriseMap

# From black through violet, red and orange to pale yellow; lightness L* 0, 14, 31, 50, 72, 95, in about even steps.
ANCHORS = np.array([[0, 0, 0], [48, 12, 84], [124, 22, 96], [208, 62, 58], [246, 160, 46], [250, 240, 190]], float)
STRIP = 34  # height of the scale, px
SHOWN = 256  # videos smaller than this are enlarged by a whole factor, so that the scale can be read


def colours(share: np.ndarray) -> np.ndarray:
    """RGB uint8 [..., 3] of values in [0, 1], clipped."""
    at = np.linspace(0, 1, len(ANCHORS))
    return np.stack([np.interp(np.clip(share, 0, 1), at, ANCHORS[:, c]) for c in range(3)], -1).round().astype(np.uint8)


def span(maps: list[SurpriseMap]) -> tuple[float, float]:
    """The scale that several maps share: their lowest surprise, and their highest but for the top thousandth."""
    values = np.concatenate([m.values[np.isfinite(m.values)] for m in maps])
    low, high = float(values.min()), float(np.quantile(values, 0.999))
    return low, max(high, low + 1e-6)


def overlay(frames: np.ndarray, surprise: SurpriseMap, scale: tuple[float, float]) -> np.ndarray:
    """The video under its map, with the scale below.

    Args:
        frames: uint8 [T, H, W, 3].
        surprise: its map.
        scale: (lowest, highest) surprise of the colours.

    Returns:
        uint8 [T, k H + STRIP, k W, 3]; k enlarges small videos by a whole factor.
    """
    k = max(1, SHOWN // min(frames.shape[1:3]))
    top, left, height, width = (k * n for n in surprise.box)
    strip = legend(k * frames.shape[2], scale)
    drawn = np.empty((len(frames), k * frames.shape[1] + STRIP, k * frames.shape[2], 3), np.uint8)
    for t, frame in enumerate(frames):
        drawn[t, :-STRIP], drawn[t, -STRIP:] = frame.repeat(k, 0).repeat(k, 1), strip
        inside = drawn[t, top : top + height, left : left + width]
        inside[:] = tinted(inside, surprise.values[t], scale)
    return drawn


def tinted(frame: np.ndarray, values: np.ndarray, scale: tuple[float, float]) -> np.ndarray:
    """A frame under its values [G, G], drawn as blocks; the higher the surprise, the less of the frame shows."""
    rows, columns = (np.arange(n) * len(values) // n for n in frame.shape[:2])
    share = (values[rows][:, columns] - scale[0]) / (scale[1] - scale[0])
    known = np.isfinite(share)[..., None]
    share = np.clip(np.where(known[..., 0], share, 0), 0, 1)
    grey = frame @ np.array([0.299, 0.587, 0.114])
    weight = (0.25 + 0.5 * share)[..., None]
    mixed = (1 - weight) * grey[..., None] + weight * colours(share)
    return np.where(known, mixed.round().astype(np.uint8), frame)


def legend(width: int, scale: tuple[float, float]) -> np.ndarray:
    """The scale, uint8 [STRIP, width, 3]: the colours from low to high, with the numbers of both ends."""
    strip = np.full((STRIP, width, 3), 16, np.uint8)
    strip[4:14, 8 : width - 8] = colours(np.linspace(0, 1, width - 16))
    image = Image.fromarray(strip)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(11)
    for text, x, anchor in (
        (f"{scale[0]:.2f}", 8, "la"), ("surprise", width / 2, "ma"), (f"{scale[1]:.2f}", width - 8, "ra")
    ):  # fmt: skip
        draw.text((x, 17), text, fill=(230, 230, 230), font=font, anchor=anchor)
    return np.asarray(image)
