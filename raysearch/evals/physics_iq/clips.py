"""Clips as the scorer reads them: checked before anything is computed, decoded one frame at a time in another process.

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

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from raysearch.errors import UsageError
from raysearch.videos.process import Source, ask
from raysearch.videos.stored import plane

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


def probe(path: Source) -> Probe:
    """Read the packets of a file, without decoding more than a frame.

    Raises:
        UsageError: The file is no video, its frames do not come at an even pace, or a viewer turns, mirrors or
            stretches it, which the scorer does not.
    """
    name = named(path)
    ((head, _),) = ask(path, "header", packets=True)
    rate = Fraction(head["fps"])
    if not head["frames"] or not rate:
        raise UsageError(f"{name}: the file holds no video frames")
    if head["uneven"]:
        raise UsageError(f"{name}: the frame rate varies within the file; write every frame at one constant rate")
    if not head["plain"]:
        raise UsageError(f"{name}: is to be shown turned or with pixels that are not square; write it as it is shown")
    return Probe(head["width"], head["height"], rate, head["frames"], head["seconds"] or 0.0, head["audio"])


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


def named(path: Source) -> str:
    """What messages call a file."""
    return "the clip" if isinstance(path, bytes) else os.fspath(path)


def count(seconds: float, fps: int) -> int:
    """Frames in so many seconds."""
    return round(seconds * fps)


def frames(path: Source, most: int | None = None) -> Iterator[np.ndarray]:
    """Frames, uint8 RGB [H, W, 3], at most `most` of them. Raises UsageError where the file breaks off or changes."""
    return _stored(path, "rgb24", most)


def planes(path: Source, most: int | None = None) -> Iterator[np.ndarray]:
    """Frames as they are stored, planes 4:2:0 below each other, uint8 [3/2 H, W]; raises as `frames` does."""
    return _stored(path, "yuv420p", most)


def _stored(path: Source, form: str, most: int | None) -> Iterator[np.ndarray]:
    for _, pixels in ask(path, "stored", form=form, most=most):
        if pixels is not None:
            yield pixels


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
    """Masks, bool [H, W], after the official file: grey levels, uint8 [H, W], near 0 and 255 but for the edges.

    The file is written here a moment before it is read, so it is decoded in this process.
    """
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


def _lit(luma: np.ndarray) -> np.ndarray:
    """Grey levels of luma, uint8 [H, W]; nearly all of a mask is black, so only rows that are not are looked up."""
    out = np.zeros(luma.shape, np.uint8)
    rows = np.flatnonzero(luma.max(1) > BLACK)
    if len(rows):
        some = slice(rows[0], rows[-1] + 1)
        out[some] = _levels()[luma[some]]
    return out
