"""Motion masks and resizing, in the integers of the official scorer: its OpenCV calls restated in numpy, bit for bit.

A mask marks what differs by more than 10 grey levels from a running average that has already taken in the frame. Sizes
are in pixels and the average runs per frame, so masks depend on the resolution and frame rate of a clip.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np

RATE, LEVELS, SQUARE = 0.3, 10, 5
STRIP = 32  # rows worked on at a time, so that what is in between stays in the cache
Group = tuple[np.int32, np.int32, np.ndarray, np.ndarray, np.ndarray]  # two weights, source rows above, below, target
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
        moved = np.empty(smooth.shape, bool)
        for y in range(0, len(smooth), STRIP):
            _moved(average[y : y + STRIP], smooth[y : y + STRIP], moved[y : y + STRIP])
        yield _cleaned(moved)


def _moved(average: np.ndarray, smooth: np.ndarray, out: np.ndarray) -> None:
    """Take the frame into the average, then mark what is far from it."""
    average *= 1 - RATE
    average += smooth * RATE
    # through float32, as the official conversion goes: values on .5 are frequent and round to even
    ground = average.astype(np.float32)
    np.rint(ground, out=ground)
    ground -= smooth
    np.greater(np.abs(ground, out=ground), LEVELS, out=out)


def _cleaned(mask: np.ndarray) -> np.ndarray:
    """Opened and closed; only where something is set, with room for what closing reaches."""
    out = np.zeros(mask.shape, bool)
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if len(rows):
        reach = SQUARE - 1
        box = tuple(slice(max(i[0] - reach, 0), i[-1] + reach + 1) for i in (rows, columns))
        out[box] = close(open_(mask[box]))
    return out


def grey(frame: np.ndarray) -> np.ndarray:
    """uint8 [H, W] of RGB uint8 [H, W, 3]; sums stay below 2^24, so float32 adds them exactly."""
    out = np.empty(frame.shape[:2], np.uint8)
    for y in range(0, len(frame), STRIP):
        total = frame[y : y + STRIP].astype(np.float32) @ _GREY
        total += 1 << 14
        total *= 2.0**-15
        out[y : y + STRIP] = total
    return out


def blur(image: np.ndarray) -> np.ndarray:
    """Binomial 5 x 5, rounded half up, mirrored at the border without repeating it; uint8 [H, W]."""
    wide = np.pad(image, 2, mode="reflect")
    out = np.empty_like(image)
    for y in range(0, len(image), STRIP):
        strip = wide[y : y + STRIP + 4].astype(np.uint16)  # sums reach 256 * 255, which uint16 holds
        for _ in range(4):
            strip = strip[:-1] + strip[1:]
        for _ in range(4):
            strip = strip[:, :-1] + strip[:, 1:]
        strip += 128
        strip >>= 8
        out[y : y + STRIP] = strip
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
    return _rows(image, width, height, 0, height)


def above_half(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """resize(image) > 127, bool, of an image that is black nearly everywhere: only rows that are not are resized."""
    out = np.zeros((height, width), bool)
    lit = np.flatnonzero(image.any(1))
    if len(lit):
        ratio = height / len(image)
        low, high = max(int((lit[0] - 1) * ratio) - 1, 0), min(int((lit[-1] + 2) * ratio) + 2, height)
        np.greater(_rows(image, width, height, low, high), 127, out=out[low:high])
    return out


def _rows(image: np.ndarray, width: int, height: int, low: int, high: int) -> np.ndarray:
    """Rows low to high of the resized image."""
    tall, wide = image.shape[:2]
    if (tall, wide) == (height, width):
        return image[low:high]
    if (tall, wide) == (2 * height, 2 * width):  # here the official call averages areas
        i = image[2 * low : 2 * high].astype(np.uint16)
        return ((i[::2, ::2] + i[1::2, ::2] + i[::2, 1::2] + i[1::2, 1::2] + 2) >> 2).astype(np.uint8)
    if (tall, wide) == (4 * height, 4 * width):  # half of each of the two middle rows and columns
        above, below = (image[4 * low + k : 4 * high : 4].astype(np.uint16) for k in (1, 2))
        total = above[:, 1::4] + above[:, 2::4] + below[:, 1::4] + below[:, 2::4]
        return ((total + 2) >> 2).astype(np.uint8)
    groups, first, last = _groups(tall, height, low, high)
    across = _across(image[first:last], width)
    out = np.empty((high - low, across.shape[1]), np.uint8)
    for a, b, above, below, target in groups:
        line = np.multiply(across.take(above, 0), a, dtype=np.int32)
        other = np.multiply(across.take(below, 0), b, dtype=np.int32)
        line >>= 16
        other >>= 16
        line += other
        line += 2
        line >>= 2
        out[target] = line
    return out.reshape(high - low, width, *image.shape[2:])


def _across(image: np.ndarray, width: int) -> np.ndarray:
    """Rows of uint8 [H, W(, C)] at the new width, int16 [H, width * C], in 1 / 128: (a * left + b * right) >> 4.

    With weights split, a = 16 * u + v and b = 16 * s + t, this is u * left + s * right + ((v * left + t * right) >> 4),
    which 16 bits hold.
    """
    tall, wide = image.shape[:2]
    channels = image.shape[2] if image.ndim == 3 else 1
    left, right, a, b = _taps(wide, width, channels, True)
    (u, v), (s, t) = ((w.astype(np.uint16) >> 4, w.astype(np.uint16) & 15) for w in (a, b))
    out = np.empty((tall, width * channels), np.int16)
    for y in range(0, tall, STRIP):
        # a pixel moves as one
        strip = image[y : y + STRIP].astype(np.uint16).reshape(-1, wide * channels).view(f"V{2 * channels}")
        near, far = (strip.take(x, axis=1, mode="clip").view(np.uint16) for x in (left, right))
        fine = near * v
        fine += far * t
        fine >>= 4
        near *= u
        far *= s
        near += far
        near += fine
        out[y : y + STRIP] = near
    return out


@lru_cache(maxsize=64)
def _groups(source: int, target: int, low: int, high: int) -> tuple[list[Group], int, int]:
    """Target rows low to high, those with the same weights together: (weights, source rows, target rows) of each, at
    most STRIP rows; and which source rows are needed, from and to. Source rows count from the first of these."""
    above, below, a, b = (t[low:high] for t in _taps(source, target, 1, False))
    first, groups = int(above.min()), list[Group]()
    weights = np.stack([a, b], 1)
    for pair in np.unique(weights, axis=0):
        at = np.flatnonzero((weights == pair).all(1))
        for k in range(0, len(at), STRIP):
            rows = at[k : k + STRIP]
            groups.append((np.int32(pair[0]), np.int32(pair[1]), above[rows] - first, below[rows] - first, rows))
    return groups, first, int(below.max()) + 1


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
