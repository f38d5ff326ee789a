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


@dataclass(frozen=True)
class Reduced:
    """frames: T of uint8 [h, w, 3]; masks: bits of [T, h * w], packed along the last axis."""

    frames: Sequence[np.ndarray]
    masks: np.ndarray


def reduce(frames: Iterable[np.ndarray], fps: int, width: int, height: int, masks: Iterable | None = None) -> Reduced:
    """Frames [H, W, 3] of a clip, at its own size, to what is measured. masks: grey levels to use in place of ours."""
    small: list[np.ndarray] = []

    def seen() -> Iterable[np.ndarray]:
        for frame in frames:
            small.append(pixels.resize(frame, width, height))
            yield frame

    made = clips.through_mp4v(pixels.masks(seen()), fps)
    if masks is not None:
        small = [pixels.resize(f, width, height) for f in frames]
        made = islice(iter(masks), len(small))
    bits = [np.packbits(pixels.resize(m, width, height) > 127) for m in made]
    return Reduced(small, np.stack(bits))


def compare(a: Reduced, b: Reduced) -> dict[str, list[float] | float]:
    """spatiotemporal_iou and mse per frame, spatial_iou and weighted_spatial_iou of the clip."""
    both, either = _BITS[a.masks & b.masks].sum(1, dtype=np.int64), _BITS[a.masks | b.masks].sum(1, dtype=np.int64)
    ever = [np.bitwise_or.reduce(m.masks, 0) for m in (a, b)]
    often = [np.unpackbits(m.masks, axis=1).sum(0, dtype=np.int64) for m in (a, b)]
    return {
        "spatiotemporal_iou": [_share(i, u) for i, u in zip(both.tolist(), either.tolist(), strict=True)],
        "spatial_iou": _share(int(_BITS[ever[0] & ever[1]].sum()), int(_BITS[ever[0] | ever[1]].sum())),
        "weighted_spatial_iou": _share(int(np.minimum(*often).sum()), int(np.maximum(*often).sum())),
        "mse": [squared(x, y) for x, y in zip(a.frames, b.frames, strict=True)],
    }


def squared(a: np.ndarray, b: np.ndarray) -> float:
    """Mean squared difference of two uint8 images, in units where white is 1."""
    difference = np.maximum(a, b)
    difference -= np.minimum(a, b)
    values = difference.ravel().astype(np.float32)
    # parts whose sums of squares float32 holds exactly: 255^2 * 256 < 2^24
    whole = values[: len(values) // 256 * 256].reshape(-1, 256)
    total = np.einsum("ij,ij->i", whole, whole).sum(dtype=np.float64) + np.square(values[whole.size :]).sum(dtype=float)
    return float(total) / (values.size * 255.0**2)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0
