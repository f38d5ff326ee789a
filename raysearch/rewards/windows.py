"""Windows of videos: told apart by their content, judged so many at a time, remembered.

Invariant: what is found for a window depends on its own pixels and on how many windows its video has, on nothing else.
A filled batch has a shape that follows from that number, for the arithmetic of a network may depend on the shape of its
input; what was found is kept by the content of the window, so candidates that were copied, and windows inside a given
prefix, are judged once.
"""

from __future__ import annotations

import hashlib
import math
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from raysearch.devices import out_of_memory
from raysearch.errors import UsageError

K = TypeVar("K")


def keys(frames_THWC: np.ndarray, starts: Iterable[int], window: int) -> list[bytes]:
    """A key for every window, equal only where all pixels are. Every frame is hashed once."""
    kind = f"{frames_THWC.dtype}{frames_THWC.shape[1:]}".encode()
    each = [hashlib.blake2b(np.ascontiguousarray(f).data, digest_size=16).digest() for f in frames_THWC]
    return [hashlib.blake2b(kind + b"".join(each[s : s + window]), digest_size=16).digest() for s in starts]


class Remembered:
    """The last `capacity` results by key; the least recently used goes first. hits: how often it knew."""

    def __init__(self, capacity: int):
        self.capacity, self.hits = capacity, 0
        self._found: OrderedDict[bytes, float] = OrderedDict()

    def get(self, key: bytes) -> float | None:
        if key not in self._found:
            return None
        self.hits += 1
        self._found.move_to_end(key)
        return self._found[key]

    def put(self, key: bytes, value: float) -> None:
        self._found[key] = value
        if len(self._found) > self.capacity:
            self._found.popitem(last=False)


class Batches:
    """Applies a function to clips, `size` at a time at most. Out of memory, it halves `size`, says so and goes on.

    filled: always exactly as many as asked for, filled up with copies, so that bits do not depend on company.
    """

    def __init__(self, size: int, filled: bool = True):
        self.size, self.filled = size, filled

    def even(self, windows: int) -> int:
        """How many of a video's windows go at a time, so that few places are left to be filled."""
        return math.ceil(windows / math.ceil(windows / self.size))

    def run(
        self, judge: Callable[[Tensor], Tensor], clips: Iterable[tuple[K, Tensor]], size: int | None = None
    ) -> Iterator[tuple[K, Tensor]]:
        """judge([n, ...]) -> [n, ...], as (key, result) of each of the (key, clip), in order; n: `size`, or less."""
        waiting: list[tuple[K, Tensor]] = []
        for item in clips:
            waiting.append(item)
            if len(waiting) >= self._now(size):
                yield from self._batch(judge, waiting, size)
                waiting = []
        yield from self._batch(judge, waiting, size)

    def _now(self, size: int | None) -> int:
        return min(size or self.size, self.size)

    def _batch(
        self, judge: Callable[[Tensor], Tensor], items: list[tuple[K, Tensor]], size: int | None
    ) -> Iterator[tuple[K, Tensor]]:
        while items:
            now = items[: self._now(size)]
            found = self._try(judge, [clip for _, clip in now], self._now(size))
            if found is not None:
                yield from zip((key for key, _ in now), found[: len(now)], strict=True)
                items = items[len(now) :]

    def _try(self, judge: Callable[[Tensor], Tensor], clips: list[Tensor], size: int) -> Tensor | None:
        """None if the memory did not suffice and `size` is now smaller."""
        try:
            copies = [clips[-1]] * (size - len(clips)) if self.filled else []
            return judge(torch.stack(clips + copies))
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
            if size == 1:
                raise UsageError(
                    "the memory does not suffice for a single window of the reward: "
                    "choose a smaller reward.model, or reward.dtype=bfloat16"
                ) from None
        self.size = size // 2
        warnings.warn(f"reward: out of memory; from now on {self.size} windows at a time", RuntimeWarning, stacklevel=2)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return None


def fitting(peak: Callable[[int], int], room: int, most: int) -> int:
    """The largest power of two of windows, up to `most`, that `room` bytes hold, from what one and two take.

    peak: judges so many windows and returns the bytes it took at the highest.
    """
    try:
        one = peak(1)
        each = max(peak(2) - one, 1)
    except RuntimeError as error:
        if not out_of_memory(error):
            raise
        return 1
    fits, size = 1 + (room - one) // each, 1
    while 2 * size <= min(most, fits):
        size *= 2
    return size
