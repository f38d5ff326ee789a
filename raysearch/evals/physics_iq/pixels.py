"""Motion masks and resizing, in the integers of the official scorer: its OpenCV calls restated in numpy, bit for bit.

A mask marks what differs by more than 10 grey levels from a running average that has already taken in the frame. Sizes
are in pixels and the average runs per frame, so masks depend on the resolution and frame rate of a clip.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np

RATE, LEVELS, SQUARE = 0.3, 10, 5
_GREY = np.array([9798, 19235, 3735], np.float32)  # of R, G, B, in 1 / 32768


def masks(frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Motion mask, bool [H, W], of each frame, uint8 [H, W, 3]; the first is empty."""
    average = None
    for frame in frames:
        smooth = blur(grey(frame))
        if average is None:
            average = smooth.astype(np.float64)
            yield np.zeros(smooth.shape, bool)
            continue
        average *= 1 - RATE
        average += smooth * RATE
        # through float32, as the official conversion goes: values on .5 are frequent and round to even
        ground = np.rint(average.astype(np.float32)).astype(np.int16)
        ground -= smooth
        yield close(open_(np.abs(ground, out=ground) > LEVELS))


def grey(frame: np.ndarray) -> np.ndarray:
    """uint8 [H, W] of RGB uint8 [H, W, 3]; sums stay below 2^24, so float32 adds them exactly."""
    total = frame.reshape(-1, 3).astype(np.float32) @ _GREY
    total += 1 << 14
    total *= 2.0**-15
    return total.astype(np.uint8).reshape(frame.shape[:2])


def blur(image: np.ndarray) -> np.ndarray:
    """Binomial 5 x 5, rounded half up, mirrored at the border without repeating it; uint8 [H, W]."""
    wide = np.pad(image, 2, mode="reflect").astype(np.uint16)
    rows = _five(wide[:-4], wide[1:-3], wide[2:-2], wide[3:-1], wide[4:])
    both = _five(rows[:, :-4], rows[:, 1:-3], rows[:, 2:-2], rows[:, 3:-1], rows[:, 4:])
    both += 128
    return (both >> 8).astype(np.uint8)


def _five(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray, e: np.ndarray) -> np.ndarray:
    """(1, 4, 6, 4, 1); at most 16 * 16 * 255, which uint16 holds."""
    out = b + d
    out <<= 2
    out += a
    out += e
    out += c * np.uint16(6)
    return out


def open_(mask: np.ndarray) -> np.ndarray:
    """Erosion, then dilation, by a square; beyond the border is neutral."""
    return _grow(~_grow(~mask))


def close(mask: np.ndarray) -> np.ndarray:
    """Dilation, then erosion, by a square; beyond the border is neutral."""
    return ~_grow(~_grow(mask))


def _grow(mask: np.ndarray) -> np.ndarray:
    """Dilation of bool [H, W] by a square of SQUARE pixels."""
    half = SQUARE // 2
    for axis in (0, 1):
        out = mask.copy()
        source, target = (mask, out) if axis == 0 else (mask.T, out.T)
        for k in range(1, half + 1):
            target[k:] |= source[:-k]
            target[:-k] |= source[k:]
        mask = out
    return mask


def resize(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """Bilinear without smoothing, in 11-bit fixed point, of uint8 [H, W] or [H, W, C]."""
    high, wide = image.shape[:2]
    if (high, wide) == (height, width):
        return image
    if (high, wide) == (2 * height, 2 * width):  # here the official call averages areas
        i = image.astype(np.uint16)
        return ((i[::2, ::2] + i[1::2, ::2] + i[::2, 1::2] + i[1::2, 1::2] + 2) >> 2).astype(np.uint8)
    if (high, wide) == (4 * height, 4 * width):  # half of each of the two middle rows and columns
        above, below = image[1::4].astype(np.uint16), image[2::4].astype(np.uint16)
        total = above[:, 1::4] + above[:, 2::4] + below[:, 1::4] + below[:, 2::4]
        return ((total + 2) >> 2).astype(np.uint8)
    channels = image.shape[2] if image.ndim == 3 else 1
    x0, x1, ax, bx = _taps(wide, width, channels, True)
    y0, y1, ay, by = _taps(high, height, 1, False)
    whole = np.ascontiguousarray(image).reshape(high, -1).view(f"V{channels}")  # so that a pixel moves as one
    across = np.multiply(whole.take(x0, axis=1, mode="clip").view(np.uint8), ax, dtype=np.int32)
    across += np.multiply(whole.take(x1, axis=1, mode="clip").view(np.uint8), bx, dtype=np.int32)
    across >>= 4
    out = np.empty((height, width * channels), np.uint8)
    line, other = np.empty((2, width * channels), np.int32)
    for y, (above, below, a, b) in enumerate(zip(*(t.tolist() for t in (y0, y1, ay, by)), strict=True)):
        np.multiply(across[above], a, out=line)  # line by line, which stays in the cache
        np.multiply(across[below], b, out=other)
        line >>= 16
        other >>= 16
        line += other
        line += 2
        line >>= 2
        out[y] = line
    return out.reshape(height, width, *image.shape[2:])


@lru_cache(maxsize=16)
def _taps(
    source: int, target: int, channels: int, whole: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The two pixels of each target pixel along one axis, and their weights in 1 / 2048.

    whole: at the border all weight lies on the last pixel, as along rows; else it stays split between twice that pixel,
    as along columns, where each part is then cut off by itself. Weights are repeated for each channel.
    """
    at = ((np.arange(target) + 0.5) * (1 / (target / source)) - 0.5).astype(np.float32)  # the factor as OpenCV has it
    low = np.floor(at).astype(np.int64)
    part = at - low.astype(np.float32)
    if whole:
        part = np.where((low < 0) | (low >= source - 1), np.float32(0), part)
    second = np.rint(part * np.float32(2048)).astype(np.int32)
    first = np.rint((1 - part) * np.float32(2048)).astype(np.int32)
    pixels = low.clip(0, source - 1), (low + 1).clip(0, source - 1)
    return *pixels, first.repeat(channels), second.repeat(channels)
