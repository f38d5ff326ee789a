"""Windows of videos: identified by their content, judged in batches, and their results remembered.

Invariant: the result of a window depends on its own pixels and on the number of windows of its video, on nothing else.
The shape of a filled batch follows from that number, for the arithmetic of a network may depend on the shape of its
input. Results are kept by the content of a window, so copied candidates, and windows inside a given prefix, are judged
once.
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
    """A key for every window of `window` frames from each of `starts`, equal only where all pixels are equal."""
    kind = f"{frames_THWC.dtype}{frames_THWC.shape[1:]}".encode()
    each = [hashlib.blake2b(np.ascontiguousarray(f).data, digest_size=16).digest() for f in frames_THWC]
    return [hashlib.blake2b(kind + b"".join(each[s : s + window]), digest_size=16).digest() for s in starts]


class Remembered:
    """The last `capacity` results by key; the least recently used is dropped first.

    Attributes:
        hits: how often a result was known.
    """

    def __init__(self, capacity: int):
        self.capacity, self.hits = capacity, 0
        self._results: OrderedDict[bytes, float] = OrderedDict()

    def get(self, key: bytes) -> float | None:
        """The result of a key; None where it is not known."""
        if key not in self._results:
            return None
        self.hits += 1
        self._results.move_to_end(key)
        return self._results[key]

    def put(self, key: bytes, value: float) -> None:
        """Keep a result."""
        self._results[key] = value
        if len(self._results) > self.capacity:
            self._results.popitem(last=False)


class Batches:
    """Applies a function to batches of at most `size` clips. Out of memory, it halves `size`, warns and goes on.

    Args:
        size: the most clips in a batch.
        filled: fill the last batch up with copies, so that the bits of a result do not depend on the other clips.
    """

    def __init__(self, size: int, filled: bool = True):
        self.size, self.filled = size, filled

    def even(self, windows: int) -> int:
        """The number of a video's windows per batch with the fewest copies to fill the last batch."""
        return math.ceil(windows / math.ceil(windows / self.size))

    def run(
        self, judge: Callable[[Tensor], Tensor], clips: Iterable[tuple[K, Tensor]], size: int | None = None
    ) -> Iterator[tuple[K, Tensor]]:
        """Judge clips in batches.

        Args:
            judge: from clips [n, ...] to results [n, ...].
            clips: pairs (key, clip).
            size: clips per batch; None for the most.

        Yields:
            Pairs (key, result), in order.

        Raises:
            UsageError: if not even one clip fits into memory.
        """
        waiting: list[tuple[K, Tensor]] = []
        for item in clips:
            waiting.append(item)
            if len(waiting) >= self._current(size):
                yield from self._batch(judge, waiting, size)
                waiting = []
        yield from self._batch(judge, waiting, size)

    def _current(self, size: int | None) -> int:
        return min(size or self.size, self.size)

    def _batch(
        self, judge: Callable[[Tensor], Tensor], items: list[tuple[K, Tensor]], size: int | None
    ) -> Iterator[tuple[K, Tensor]]:
        while items:
            batch = items[: self._current(size)]
            results = self._try(judge, [clip for _, clip in batch], self._current(size))
            if results is not None:
                yield from zip((key for key, _ in batch), results[: len(batch)], strict=True)
                items = items[len(batch) :]

    def _try(self, judge: Callable[[Tensor], Tensor], clips: list[Tensor], size: int) -> Tensor | None:
        """The results; None if memory ran out and `size` was halved."""
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
    """The largest power of two of windows that fits into memory, extrapolated from one window and two.

    Args:
        peak: judges the given number of windows and returns the peak of the bytes that took.
        room: the bytes there are.
        most: the most windows.
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
