"""Where and when a video is surprising: the surprise of tokens laid back over frames and patches.

Windows overlap; where several looked, their surprises are averaged. Where none predicted, the map is NaN.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from torch import Tensor


@dataclass(frozen=True)
class SurpriseMap:
    """values [T, G, G], fp32: one row for every frame of the video; box: the pixels it covers, (top, left, height,
    width) of each frame."""

    values: np.ndarray
    box: tuple[int, int, int, int]

    @staticmethod
    def of(folded: np.ndarray, seen: np.ndarray, shape: tuple[int, ...], resize: str) -> SurpriseMap:
        """Of the map of the frames that were `seen`, indices into a video of shape (T, H, W); others show the last."""
        T, H, W = shape
        short = min(H, W)
        box = ((H - short) // 2, (W - short) // 2, short, short) if resize == "crop" else (0, 0, H, W)
        return SurpriseMap(folded[np.searchsorted(seen, np.arange(T), side="right") - 1], box)


def fold(layers: Iterable[tuple[int, Tensor]], frames: int, tubelet: int, grid: int) -> np.ndarray:
    """[frames, grid, grid] of (first frame of the window, surprise of its tokens [contexts, tokens], NaN if given)."""
    total, count = np.zeros((frames, grid, grid)), np.zeros((frames, grid, grid))
    for start, tokens in layers:
        layer = tokens.float().cpu().numpy().reshape(len(tokens), -1, grid, grid).repeat(tubelet, axis=1)
        known = ~np.isnan(layer)
        where = slice(start, start + layer.shape[1])
        total[where] += np.where(known, layer, 0).sum(0)
        count[where] += known.sum(0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)
