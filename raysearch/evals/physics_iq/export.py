"""From a generated video to a clip the scorer takes: conditioning frames dropped, exactly as long and fast as asked.

H.264 4:2:0 without audio, even size, official name; written whole or not at all. Enlarging to the size of the real
clips changes the score (masks are made in pixels), so it is a choice that the submission card states.
"""

from __future__ import annotations

import io
import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from raysearch.errors import UsageError
from raysearch.evals.physics_iq.clips import RATES, SECONDS, count
from raysearch.names import lookup

QUALITY = 10  # x264's crf; the loss is far below what the measures see
ENLARGE = ("bicubic", "nearest")


def clip(
    frames_THWC: np.ndarray, fps: float, drop: int, seconds: float = SECONDS, size: tuple[int, int] | None = None,
    enlarge: str = "bicubic", name: str = "the video",
) -> bytes:  # fmt: skip
    """An mp4 of the frames after the first `drop`, uint8 [T, H, W, 3]; further ones are left out.

    drop: conditioning frames the video begins with (1 for image to video). size: (width, height) to scale to. Raises
    UsageError naming the video for a rate the data set is not laid out for, and for too few frames.
    """
    lookup("enlarge:", enlarge, dict.fromkeys(ENLARGE))
    if fps not in RATES:
        raise UsageError(f"{name}: {fps:g} frames per second; Physics-IQ takes {', '.join(map(str, RATES))}")
    wanted = count(seconds, int(fps))
    if len(frames_THWC) < drop + wanted:
        raise UsageError(
            f"{name}: {len(frames_THWC)} frames, of which {drop} are conditioning; {seconds:g} s at {fps:g} frames per "
            f"second take {wanted} more; generate at least num_frames={drop + wanted}"
        )
    frames = frames_THWC[drop : drop + wanted]
    if size is not None:
        frames = np.stack([_scaled(f, size, enlarge) for f in frames])
    height, width = (n - n % 2 for n in frames.shape[1:3])
    return _h264(np.ascontiguousarray(frames[:, :height, :width]), int(fps))


def write(data: bytes, path: str | Path) -> None:
    """The file, whole or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.write_bytes(data)
    partial.replace(path)


def _scaled(frame: np.ndarray, size: tuple[int, int], how: str) -> np.ndarray:
    from PIL import Image

    kind = {"bicubic": Image.Resampling.BICUBIC, "nearest": Image.Resampling.NEAREST}[how]
    return np.asarray(Image.fromarray(frame).resize(size, kind))


def _h264(frames: np.ndarray, fps: int) -> bytes:
    """Same frames, same bytes: one thread, nothing of the machine or the hour in the file."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=Fraction(fps))
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], "yuv420p"
        stream.options = {"crf": str(QUALITY), "threads": "1", "preset": "medium"}
        for frame in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        out.mux(stream.encode())
    return buffer.getvalue()
