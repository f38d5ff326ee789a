"""Surprise maps: the surprise of tokens, put back where their frames and patches are.

Windows overlap; where several predicted the same place, their surprises are averaged. Where none did, the map is NaN.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from torch import Tensor

from raysearch.rewards.base import SurpriseMap


def fold(layers: Iterable[tuple[int, Tensor]], frames: int, tubelet: int, grid: int) -> np.ndarray:
    """Average the tokens of overlapping windows.

    Args:
        layers: for each window its first frame, and the surprise of its tokens [contexts, tokens], NaN where given.
        frames: the number of frames that are seen.
        tubelet: frames per token.
        grid: patches per side.

    Returns:
        The map of the frames that are seen, fp32 [frames, grid, grid].
    """
    total, count = np.zeros((frames, grid, grid)), np.zeros((frames, grid, grid))
    for start, tokens in layers:
        layer = tokens.float().cpu().numpy().reshape(len(tokens), -1, grid, grid).repeat(tubelet, axis=1)
        known = ~np.isnan(layer)
        where = slice(start, start + layer.shape[1])
        total[where] += np.where(known, layer, 0).sum(0)
        count[where] += known.sum(0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


def spread(folded: np.ndarray, seen: np.ndarray, shape: tuple[int, ...], resize: str) -> SurpriseMap:
    """The map of a whole video from that of its seen frames.

    Args:
        folded: the map of the seen frames, [seen, G, G].
        seen: their indices in the video, ascending; a frame that is not seen gets the map of the last one before it.
        shape: (T, H, W) of the video.
        resize: `crop` if only the centre square is seen, else `squash`.
    """
    T, H, W = shape
    short = min(H, W)
    box = ((H - short) // 2, (W - short) // 2, short, short) if resize == "crop" else (0, 0, H, W)
    return SurpriseMap(folded[np.searchsorted(seen, np.arange(T), side="right") - 1], box)
