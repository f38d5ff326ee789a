"""Finished candidates as they were decoded for their score, so that a film of one needs no second decode.

Whole frames are large (Wan at 480p: 116 MB), so they are kept up to a number of bytes, the last ones; a film whose
frames are not kept any more is decoded again, with the same bits.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Generic, TypeVar

LIMIT = 2**30  # bytes for each generator replica

T = TypeVar("T")


class Decoded(Generic[T]):
    """Frames, or references to them, by the key of their state.

    Args:
        limit: bytes that are kept at most.
    """

    def __init__(self, limit: int):
        self._limit, self._bytes = limit, 0
        self._kept: OrderedDict[str, tuple[T, int]] = OrderedDict()

    def keep(self, key: str, frames: T, size: int) -> None:
        """Keep the frames of a state, and drop the oldest of others where there is no room. size: in bytes."""
        self.forget([key])
        if size > self._limit:
            return
        self._kept[key], self._bytes = (frames, size), self._bytes + size
        while self._bytes > self._limit:
            self.forget([next(iter(self._kept))])

    def get(self, key: str) -> T | None:
        """The frames of a state; None if they are not kept."""
        return self._kept[key][0] if key in self._kept else None

    def forget(self, keys: Iterable[str]) -> None:
        """Drop frames."""
        for key in keys:
            _, size = self._kept.pop(key, (None, 0))
            self._bytes -= size
