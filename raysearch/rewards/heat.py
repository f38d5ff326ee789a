"""A surprise map over its video: colours of growing lightness, so that brighter is more, and a scale beneath.

The frame goes grey under the colour, and stays as it is where nothing was predicted.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from raysearch.rewards.surprise_map import SurpriseMap

# Black over violet, red and orange to a pale yellow; lightness L* 0, 14, 31, 50, 72, 95: about even steps.
ANCHORS = np.array([[0, 0, 0], [48, 12, 84], [124, 22, 96], [208, 62, 58], [246, 160, 46], [250, 240, 190]], float)
STRIP = 34  # height of the scale, px
SHOWN = 256  # videos smaller than this are enlarged by a whole factor, so that the scale can be read


def colours(share: np.ndarray) -> np.ndarray:
    """RGB uint8 [..., 3] of values in [0, 1], clipped."""
    at = np.linspace(0, 1, len(ANCHORS))
    return np.stack([np.interp(np.clip(share, 0, 1), at, ANCHORS[:, c]) for c in range(3)], -1).round().astype(np.uint8)


def span(maps: list[SurpriseMap]) -> tuple[float, float]:
    """Lowest and highest surprise of the maps (the highest thousandth left out): one scale, so that they compare."""
    values = np.concatenate([m.values[np.isfinite(m.values)] for m in maps])
    low, high = float(values.min()), float(np.quantile(values, 0.999))
    return low, max(high, low + 1e-6)


def overlay(frames: np.ndarray, found: SurpriseMap, scale: tuple[float, float]) -> np.ndarray:
    """uint8 [T, H', W', 3]: the video, enlarged by a whole factor if small, under its map, and the scale beneath."""
    k = max(1, SHOWN // min(frames.shape[1:3]))
    top, left, height, width = (k * n for n in found.box)
    strip = legend(k * frames.shape[2], scale)
    made = np.empty((len(frames), k * frames.shape[1] + STRIP, k * frames.shape[2], 3), np.uint8)
    for t, frame in enumerate(frames):
        made[t, :-STRIP], made[t, -STRIP:] = frame.repeat(k, 0).repeat(k, 1), strip
        inside = made[t, top : top + height, left : left + width]
        inside[:] = tinted(inside, found.values[t], scale)
    return made


def tinted(frame: np.ndarray, values: np.ndarray, scale: tuple[float, float]) -> np.ndarray:
    """The frame with its values [G, G] laid over it in blocks; the more surprise, the less of the frame is left."""
    rows, columns = (np.arange(n) * len(values) // n for n in frame.shape[:2])
    share = (values[rows][:, columns] - scale[0]) / (scale[1] - scale[0])
    known = np.isfinite(share)[..., None]
    share = np.clip(np.where(known[..., 0], share, 0), 0, 1)
    grey = frame @ np.array([0.299, 0.587, 0.114])
    weight = (0.25 + 0.5 * share)[..., None]
    mixed = (1 - weight) * grey[..., None] + weight * colours(share)
    return np.where(known, mixed.round().astype(np.uint8), frame)


def legend(width: int, scale: tuple[float, float]) -> np.ndarray:
    """uint8 [STRIP, width, 3]: the colours from low to high, with their numbers and what they mean."""
    strip = np.full((STRIP, width, 3), 16, np.uint8)
    strip[4:14, 8 : width - 8] = colours(np.linspace(0, 1, width - 16))
    image = Image.fromarray(strip)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(11)
    for text, x, anchor in (
        (f"{scale[0]:.2f}", 8, "la"), ("surprise", width / 2, "ma"), (f"{scale[1]:.2f}", width - 8, "ra")
    ):  # fmt: skip
        draw.text((x, 17), text, fill=(230, 230, 230), font=font, anchor=anchor)
    return np.asarray(image)
