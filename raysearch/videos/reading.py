"""Read videos and images as uint8 arrays [frames, height, width, rgb]; docs/videos.md states the rules.

Everything reads through `Reading`, which gives one frame after the other, so memory is taken for what is kept.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from raysearch.errors import UsageError
from raysearch.videos.process import Source, ask
from raysearch.videos.resampling import Resampler, seconds, uneven

MOST_BYTES = 4 * 2**30  # of the frames of one file
NOTHING = np.empty((0, 0, 3), np.uint8)  # stands for a frame whose pixels are not asked for


@dataclass(frozen=True)
class About:
    """What is known of a video once it has been read, or as far as it has been.

    Attributes:
        count: the number of frames.
        height: in square pixels, upright.
        width: likewise.
        fps: mean rate of the frames per second, 0 where the file does not say.
        uneven: whether intervals between frames differ by over a fifth.
        promised: how many frames the file says it shows, 0 where it does not say.
        notes: what a user should know about how the file was read.
    """

    count: int
    height: int
    width: int
    fps: float
    uneven: bool
    promised: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Clip(About):
    """A video in memory: `frames`, uint8 [count, height, width, 3], or of another size where frames were reduced."""

    frames: np.ndarray


class Reading:
    """The frames of a file, decoded in a process of its own, one after the other."""

    def __init__(
        self, source: Source, kind: str = "video", fps: float | None = None, most: int | None = None,
        pixels: bool = True,
    ):  # fmt: skip
        """Prepare to read.

        Args:
            source: a path, or the bytes of a file.
            kind: `video` or `image`.
            fps: resample to this rate: each frame is the one shown at its time. None keeps the frames of the file.
            most: at most this number of frames, after resampling.
            pixels: False gives frames without pixels, to learn what there is.
        """
        self.name = "<bytes>" if isinstance(source, bytes) else os.fspath(source)
        self.source, self.kind, self.fps, self.most, self.pixels = source, kind, fps, most, pixels
        self.count, self.size, self.rate = 0, (0, 0), 0.0
        self.times: list[float | None] = []
        self.end: dict[str, Any] = {}

    def __iter__(self) -> Iterator[np.ndarray]:
        """Frames, uint8 [height, width, 3].

        Raises:
            UsageError: for a file that cannot be read, or is cut short; the latter is known at the end.
        """
        with closing(self._frames()) as frames:
            for frame in frames:
                self.count += 1
                yield frame
                if self.fps and self.count == self.most:
                    break
        if self.count != self.most:
            self._check_length()

    def _frames(self) -> Generator[np.ndarray, None, None]:
        resampler = Resampler(self.fps) if self.fps else None
        answers = ask(self.source, self.kind, pixels=self.pixels, most=None if resampler else self.most)
        try:
            for facts, pixels in answers:
                self.rate = float(Fraction(facts["fps"]))
                if "end" in facts:
                    self.end = facts
                    break
                self.times.append(facts["time"])
                self.size = tuple(facts["size"] if pixels is None else pixels.shape[:2])
                frame = NOTHING if pixels is None else pixels
                yield from [frame] if resampler is None else resampler.add(facts["time"], frame)
            yield from resampler.end(self.rate) if resampler else []
        except UsageError as error:
            raise UsageError(str(error) if self.name in str(error) else f"{self.name}: {error}") from None
        finally:
            answers.close()

    def about(self) -> dict[str, Any]:
        """The fields of About, as far as the file has been read."""
        promised, read = self.end.get("promised", 0), len(self.times)
        notes = list(self.end.get("notes", []))
        if self.kind == "video" and self.count != self.most and read < promised - 1:
            notes.append(f"{read} of {promised} frames can be read")
        return {
            "count": self.count, "height": self.size[0], "width": self.size[1], "fps": self.fps or self.rate,
            "uneven": uneven(self.times), "promised": promised, "notes": tuple(notes),
        }  # fmt: skip

    def _check_length(self) -> None:
        if not self.count:
            raise UsageError(f"{self.name}: the file holds no video frames")
        if self.kind == "image":
            return
        promised, lasts = self.end["promised"], self.end["seconds"]
        if len(self.times) < 0.9 * promised:
            raise UsageError(
                f"{self.name}: the file is cut short: {len(self.times)} of its {promised} frames can be read"
            )
        if not promised and (lasted := seconds(self.times, self.rate)) < 0.9 * lasts:
            raise UsageError(f"{self.name}: the file is cut short: {lasted:.2f} of its {lasts:.2f} s can be read")
        if self.end["cut"]:
            raise UsageError(f"{self.name}: the file is cut short: its end is missing; {self.count} frames can be read")


def read(
    source: Source, kind: str = "video", fps: float | None = None, most: int | None = None,
    each: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Clip:  # fmt: skip
    """A video or an image in memory; docs/videos.md states the rules.

    Args:
        source: a path, or the bytes of a file.
        kind: `video` or `image`.
        fps: resample to this rate: each frame is the one shown at its time. None keeps the frames of the file.
        most: read at most this number of frames, after resampling.
        each: applied to each frame as it comes, so that no more is kept than what it returns.

    Raises:
        UsageError: for a file that cannot be read, is cut short, or is too large.
    """
    reading = Reading(source, kind, fps, most)
    frames: list[np.ndarray] = []
    held = 0
    for frame in reading if each is None else map(each, reading):
        frames.append(frame)
        held += frame.nbytes
        if held > MOST_BYTES:
            raise UsageError(f"{reading.name}: its frames take over {MOST_BYTES >> 30} GiB in memory; cut or shrink it")
    return Clip(frames=np.stack(frames), **reading.about())


def scan(source: Source, kind: str = "video", fps: float | None = None, most: int | None = None) -> About:
    """What `read` would find, without pixels: takes no memory and less time. Arguments and errors as of `read`."""
    reading = Reading(source, kind, fps, most, pixels=False)
    for _ in reading:
        pass
    return About(**reading.about())


def decode(source: Source) -> tuple[np.ndarray, float]:
    """All frames, uint8 [frames, height, width, 3], and frames per second; notes go to standard error.

    Raises:
        UsageError: if it is no video.
    """
    clip = read(source)
    name = "<bytes>" if isinstance(source, bytes) else os.fspath(source)
    if clip.uneven:
        tell(f"{name}: its frame times are uneven; its frames are taken as if they were even")
    for note in clip.notes:
        tell(f"{name}: {note}")
    return clip.frames, clip.fps


def read_image(path: Source) -> np.ndarray:
    """uint8 [height, width, 3], upright, on white where transparent; notes go to standard error.

    Raises:
        UsageError: if it is no image.
    """
    picture = read(path, "image")
    for note in picture.notes:
        tell(f"{'<bytes>' if isinstance(path, bytes) else os.fspath(path)}: {note}")
    image: np.ndarray = picture.frames[0]
    return image


@lru_cache(maxsize=4096)
def tell(line: str) -> None:
    """Print a line on standard error, once in a process."""
    print(f"raysearch: {line}", file=sys.stderr, flush=True)
