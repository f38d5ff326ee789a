"""Write films, H.264 in mp4, and read what the header of such a film says."""

from __future__ import annotations

import io
import os
from fractions import Fraction
from typing import Any

import av
import numpy as np

from raysearch.errors import UsageError
from raysearch.videos.process import Source
from raysearch.videos.reading import read

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


def facts(source: Source) -> dict[str, Any]:
    """codec, fps, frames, width, height, duration_s as the header of a film of raysearch tells them.

    Raises UsageError for a file that is no video. Only for files that raysearch wrote: they are opened in this process.
    """
    try:
        opened = av.open(io.BytesIO(source) if isinstance(source, bytes) else os.fspath(source), "r")
        with opened as file:
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
