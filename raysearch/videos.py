"""Videos in and out: uint8 arrays [frames, height, width, rgb] and H.264 in mp4. Knows nothing of models."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np

from raysearch import decoding_process as process
from raysearch.errors import UsageError

MOST_BYTES = 4 * 2**30  # of the frames of one file
MOST_COPIES = 10_000  # of one frame, when resampling
SHOWN = 256  # videos smaller than this are enlarged by a whole factor, without smoothing, so that they can be watched


def encode(frames_THWC: np.ndarray, fps: float, quality: int = 12, enlarge: bool = True) -> bytes:
    """An mp4 file, H.264 4:2:0. quality is x264's crf, 0 (lossless) to 51. Same frames, same bytes."""
    frames = np.ascontiguousarray(frames_THWC)
    if enlarge and (k := SHOWN // min(frames.shape[1:3])) > 1:
        frames = frames.repeat(k, 1).repeat(k, 2)
    height, width = (n - n % 2 for n in frames.shape[1:3])  # 4:2:0 needs even sizes
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        # mbtree off: with AVX-512 it gives other bytes each time
        stream.options = {"crf": str(quality), "threads": "1", "preset": "medium", "x264-params": "mbtree=0"}
        for frame in frames[:, :height, :width]:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        out.mux(stream.encode())
    return buffer.getvalue()


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


def decode(source: str | os.PathLike | bytes) -> tuple[np.ndarray, float]:
    """All frames, uint8 [frames, height, width, 3], and frames per second. Raises UsageError if it is no video."""
    clip = read(source)
    return clip.frames, clip.fps


def read(
    source: str | os.PathLike | bytes, kind: str = "video", fps: float | None = None, most: int | None = None
) -> Clip:
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
    answers = process.ask(source, kind)
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
        self.fps, self.made, self.held = fps, 0, None
        self.start: float | None = None
        self.at, self.step = 0.0, 0.0

    def add(self, time: float | None, pixels: np.ndarray) -> list[np.ndarray]:
        if time is None:
            raise UsageError("the file gives no times for its frames, so it cannot be resampled; re-encode it")
        if self.start is None:
            self.start = time
        frames = self._until(time - self.start)
        self.step, self.at, self.held = time - self.start - self.at, time - self.start, pixels
        return frames

    def end(self, rate: float) -> list[np.ndarray]:
        return self._until(self.at + (1 / rate if rate else self.step))

    def _until(self, time: float) -> list[np.ndarray]:
        frames = []
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


def facts(source: str | os.PathLike | bytes) -> dict[str, Any]:
    """codec, fps, frames, width, height, duration_s as the header of a film of raysearch tells them.

    Raises UsageError for a file that is no video. Only for files that raysearch wrote: they are opened in this process.
    """
    try:
        with av.open(io.BytesIO(source) if isinstance(source, bytes) else os.fspath(source)) as file:
            stream = file.streams.video[0]
            codec, duration = stream.codec_context.name, file.duration
            fps, count = float(stream.average_rate or stream.guessed_rate or 0), stream.frames
            width, height = stream.width, stream.height
    except (av.FFmpegError, IndexError, ValueError) as error:
        raise UsageError(f"not a video that can be read ({type(error).__name__}: {error})") from None
    return {
        "codec": codec, "fps": int(fps) if fps == int(fps) else fps, "frames": count or len(read(source).frames),
        "width": width, "height": height, "duration_s": None if duration is None else duration / av.time_base,
    }  # fmt: skip


def read_image(path: str | os.PathLike) -> np.ndarray:
    """uint8 [height, width, 3], upright, on the background where transparent. Raises UsageError if it is no image."""
    return read(path, "image").frames[0]
