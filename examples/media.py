"""Media files for tests and fuzzing, made here: ordinary ones, and such that say something about their frames."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

CONTAINERS = {  # name: (muxer, codec, pixel format)
    "mp4": ("mp4", "libx264", "yuv420p"), "mov": ("mov", "libx264", "yuv420p"),
    "mkv": ("matroska", "libx264", "yuv420p"), "webm": ("webm", "libvpx", "yuv420p"),
    "avi": ("avi", "mpeg4", "yuv420p"), "flv": ("flv", "flv", "yuv420p"), "gif": ("gif", "gif", "rgb8"),
    "apng": ("apng", "apng", "rgb24"), "ogg": ("ogg", "libvpx", "yuv420p"), "ts": ("mpegts", "libx264", "yuv420p"),
}  # fmt: skip


def ramp(frames: int, size: tuple[int, int] = (96, 64)) -> np.ndarray:
    """Frames [T, H, W, 3] from dark (left) to bright (right); the upper half tells the number of the frame, times 4."""
    width, height = size
    made = np.tile(np.linspace(0, 250, width).astype(np.uint8)[None, None, :, None], (frames, height, 1, 3))
    made[:, : height // 2] = (4 * np.arange(frames) % 256).astype(np.uint8)[:, None, None, None]
    return made


def ball(frames: int, fps: float, size: int = 64) -> np.ndarray:
    """A white disc that falls 8 pixels in every eighth of a second, whatever the rate."""
    y, x = np.mgrid[:size, :size]
    at = 4 + 8 * 8 * np.arange(frames) / fps
    inside = (y - at[:, None, None]) ** 2 + (x - size / 2) ** 2 < 16
    return np.repeat((inside * np.uint8(255))[..., None], 3, 3)


def save(
    path: Path, frames: np.ndarray, rate: float = 24, *, container: str | None = None, codec: str | None = None,
    form: str | None = None, times: list[int] | None = None, ratio: Fraction | None = None, tags: dict | None = None,
    second: np.ndarray | None = None, source: str = "rgb24", options: dict | None = None,
) -> Path:  # fmt: skip
    """Write a video.

    Args:
        path: its suffix names the container unless `container` does.
        frames: uint8 [T, H, W, 3], or as `source` says ([T, 3, H, W] for yuv444p).
        rate: frames per second.
        container: a key of CONTAINERS.
        codec: instead of that of the container.
        form: pixel format instead of that of the container.
        times: of the frames, in hundredths of a second.
        ratio: of the sides of a pixel.
        tags: attributes of the encoder, such as color_trc.
        second: frames of another video stream.
        source: pixel format of `frames`.
        options: of the encoder.
    """
    muxer, usual, pixels = CONTAINERS[container or path.suffix[1:]]
    with av.open(str(path), "w", format=muxer) as out:
        streams = []
        for clip in [frames] if second is None else [frames, second]:
            stream = out.add_stream(codec or usual, rate=Fraction(rate).limit_denominator(1001))
            stream.height, stream.width = clip.shape[2:4] if source == "yuv444p" else clip.shape[1:3]
            stream.pix_fmt = form or pixels
            stream.codec_context.thread_count = 1
            stream.options = options or ({"crf": "0"} if stream.name == "libx264" and form is None else {})
            if ratio:
                stream.codec_context.sample_aspect_ratio = ratio
            if times:
                stream.codec_context.time_base = Fraction(1, 100)
            for name, value in (tags or {}).items():
                setattr(stream.codec_context, name, value)
            streams.append((stream, clip))
        for stream, clip in streams:
            for k, pixels_ in enumerate(clip):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels_), format=source)
                if tags and "colorspace" in tags:
                    frame.colorspace, frame.color_range = tags["colorspace"], tags["color_range"]
                if times:
                    frame.pts, frame.time_base = times[k], Fraction(1, 100)
                out.mux(stream.encode(frame))
            out.mux(stream.encode())
    return path


def turned(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Write another display matrix (a, b, c, d) into an mp4 file."""
    data = path.read_bytes()
    a, b, c, d = (int(x * 65536).to_bytes(4, "big", signed=True) for x in matrix)
    zero = bytes(4)
    place = data.index(b"tkhd") + 4 + 40
    made = b"".join((a, b, zero, c, d, zero, zero, zero, (1 << 30).to_bytes(4, "big")))
    path.write_bytes(data[:place] + made + data[place + 36 :])
    return path


def trimmed(path: Path, hidden: float, shown: float) -> Path:
    """Hide the first `hidden` seconds of an mp4 file by its edit list, which shows `shown` seconds."""
    data = bytearray(path.read_bytes())
    scale, at = (int.from_bytes(data[data.index(box) + 16 :][:4], "big") for box in (b"mvhd", b"mdhd"))
    place = data.index(b"elst") + 12
    start = int.from_bytes(data[place + 4 : place + 8], "big") + round(hidden * at)
    data[place : place + 8] = round(shown * scale).to_bytes(4, "big") + start.to_bytes(4, "big")
    path.write_bytes(data)
    return path


def cut(path: Path, share: float) -> Path:
    """Cut off the end of a file; returns another one."""
    data = path.read_bytes()
    other = path.with_name(f"cut{path.suffix}")
    other.write_bytes(data[: int(share * len(data))])
    return other
