"""Read videos and images as uint8 arrays [frames, height, width, rgb]; docs/videos.md states the rules."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from raysearch.errors import UsageError
from raysearch.videos.process import Source, ask

MOST_BYTES = 4 * 2**30  # of the frames of one file
MOST_COPIES = 10_000  # of one frame, when resampling


@dataclass(frozen=True)
class Clip:
    """A video in memory.

    Attributes:
        frames: uint8 [frames, height, width, 3], upright, of square pixels.
        fps: mean rate of the frames per second, 0 where the file does not say.
        uneven: whether intervals between frames differ by over a fifth.
        promised: how many frames the file says it shows, 0 where it does not say.
        notes: what a user should know about how the file was read.
    """

    frames: np.ndarray
    fps: float
    uneven: bool
    promised: int
    notes: tuple[str, ...] = ()


def decode(source: Source) -> tuple[np.ndarray, float]:
    """All frames, uint8 [frames, height, width, 3], and frames per second. Raises UsageError if it is no video."""
    clip = read(source)
    return clip.frames, clip.fps


def read(source: Source, kind: str = "video", fps: float | None = None, most: int | None = None) -> Clip:
    """A video or an image, decoded in a process of its own; docs/videos.md states the rules.

    Args:
        source: a path, or the bytes of a file.
        kind: `video` or `image`.
        fps: resample to this rate: each frame is the one shown at its time. None keeps the frames of the file.
        most: read at most this number of frames, after resampling.

    Raises:
        UsageError: for a file that cannot be read, is cut short, or is too large.
    """
    name = "<bytes>" if isinstance(source, bytes) else os.fspath(source)
    frames: list[np.ndarray] = []
    times: list[float | None] = []
    held, seen, last = 0, 0, dict[str, Any]()
    resampler = Resampler(fps) if fps else None
    answers = ask(source, kind)
    try:
        for facts, pixels in answers:
            if pixels is None:
                last = facts
                break
            seen += 1
            times.append(facts["time"])
            new = [pixels] if resampler is None else resampler.add(facts["time"], pixels)
            frames += new
            held += sum(f.nbytes for f in new)
            if held > MOST_BYTES:
                raise UsageError(f"{name}: its frames take over {MOST_BYTES >> 30} GiB in memory; cut or shrink it")
            if most is not None and len(frames) >= most:
                break
    finally:
        answers.close()
    rate, promised = float(Fraction(last.get("fps", "0"))), last.get("promised", 0)
    if last and resampler is not None:
        frames += resampler.end(rate)
    if not frames:
        raise UsageError(f"{name}: the file holds no video frames")
    if last and kind == "video" and seen < 0.9 * promised:
        raise UsageError(f"{name}: the file is cut short: {seen} of its {promised} frames can be read")
    lasted = _seconds(times)
    if last and kind == "video" and not promised and lasted < 0.9 * (seconds := last["seconds"]):
        raise UsageError(f"{name}: the file is cut short: {lasted:.2f} of its {seconds:.2f} s can be read")
    notes = list(last.get("notes", []))
    if last and kind == "video" and seen < promised - 1:
        notes.append(f"{seen} of {promised} frames can be read")
    return Clip(np.stack(frames[:most]), fps or rate, _uneven(times), promised, tuple(notes))


class Resampler:
    """Frames at an even rate, each the one that the file shows at that time."""

    def __init__(self, fps: float):
        self.fps, self.made = fps, 0
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
        while self.held is not None and self.made / self.fps < time - 1e-4:
            if len(frames) >= MOST_COPIES:
                raise UsageError(f"a frame is shown for over {MOST_COPIES / self.fps:g} s; cut the file")
            frames.append(self.held)
            self.made += 1
        return frames


def _seconds(times: list[float | None]) -> float:
    """From the first frame to the end of the last; without limit where that cannot be known."""
    known = [t for t in times if t is not None]
    if len(known) < 2:
        return float("inf")
    return known[-1] - known[0] + float(np.diff(known).max())


def _uneven(times: list[float | None]) -> bool:
    known = np.array([t for t in times if t is not None])
    if len(known) < 3:
        return False
    apart = np.diff(known)
    return bool(np.abs(apart - np.median(apart)).max() > 0.2 * np.median(apart))


def read_image(path: str | os.PathLike[str]) -> np.ndarray:
    """uint8 [height, width, 3], upright, on the background where transparent. Raises UsageError if it is no image."""
    image: np.ndarray = read(path, "image").frames[0]
    return image
