"""The process that decodes media files, started by raysearch/videos/process.py as `python -m raysearch.videos.decoder`.

A damaged file can crash the decoder or make it run for ever; here it takes only this process with it. Requests are JSON
lines on standard input (followed by the file itself where it is given as bytes). Each answer is a sequence of JSON
lines, one for each frame followed by the pixels of that frame, and a last line with `end` or `error`. The rules for
what is shown stand in docs/videos.md. Neither torch nor ray is imported.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import struct
import sys
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, BinaryIO

import av
import numpy as np
from av.video.reformatter import VideoReformatter

MOST_PIXELS = 2**26  # of one frame: 8192 x 8192
MEMORY = 6 * 2**30  # bytes of address space that the process may take
BACKGROUND = 255  # grey level under transparent pixels
CONTAINERS = (  # no playlists: they name other files and addresses
    "mov,mp4,matroska,webm,avi,gif,apng,mpegts,mpeg,mpegvideo,flv,ogg,asf,nut,h264,hevc,m4v,ivf,y4m,yuv4mpegpipe,mxf,"
    "png_pipe,jpeg_pipe,webp_pipe,tiff_pipe,bmp_pipe"
)
HDR = {16: "PQ", 18: "HLG"}  # transfer functions whose numbers are not those of an ordinary screen
MATRIX = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}  # colour matrix of the file: the name that swscale has for it


class Refused(ValueError):
    """A file that is not read; the message says why."""


def video(source: str | io.BytesIO) -> Iterator[tuple[dict[str, Any], np.ndarray | None]]:
    """The shown frames of the first real video stream, with their times; at last the facts, without a frame."""
    with av.open(source, "r", metadata_errors="ignore", options={"format_whitelist": CONTAINERS}) as file:
        streams = [s for s in file.streams.video if s.codec_context is not None]
        moving = [s for s in streams if not s.disposition & av.stream.Disposition.attached_pic]
        if not moving:
            raise Refused("the file holds no video stream that can be decoded")
        stream = next((s for s in moving if s.disposition & av.stream.Disposition.default), moving[0])
        _check_size(stream.width, stream.height)
        stream.codec_context.thread_count = 2
        converter, size, corrupt = VideoReformatter(), None, False
        for frame in file.decode(stream):
            if size not in (None, (frame.width, frame.height)):
                raise Refused("the size of the frames changes in the middle; re-encode it to one size")
            size = frame.width, frame.height
            corrupt |= frame.is_corrupt
            yield {"time": frame.time}, _upright(_pixels(frame, stream, converter), _matrix(frame))
        notes = ["several video streams, one of them is read"] if len(moving) > 1 else []
        rate = stream.average_rate or stream.guessed_rate or 0
        notes += ["some frames are damaged"] if corrupt else []
        yield {"end": True, "fps": str(rate), "notes": notes} | _promised(file, stream, rate), None


def image(source: str | io.BytesIO) -> Iterator[tuple[dict[str, Any], np.ndarray | None]]:
    """The (first) picture, upright, 8 bits, on the background."""
    from PIL import Image, ImageOps

    with Image.open(source) as opened:
        _check_size(*opened.size)
        notes = ["an animation, its first picture is read"] if getattr(opened, "n_frames", 1) > 1 else []
        picture = ImageOps.exif_transpose(opened)
        if picture.mode == "F":
            raise Refused("its pixels are floating-point numbers; save it with 8 or 16 bits")
        if picture.mode.startswith("I"):
            values = np.asarray(picture).astype(np.int64).clip(0, 65535)
            pixels = np.repeat(((values * 255 + 32767) // 65535).astype(np.uint8)[..., None], 3, 2)
        elif picture.has_transparency_data:
            pixels = _composite(np.asarray(picture.convert("RGBA")))
        else:
            pixels = np.asarray(picture.convert("RGB"))
        yield {"time": None}, pixels
        yield {"end": True, "fps": "0", "promised": 1, "notes": notes}, None


def _check_size(width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise Refused(f"its frames are {width}x{height} pixels, over {MOST_PIXELS}; make it smaller")


def _pixels(frame: av.VideoFrame, stream: Any, converter: VideoReformatter) -> np.ndarray:
    """uint8 [H, W, 3] of square pixels."""
    _check_size(frame.width, frame.height)
    if (transfer := int(frame.color_trc)) in HDR:
        raise Refused(f"it is HDR ({HDR[transfer]}); convert it to SDR first (ffmpeg's tonemap filter)")
    width, height = frame.width, frame.height
    ratio = Fraction(stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio or 1) or Fraction(1)
    if not Fraction(1, 8) <= ratio <= 8:
        raise Refused(f"its pixels are {ratio} as wide as high, which cannot be meant")
    if ratio > 1:
        width = round(width * ratio)
    elif ratio < 1:
        height = round(height / ratio)
    _check_size(width, height)
    alpha = any(c.is_alpha for c in frame.format.components) or frame.format.name == "pal8"
    matrix = MATRIX.get(int(frame.colorspace))
    known: dict[str, Any] = (
        {} if matrix is None or frame.format.is_rgb else {"src_colorspace": matrix, "dst_colorspace": matrix}
    )
    made = converter.reformat(
        frame, width, height, "rgba" if alpha else "rgb24", interpolation="BICUBIC", threads=1, **known
    ).to_ndarray()
    return _composite(made) if alpha else made


def _composite(rgba_HW4: np.ndarray) -> np.ndarray:
    alpha = rgba_HW4[..., 3:].astype(np.uint32)
    return ((rgba_HW4[..., :3] * alpha + BACKGROUND * (255 - alpha) + 127) // 255).astype(np.uint8)


def _matrix(frame: av.VideoFrame) -> tuple[int, ...] | None:
    matrix: Any = frame.side_data.get("DISPLAYMATRIX")  # a buffer, which PyAV's annotations do not say
    return None if matrix is None else struct.unpack("=9i", bytes(matrix)[:36])


def _upright(pixels: np.ndarray, matrix: tuple[int, ...] | None) -> np.ndarray:
    """Turned and mirrored as the display matrix says: x' = a x + c y, y' = b x + d y."""
    if matrix is None:
        return pixels
    a, b, c, d = (round(matrix[k] / 65536, 2) for k in (0, 1, 3, 4))
    if b == c == 0 and a and d:
        return pixels[:: 1 if d > 0 else -1, :: 1 if a > 0 else -1]
    if a == d == 0 and b and c:
        return pixels.transpose(1, 0, 2)[:: 1 if b > 0 else -1, :: 1 if c > 0 else -1]
    raise Refused("its frames are to be shown at an angle that is no multiple of 90 degrees; re-encode it upright")


def _promised(file: Any, stream: Any, rate: Fraction | int) -> dict[str, Any]:
    """How many frames (edit lists counted) and how many seconds the file says it shows; 0 where it says nothing."""
    seconds = 0.0
    if stream.duration and stream.time_base:
        seconds = float(stream.duration * stream.time_base)
    elif file.duration and len(file.streams) == 1 and file.format.name.startswith("matroska"):
        seconds = file.duration / av.time_base
    counted, shown = stream.frames, round(seconds * rate)
    return {"promised": min(counted, shown) if counted and shown else counted, "seconds": seconds}


def _answer(request: dict[str, Any], data: bytes | None, out: BinaryIO) -> None:
    source = request["path"] if data is None else io.BytesIO(data)
    try:
        for facts, pixels in (image if request["kind"] == "image" else video)(source):
            if pixels is not None:
                facts |= {"shape": pixels.shape}
            out.write(json.dumps(facts).encode() + b"\n")
            if pixels is not None:
                out.write(np.ascontiguousarray(pixels).data)
            out.flush()
    except Refused as error:
        out.write(json.dumps({"error": str(error)}).encode() + b"\n")
    except Exception as error:  # whatever a decoder raises is an answer about this file
        text = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        out.write(json.dumps({"unreadable": text}).encode() + b"\n")
    out.flush()


def main() -> None:
    """Answers requests until standard input ends."""
    import resource

    for limit, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CORE, 0)):
        with contextlib.suppress(ValueError, OSError):  # some systems do not offer the limit
            resource.setrlimit(limit, (most, most))
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing that a library prints gets between the answers
    for line in iter(sys.stdin.buffer.readline, b""):
        request = json.loads(line)
        data = sys.stdin.buffer.read(request["bytes"]) if "bytes" in request else None
        _answer(request, data, out)


if __name__ == "__main__":
    main()
