"""From a generated video to a clip the scorer takes: conditioning frames dropped, exactly as long and fast as asked.

H.264 4:2:0 without audio, even size, official name; written whole or not at all. A film is cut as it is, in its own
colours: going through RGB once more shifts levels, which costs more of the score than the encoder does. Enlarging to
the size of the real clips changes the score (masks are made in pixels), so it is a choice that the card states.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np
from av.video.frame import PictureType

from raysearch import storage
from raysearch.errors import UsageError
from raysearch.evals.physics_iq.clips import RATES, SECONDS, count, named, planes, probe
from raysearch.names import lookup
from raysearch.videos import Source

QUALITY = 10  # x264's crf; the loss is far below what the measures see
ENLARGE = ("bicubic", "nearest")


def clip(
    frames_THWC: np.ndarray, fps: float, drop: int, seconds: float = SECONDS, size: tuple[int, int] | None = None,
    enlarge: str = "bicubic", name: str = "the video",
) -> bytes:  # fmt: skip
    """An mp4 of exactly the scored length, from the frames after the conditioning ones.

    Args:
        frames_THWC: The generated video, uint8 [T, H, W, 3].
        fps: Frames per second, one of the rates of the data set.
        drop: Conditioning frames at its start (1 for image to video).
        seconds: Length of a clip.
        size: (width, height) to scale to; None keeps the size.
        enlarge: How to scale, `bicubic` or `nearest`.
        name: Name of the video in messages.

    Returns:
        The bytes of the file: H.264, 4:2:0, without sound.

    Raises:
        UsageError: The rate is none of the data set's, or there are too few frames.
    """
    lookup("enlarge:", enlarge, dict.fromkeys(ENLARGE))
    wanted = _wanted(len(frames_THWC), fps, drop, seconds, name)
    frames = frames_THWC[drop : drop + wanted]
    if size is not None:
        frames = np.stack([_scaled(f, size, enlarge) for f in frames])
    height, width = (n - n % 2 for n in frames.shape[1:3])
    cut = np.ascontiguousarray(frames[:, :height, :width])
    return _h264((av.VideoFrame.from_ndarray(f, format="rgb24") for f in cut), (width, height), int(fps))


def cut(
    film: Source, drop: int, seconds: float = SECONDS, size: tuple[int, int] | None = None,
    enlarge: str = "bicubic",
) -> bytes:  # fmt: skip
    """As `clip`, of a film, by its path or its bytes. Raises UsageError also for a file that is no video."""
    lookup("enlarge:", enlarge, dict.fromkeys(ENLARGE))
    found = probe(film)
    wanted, kept = _wanted(found.frames, float(found.fps), drop, seconds, named(film)), []
    for frame in islice(planes(film, drop + wanted), drop, None):
        kept.append(
            frame if size in (None, (frame.shape[1], frame.shape[0] // 3 * 2)) else _enlarged(frame, size, enlarge)
        )
    if len(kept) < wanted:
        raise UsageError(
            f"{named(film)}: breaks off after {drop + len(kept)} of its {found.frames} frames; write it again"
        )
    even = kept[0].shape[1] // 2 * 2, kept[0].shape[0] // 3 * 2
    return _h264((av.VideoFrame.from_ndarray(f, format="yuv420p") for f in kept), even, int(found.fps))


def _wanted(given: int, fps: float, drop: int, seconds: float, name: str) -> int:
    """Frames of the clip. Raises UsageError for a rate or a number of frames that does not fit."""
    if fps not in RATES:
        raise UsageError(f"{name}: {fps:g} frames per second; Physics-IQ takes {', '.join(map(str, RATES))}")
    if given < drop + (wanted := count(seconds, int(fps))):
        raise UsageError(
            f"{name}: {given} frames, of which {drop} are conditioning; {seconds:g} s at {fps:g} frames per "
            f"second take {wanted} more; generate at least num_frames={drop + wanted}"
        )
    return wanted


def write(data: bytes, path: str | Path) -> None:
    """The file, whole or not at all."""
    storage.write(path, data)


def _scaled(frame: np.ndarray, size: tuple[int, int], how: str) -> np.ndarray:
    from PIL import Image

    kind = {"bicubic": Image.Resampling.BICUBIC, "nearest": Image.Resampling.NEAREST}[how]
    return np.asarray(Image.fromarray(frame).resize(size, kind))


def _enlarged(frame: np.ndarray, size: tuple[int, int], how: str) -> np.ndarray:
    """Planes 4:2:0, uint8 [3/2 H, W], at another size (width, height), which is even."""
    (rows, columns), (width, height) = frame.shape, size
    luma, colour = frame[: rows // 3 * 2], frame[rows // 3 * 2 :].reshape(2, rows // 3, columns // 2)
    parts = [_scaled(luma, size, how), *(_scaled(c, (width // 2, height // 2), how) for c in colour)]
    return np.concatenate([p.ravel() for p in parts]).reshape(-1, width)


def _h264(frames: Iterable[av.VideoFrame], size: tuple[int, int], fps: int) -> bytes:
    """Same frames, same bytes: one thread, nothing of the machine or the hour in the file, and without the search ahead
    (mbtree) that, with AVX-512, gives other bytes each time."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=Fraction(fps))
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.options = {"crf": str(QUALITY), "threads": "1", "preset": "medium", "x264-params": "mbtree=0"}
        for k, frame in enumerate(frames):
            frame.pts, frame.time_base, frame.pict_type = k, Fraction(1, fps), PictureType.NONE
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return buffer.getvalue()
