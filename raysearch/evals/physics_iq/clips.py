"""Clips as the scorer reads them: checked before anything is computed, decoded one frame at a time.

Also the detour that official masks take through an MPEG-4 file: pixels on the edge of a mask come back changed, which
moves scores by up to a point and a half, so it belongs to the measure.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from raysearch.errors import UsageError

SECONDS = 5.0  # of every test clip
RATES = (8, 16, 24, 30)  # frames per second at which the data set is laid out
SLACK = 1e-3  # seconds
BLACK = 16  # the luma of 0; what is below is black as well


@dataclass(frozen=True)
class Probe:
    """What the header of a video file says.

    Attributes:
        width: Pixels.
        height: Pixels.
        fps: Frames per second.
        frames: Number of frames.
        seconds: Duration of the longest stream.
        audio: Whether there is sound.
    """

    width: int
    height: int
    fps: Fraction
    frames: int
    seconds: float
    audio: bool


def probe(path: str | os.PathLike[str]) -> Probe:
    """Raises UsageError for a file that is no video, and for one whose frames do not come at an even pace."""
    name = os.fspath(path)
    if not Path(name).is_file():
        raise UsageError(f"{name}: no such file")
    try:
        with av.open(name) as file:
            stream = file.streams.video[0]
            if stream.codec_context is None:
                raise UsageError(f"{name}: not a video that can be read (no decoder for its stream)")
            base = stream.time_base or Fraction(1)
            times = sorted(p.pts for p in file.demux(stream) if p.pts is not None)
            rate = Fraction(stream.average_rate or stream.guessed_rate or 0)
            seconds = (file.duration or 0) / av.time_base
            found = Probe(stream.width, stream.height, rate, len(times), seconds, bool(file.streams.audio))
    except (av.FFmpegError, IndexError, ValueError) as error:
        raise UsageError(f"{name}: not a video that can be read ({type(error).__name__}: {error})") from None
    if not times or not rate:
        raise UsageError(f"{name}: the file holds no video frames")
    steps = np.diff(times)
    if len(steps) and (steps.max() - steps.min()) * base > Fraction(1, 4) / rate:
        raise UsageError(f"{name}: the frame rate varies within the file; write every frame at one constant rate")
    return found


def check(path: str | os.PathLike[str], seconds: float = SECONDS) -> Probe:
    """A clip that the official scorer would take. Raises UsageError naming the file and the remedy."""
    found, name = probe(path), os.fspath(path)
    if abs(found.seconds - seconds) > SLACK:
        raise UsageError(
            f"{name}: lasts {found.seconds:.3f} s ({found.frames} frames at {float(found.fps):g} per second), but must "
            f"last exactly {seconds:g} s; drop the conditioning frames, and audio that is longer"
        )
    if found.fps not in RATES:
        raise UsageError(
            f"{name}: has {float(found.fps):g} frames per second; the data set is laid out for "
            f"{', '.join(map(str, RATES))}, export at one of these"
        )
    if found.frames < (wanted := count(seconds, int(found.fps))):
        raise UsageError(f"{name}: holds {found.frames} frames, {seconds:g} s at its rate are {wanted}")
    if found.width % 2 or found.height % 2:
        raise UsageError(f"{name}: is {found.width}x{found.height}; width and height must be even, crop a line")
    return found


def count(seconds: float, fps: int) -> int:
    """Frames in so many seconds."""
    return round(seconds * fps)


def frames(path: str | os.PathLike[str] | bytes, most: int | None = None) -> Iterator[np.ndarray]:
    """Frames, uint8 RGB [H, W, 3], at most `most` of them. Raises UsageError where the file breaks off or changes."""
    converter = VideoReformatter()
    for frame in islice(raw(path), most):
        yield rgb(frame, converter)


def raw(path: str | os.PathLike[str] | bytes) -> Iterator[av.VideoFrame]:
    """Frames as the decoder gives them."""
    source = io.BytesIO(path) if isinstance(path, bytes) else os.fspath(path)
    name = "<bytes>" if isinstance(path, bytes) else os.fspath(path)
    try:
        with av.open(source) as file:
            assert isinstance(file, av.container.InputContainer)
            stream = file.streams.video[0]
            if stream.codec_context is None:
                raise UsageError(f"{name}: not a video that can be read (no decoder for its stream)")
            stream.codec_context.thread_count = 1  # one clip a core: threads of a decoder would only get in the way
            size = None
            for frame in file.decode(stream):
                if size not in (None, (frame.width, frame.height)):
                    raise UsageError(f"{name}: the size of the frames changes in the middle; re-encode it to one size")
                size = frame.width, frame.height
                yield frame
    except (av.FFmpegError, IndexError) as error:
        raise UsageError(f"{name}: breaks off ({type(error).__name__}: {error}); write it again") from None


def rgb(frame: av.VideoFrame, converter: VideoReformatter) -> np.ndarray:
    """uint8 [H, W, 3]; without the threads that newer versions would start for every single frame."""
    try:
        return converter.reformat(frame, format="rgb24", threads=1).to_ndarray()
    except TypeError:  # a version of PyAV that knows no threads here
        return converter.reformat(frame, format="rgb24").to_ndarray()


@lru_cache(maxsize=1)
def _levels() -> np.ndarray:
    """What each value of luma becomes in blue where there is no colour, uint8 [256], asked of the converter itself."""
    planes = np.full((24, 256), 128, np.uint8)
    planes[:16] = np.arange(256, dtype=np.uint8)
    return rgb(av.VideoFrame.from_ndarray(planes, format="yuv420p"), VideoReformatter())[0, :, 2]


def through_mp4v(masks: Iterable[np.ndarray], fps: int) -> Iterator[np.ndarray]:
    """Masks, bool [H, W], after the official file: grey levels, uint8 [H, W], near 0 and 255 but for the edges."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as out:
        stream = None
        for mask in masks:
            if stream is None:
                stream = out.add_stream("mpeg4", rate=fps)
                stream.height, stream.width, stream.pix_fmt = *mask.shape, "yuv420p"
                stream.gop_size, stream.bit_rate = 12, 2 * fps * mask.size
                stream.options = {"qmin": "3", "bt": str(2 * fps * mask.size)}
                stream.codec_context.thread_count = 1
            out.mux(stream.encode(av.VideoFrame.from_ndarray(mask.astype(np.uint8) * np.uint8(255), format="gray")))
        if stream is not None:
            out.mux(stream.encode())
    buffer.seek(0)
    with av.open(buffer) as file:
        assert isinstance(file, av.container.InputContainer)
        converter = VideoReformatter()
        file.streams.video[0].codec_context.thread_count = 1
        for frame in file.decode(video=0):
            luma, *colour = map(plane, frame.planes)
            if all((c == 128).all() for c in colour):
                yield _lit(luma)
            else:
                yield rgb(frame, converter)[..., 2]  # blue: the first channel of the official reader


def plane(of: av.video.plane.VideoPlane) -> np.ndarray:
    """uint8 [H, W], not copied."""
    held: Any = of  # it lends its memory, which its annotations do not say
    return np.frombuffer(held, np.uint8).reshape(of.height, of.line_size)[:, : of.width]


def _lit(luma: np.ndarray) -> np.ndarray:
    """Grey levels of luma, uint8 [H, W]; nearly all of a mask is black, so only rows that are not are looked up."""
    out = np.zeros(luma.shape, np.uint8)
    rows = np.flatnonzero(luma.max(1) > BLACK)
    if len(rows):
        some = slice(rows[0], rows[-1] + 1)
        out[some] = _levels()[luma[some]]
    return out
