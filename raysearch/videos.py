"""Videos in and out: uint8 arrays [frames, height, width, rgb] and H.264 in mp4. Knows nothing of models."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

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


@dataclass(frozen=True)
class Clip:
    """frames: uint8 [frames, height, width, 3]; fps: their mean rate; uneven: whether intervals differ by over a fifth;
    promised: how many frames the file says it has, 0 where it does not."""

    frames: np.ndarray
    fps: float
    uneven: bool
    promised: int


def decode(source: str | os.PathLike | bytes) -> tuple[np.ndarray, float]:
    """All frames, uint8 [frames, height, width, 3], and frames per second. Raises UsageError if it is no video."""
    clip = read(source)
    return clip.frames, clip.fps


def read(source: str | os.PathLike | bytes) -> Clip:
    """The whole video. Raises UsageError if it is none."""
    name = "<bytes>" if isinstance(source, bytes) else os.fspath(source)
    if not isinstance(source, bytes) and not Path(name).is_file():
        raise UsageError(f"{name}: no such file")
    try:
        with av.open(io.BytesIO(source) if isinstance(source, bytes) else name) as file:
            assert isinstance(file, av.container.InputContainer)
            stream = file.streams.video[0]
            found = [(f.to_ndarray(format="rgb24"), f.time) for f in file.decode(stream)]
            promised = stream.frames
            fps = float(stream.average_rate or stream.guessed_rate or 0)
    except (av.FFmpegError, IndexError, ValueError) as error:
        raise UsageError(f"{name}: not a video that can be read ({type(error).__name__}: {error})") from None
    frames = [frame for frame, _ in found]
    if not frames:
        raise UsageError(f"{name}: the file holds no video frames")
    if len({f.shape for f in frames}) > 1:
        raise UsageError(f"{name}: the size of the frames changes in the middle; re-encode it to one size")
    return Clip(np.stack(frames), fps, _uneven([time for _, time in found]), promised)


def _uneven(times: list[float | None]) -> bool:
    known = np.array([t for t in times if t is not None])
    if len(known) < 3:
        return False
    apart = np.diff(known)
    return bool(np.abs(apart - np.median(apart)).max() > 0.2 * np.median(apart))


def facts(source: str | os.PathLike | bytes) -> dict[str, Any]:
    """codec, fps, frames, width, height, duration_s of what is in a video file. Raises UsageError as `decode`."""
    frames, fps = decode(source)
    with av.open(io.BytesIO(source) if isinstance(source, bytes) else os.fspath(source)) as file:
        assert isinstance(file, av.container.InputContainer)
        codec, duration = file.streams.video[0].codec_context.name, file.duration
    count, height, width, _ = frames.shape
    whole = int(fps) if fps == int(fps) else fps
    return {
        "codec": codec, "fps": whole, "frames": count, "width": width, "height": height,
        "duration_s": None if duration is None else duration / av.time_base,
    }  # fmt: skip


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
