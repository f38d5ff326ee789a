"""Frames at an even rate from frames with times, and what the times of frames tell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from raysearch.errors import UsageError

MOST_COPIES = 10_000  # of one frame
ROUNDED = 1e-3  # seconds; some containers round times to a thousandth


class Resampler:
    """Frames at an even rate, each the one that the file shows at that time."""

    def __init__(self, fps: float):
        self.fps, self.made = fps, 0
        self.slack = min(ROUNDED, 0.25 / fps)
        self.held: np.ndarray | None = None
        self.start: float | None = None
        self.at, self.step = 0.0, 0.0

    def add(self, time: float | None, pixels: np.ndarray) -> list[np.ndarray]:
        """Take the next frame and its time in seconds; returns the frames of the even rate that lie before it."""
        if time is None:
            raise UsageError("the file gives no times for its frames, so it cannot be resampled; re-encode it")
        if self.start is None:
            self.start = time
        frames = self._until(time - self.start)
        self.step, self.at, self.held = time - self.start - self.at, time - self.start, pixels
        return frames

    def end(self, rate: float) -> list[np.ndarray]:
        """The remaining frames, where the last one is shown for 1 / rate seconds."""
        return self._until(self.at + (1 / rate if rate else self.step))

    def _until(self, time: float) -> list[np.ndarray]:
        frames: list[np.ndarray] = []
        while self.held is not None and self.made / self.fps < time - self.slack:
            if len(frames) >= MOST_COPIES:
                raise UsageError(f"a frame is shown for over {MOST_COPIES / self.fps:g} s; cut the file")
            frames.append(self.held)
            self.made += 1
        return frames


def seconds(times: Sequence[float | None], rate: float) -> float:
    """From the first frame to the end of the last; without limit where that cannot be known.

    Args:
        times: of the frames, in seconds.
        rate: frames per second, 0 where it is not known; the length of a single frame.
    """
    known = [t for t in times if t is not None]
    if len(known) > 1:
        return known[-1] - known[0] + float(np.diff(known).max())
    return 1 / rate if known and rate else float("inf")


def uneven(times: Sequence[float | None]) -> bool:
    """Whether intervals between frames differ by over a fifth, and by more than the rounding of containers."""
    known = np.array([t for t in times if t is not None])
    if len(known) < 3:
        return False
    apart = np.diff(known)
    return bool(np.abs(apart - np.median(apart)).max() > max(0.2 * np.median(apart), 1.5 * ROUNDED))
