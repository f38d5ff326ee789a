"""Video files as they are stored, for the decoding process: headers, and frames without any change for display.

Films that raysearch cuts and clips that a benchmark scores are taken as their pixels are stored, because what a viewer
would do to them (another matrix, another size) would change scores.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import islice
from typing import Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter

CONTAINERS = (  # no playlists: they name other files and addresses
    "mov,mp4,matroska,webm,avi,gif,apng,mpegts,mpeg,mpegvideo,flv,ogg,asf,nut,h264,hevc,m4v,ivf,y4m,yuv4mpegpipe,mxf,"
    "png_pipe,jpeg_pipe,webp_pipe,tiff_pipe,bmp_pipe"
)
TAIL = 1 << 17  # bytes at the end of a file in which the mark of its end is looked for; a page of Ogg is smaller
Answer = tuple[dict[str, Any], np.ndarray | None]


class Refused(ValueError):
    """A file that is not read; the message says why."""


@contextmanager
def opened(source: str | io.BytesIO) -> Iterator[tuple[Any, Any, bool]]:
    """The file, its video stream, and whether it has several. Raises Refused if it has none that can be decoded."""
    # not as `options`, which PyAV also gives to each stream it counts before reading, while FLV and others find more
    how = {"format_whitelist": CONTAINERS}
    with av.open(source, "r", metadata_errors="ignore", container_options=how) as file:
        streams = [s for s in file.streams.video if s.codec_context is not None]
        moving = [s for s in streams if not s.disposition & av.stream.Disposition.attached_pic]
        if not moving:
            raise Refused("the file holds no video stream that can be decoded")
        stream = next((s for s in moving if s.disposition & av.stream.Disposition.default), moving[0])
        yield file, stream, len(moving) > 1


def end_is_missing(source: str | io.BytesIO, container: str) -> bool:
    """Whether a file of a container that tells no length lacks the mark of its end."""
    if isinstance(source, io.BytesIO):
        last = source.getvalue()[-TAIL:]
    else:
        with open(source.removeprefix("file:"), "rb") as file:
            file.seek(max(0, os.path.getsize(file.name) - TAIL))
            last = file.read()
    if container == "gif":
        return not last.rstrip(b"\0").endswith(b";")
    if container == "apng":
        return b"IEND" not in last
    if container == "ogg":
        page = last[max(0, last.rfind(b"OggS")) :]  # its flags, the number of its segments, and their sizes
        whole = len(page) > 27 and len(page) >= 27 + page[26] + sum(page[27 : 27 + page[26]])
        return not (whole and page[5] & 4)
    return False


def header(source: str | io.BytesIO, packets: bool) -> Iterator[Answer]:
    """What the file says of itself.

    Args:
        source: path or bytes.
        packets: count the frames by the packets, and say whether they come at an even pace and are shown as stored;
            else the header alone is read.
    """
    with opened(source) as (file, stream, _):
        rate = Fraction(stream.average_rate or stream.guessed_rate or 0)
        facts = {
            "codec": stream.codec_context.name, "fps": str(rate), "frames": stream.frames, "width": stream.width,
            "height": stream.height, "audio": bool(file.streams.audio),
            "seconds": None if file.duration is None else file.duration / av.time_base,
        }  # fmt: skip
        if packets:
            times = sorted(p.pts for p in file.demux(stream) if p.pts is not None)
            steps, base = np.diff(times), stream.time_base or Fraction(1)
            uneven = bool(len(steps) and rate and int(steps.max() - steps.min()) * base > Fraction(1, 4) / rate)
            facts |= {"frames": len(times), "uneven": uneven}
    if packets and facts["frames"]:
        if isinstance(source, io.BytesIO):
            source.seek(0)
        with opened(source) as (file, stream, _):
            turned = next((matrix(f) for f in file.decode(stream)), None)
            square = (stream.sample_aspect_ratio or 1) == 1
        facts |= {"plain": square and turned in (None, UPRIGHT)}
    yield facts | {"end": True}, None


def frames(source: str | io.BytesIO, form: str, most: int | None) -> Iterator[Answer]:
    """Frames as they are stored.

    Args:
        source: path or bytes.
        form: `rgb24` gives [H, W, 3]; `yuv420p` gives the planes below each other, [3/2 H, W], of even H and W.
        most: read at most this number of frames.
    """
    with opened(source) as (file, stream, _):
        stream.codec_context.thread_count = 1  # one clip a core: threads of a decoder would only get in the way
        converter, size = VideoReformatter(), None
        for frame in islice(file.decode(stream), most):
            if size not in (None, (frame.width, frame.height)):
                raise Refused("the size of the frames changes in the middle; re-encode it to one size")
            size = frame.width, frame.height
            made = frame if frame.format.name == form else converter.reformat(frame, format=form, threads=1)
            yield {"time": frame.time}, made.to_ndarray() if form == "rgb24" else planes(made)
        yield {"end": True}, None


def planes(frame: av.VideoFrame) -> np.ndarray:
    """The planes of a 4:2:0 frame, uint8 [3/2 H, W]; a line or column beyond an even size is left out."""
    height, width = frame.height // 2 * 2, frame.width // 2 * 2
    luma, *colour = map(plane, frame.planes)
    parts = [luma[:height, :width], *(c[: height // 2, : width // 2] for c in colour)]
    return np.concatenate([p.ravel() for p in parts]).reshape(-1, width)


def plane(of: av.video.plane.VideoPlane) -> np.ndarray:
    """uint8 [H, W], not copied."""
    held: Any = of  # it lends its memory, which its annotations do not say
    return np.frombuffer(held, np.uint8).reshape(of.height, of.line_size)[:, : of.width]


UPRIGHT = (65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)


def matrix(frame: av.VideoFrame) -> tuple[int, ...] | None:
    """The display matrix (a, b, u, c, d, v, x, y, w) of a frame, in fixed-point numbers."""
    held: Any = frame.side_data.get("DISPLAYMATRIX")  # a buffer, which PyAV's annotations do not say
    return None if held is None else struct.unpack("=9i", bytes(held)[:36])
