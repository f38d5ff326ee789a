"""Videos in and out: uint8 arrays [frames, height, width, rgb] and H.264 in mp4. Knows nothing of models."""

from __future__ import annotations

import io
import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from raysearch.errors import UsageError

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


def decode(source: str | os.PathLike | bytes) -> tuple[np.ndarray, float]:
    """All frames, uint8 [frames, height, width, 3], and frames per second. Raises UsageError if it is no video."""
    name = "<bytes>" if isinstance(source, bytes) else os.fspath(source)
    if not isinstance(source, bytes) and not Path(name).is_file():
        raise UsageError(f"{name}: no such file")
    try:
        with av.open(io.BytesIO(source) if isinstance(source, bytes) else name) as file:
            assert isinstance(file, av.container.InputContainer)
            stream = file.streams.video[0]
            frames = [f.to_ndarray(format="rgb24") for f in file.decode(stream)]
            fps = float(stream.average_rate or stream.guessed_rate or 0)
    except (av.FFmpegError, IndexError, ValueError) as error:
        raise UsageError(f"{name}: not a video that can be read ({type(error).__name__}: {error})") from None
    if not frames:
        raise UsageError(f"{name}: the file holds no video frames")
    if len({f.shape for f in frames}) > 1:
        raise UsageError(f"{name}: the size of the frames changes in the middle; re-encode it to one size")
    return np.stack(frames), fps


def read_image(path: str | os.PathLike) -> np.ndarray:
    """uint8 [height, width, 3]. Raises UsageError if it is no image."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file") from None
    except (UnidentifiedImageError, OSError) as error:
        raise UsageError(f"{path}: not an image that can be read ({error})") from None
