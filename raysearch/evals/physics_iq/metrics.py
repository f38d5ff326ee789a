"""The four measures between two clips of the same size: three overlaps of motion masks, and the mean squared error.

A `Reduced` clip is what they need: frames at a quarter of the real size, masks as bits. Sums are of integers, so the
same clips give the same numbers on every machine. Between frames without any motion an overlap is 1 by definition.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from raysearch.evals.physics_iq import clips, pixels

_BITS = np.array([bin(i).count("1") for i in range(256)], np.uint8)
CHUNK = 256  # squares of 8-bit differences whose sum float32 holds exactly: 255^2 * 256 < 2^24


@dataclass(frozen=True)
class Reduced:
    """What the measures need of a clip.

    Attributes:
        frames: T frames, uint8 [h, w, 3], at a quarter of the real size.
        masks: Bits of the motion masks [T, h * w], packed along the last axis.
        often: Number of frames in which each pixel moves, int16 [h * w].
    """

    frames: Sequence[np.ndarray]
    masks: np.ndarray
    often: np.ndarray


def reduce(
    frames: Iterable[np.ndarray], fps: int, width: int, height: int, masks: Iterable[np.ndarray] | None = None
) -> Reduced:
    """Reduce a clip to what the measures need.

    Args:
        frames: Frames at the size of the clip, uint8 [H, W, 3].
        fps: Frames per second.
        width: Width to reduce to.
        height: Height to reduce to.
        masks: Grey levels of masks to use in place of ours, one image per frame.

    Returns:
        The reduced clip.
    """
    small: list[np.ndarray] = []

    def seen() -> Iterable[np.ndarray]:
        for frame in frames:
            small.append(pixels.resize(frame, width, height))
            yield frame

    made = clips.through_mp4v(pixels.masks(seen()), fps)
    if masks is not None:
        small = [pixels.resize(f, width, height) for f in frames]
        made = islice(iter(masks), len(small))
    bits, often = [], np.zeros(width * height, np.int16)
    for grey in made:
        mask = pixels.above_half(grey, width, height).ravel()
        often += mask
        bits.append(np.packbits(mask))
    return Reduced(small, np.stack(bits), often)


def compare(a: Reduced, b: Reduced) -> dict[str, list[float] | float]:
    """spatiotemporal_iou and mse per frame, spatial_iou and weighted_spatial_iou of the clip."""
    both, either = (_count(a.masks & b.masks), _count(a.masks | b.masks))
    least, most = np.minimum(a.often, b.often), np.maximum(a.often, b.often)
    return {
        "spatiotemporal_iou": [_share(i, u) for i, u in zip(both.tolist(), either.tolist(), strict=True)],
        "spatial_iou": _share(int(np.count_nonzero(least)), int(np.count_nonzero(most))),
        "weighted_spatial_iou": _share(int(least.sum(dtype=np.int64)), int(most.sum(dtype=np.int64))),
        "mse": [squared(x, y) for x, y in zip(a.frames, b.frames, strict=True)],
    }


def squared(a: np.ndarray, b: np.ndarray) -> float:
    """Mean squared difference of two uint8 images, in units where white is 1."""
    x, y, total = a.reshape(-1), b.reshape(-1), 0.0
    step = CHUNK * 1024  # worked on at a time, so that it stays in the cache
    for k in range(0, x.size, step):
        values = np.maximum(x[k : k + step], y[k : k + step])
        values -= np.minimum(x[k : k + step], y[k : k + step])
        each = values.astype(np.float32)
        whole = each[: each.size // CHUNK * CHUNK].reshape(-1, CHUNK)
        total += float(np.einsum("ij,ij->i", whole, whole).sum(dtype=np.float64))
        total += float(np.square(each[whole.size :]).sum(dtype=np.float64))
    return total / (x.size * 255.0**2)


def _count(bits: np.ndarray) -> np.ndarray:
    """Bits set in each row."""
    counts: np.ndarray = np.bitwise_count(bits) if hasattr(np, "bitwise_count") else _BITS[bits]
    total: np.ndarray = counts.sum(1, dtype=np.int64)
    return total


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0
