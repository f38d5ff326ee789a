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
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from fractions import Fraction
from itertools import islice
from typing import Any, BinaryIO

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from raysearch.videos import stored
from raysearch.videos.stored import Refused

MOST_PIXELS = 2**26  # of one frame: 8192 x 8192
MEMORY = 6 * 2**30  # bytes of address space that the process may take
BACKGROUND = 255  # grey level under transparent pixels
DAMAGED = "some frames are damaged"
INTERLACED = "it is interlaced, its fields are shown together"
TRANSPARENT = "it is transparent in places, shown on white"
TRANSFERS = {  # transfer functions whose numbers are not those of an ordinary screen
    8: "linear light", 9: "a logarithmic scale", 10: "a logarithmic scale", 16: "HDR (PQ)", 17: "SMPTE 428",
    18: "HDR (HLG)",
}  # fmt: skip
MATRIX = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}  # colour matrix of the file: the name that swscale has for it


def video(
    source: str | io.BytesIO, pixels: bool, most: int | None
) -> Iterator[tuple[dict[str, Any], np.ndarray | None]]:
    """The (first `most`) shown frames of the video stream, with their times; at last the facts, without a frame.

    Without `pixels`, frames are decoded but neither converted nor returned: only their times and sizes are.
    """
    with stored.opened(source) as (file, stream, several):
        _check_size(stream.width, stream.height)
        stream.codec_context.thread_count = 2
        converter, size = VideoReformatter(), None
        rate = stream.average_rate or stream.guessed_rate or 0
        seen = dict.fromkeys((DAMAGED, INTERLACED, TRANSPARENT), False)
        for frame in islice(file.decode(stream), most):
            if size not in (None, (frame.width, frame.height)):
                raise Refused("the size of the frames changes in the middle; re-encode it to one size")
            size = frame.width, frame.height
            seen[DAMAGED] |= frame.is_corrupt
            seen[INTERLACED] |= frame.interlaced_frame
            width, height = _square(frame, stream)
            matrix = stored.matrix(frame)
            if pixels:
                made, clear = _pixels(frame, converter, width, height)
                seen[TRANSPARENT] |= clear
                yield {"time": frame.time, "fps": str(rate)}, _upright(made, matrix)
            else:
                shown = _upright(np.broadcast_to(np.uint8(0), (height, width, 3)), matrix).shape
                yield {"time": frame.time, "fps": str(rate), "size": shown[:2]}, None
        notes = ["several video streams, one of them is read"] if several else []
        notes += [note for note, so in seen.items() if so]
        end = {"end": True, "fps": str(rate), "notes": notes, "cut": stored.end_is_missing(source, file.format.name)}
        yield end | _promised(file, stream, rate), None


def image(source: str | io.BytesIO, pixels: bool) -> Iterator[tuple[dict[str, Any], np.ndarray | None]]:
    """The (first) picture, upright, 8 bits, on the background, in the colours of an ordinary screen (sRGB)."""
    from PIL import Image, ImageOps

    # of a path Pillow maps uncompressed TIFF files into memory, and lays out those on their side as if they stood
    with (
        nullcontext(source) if isinstance(source, io.BytesIO) else open(source, "rb") as data,
        Image.open(data) as opened,
    ):
        _check_size(*opened.size)
        notes = ["an animation, its first picture is read"] if getattr(opened, "n_frames", 1) > 1 else []
        picture, clear = ImageOps.exif_transpose(opened), False
        if picture.mode == "F":
            raise Refused("its pixels are floating-point numbers; save it with 8 or 16 bits")
        if picture.mode.startswith("I"):
            values = np.asarray(picture).astype(np.int64).clip(0, 65535)
            made = np.repeat(((values * 255 + 32767) // 65535).astype(np.uint8)[..., None], 3, 2)
        elif picture.has_transparency_data:
            made, clear = _composite(np.asarray(_in_srgb(picture.convert("RGBA"), notes)))
        else:
            made = np.asarray(_in_srgb(picture, notes).convert("RGB"))
        facts = {"time": None, "fps": "0"}
        yield facts | ({} if pixels else {"size": made.shape[:2]}), made if pixels else None
        notes += [TRANSPARENT] if clear else []
        yield {"end": True, "fps": "0", "promised": 1, "notes": notes}, None


def _in_srgb(picture: Any, notes: list[str]) -> Any:
    """A PIL image with its colour profile applied, if it has one; a profile that is of no use is noted."""
    from PIL import ImageCms

    data = picture.info.get("icc_profile")
    if not data or picture.mode not in ("RGB", "RGBA", "CMYK"):
        return picture
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        if "srgb" in ImageCms.getProfileDescription(profile).lower():
            return picture
        mode = "RGB" if picture.mode == "CMYK" else picture.mode
        converted = ImageCms.profileToProfile(picture, profile, ImageCms.createProfile("sRGB"), outputMode=mode)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        notes.append("its colour profile cannot be used, its colours are taken as sRGB")
        return picture
    return converted


def _check_size(width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise Refused(f"its frames are {width}x{height} pixels, over {MOST_PIXELS}; make it smaller")


def _square(frame: av.VideoFrame, stream: Any) -> tuple[int, int]:
    """Width and height of the frame in square pixels. Raises Refused for frames that are not shown right."""
    _check_size(frame.width, frame.height)
    if (transfer := int(frame.color_trc)) in TRANSFERS:
        raise Refused(f"its numbers are {TRANSFERS[transfer]}; convert it to SDR first (ffmpeg's zscale, tonemap)")
    width, height = frame.width, frame.height
    ratio = Fraction(stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio or 1) or Fraction(1)
    if not Fraction(1, 8) <= ratio <= 8:
        raise Refused(f"its pixels are {ratio} as wide as high, which cannot be meant")
    if ratio > 1:
        width = round(width * ratio)
    elif ratio < 1:
        height = round(height / ratio)
    _check_size(width, height)
    return width, height


def _pixels(frame: av.VideoFrame, converter: VideoReformatter, width: int, height: int) -> tuple[np.ndarray, bool]:
    """uint8 [height, width, 3], and whether some pixel is transparent."""
    alpha = any(c.is_alpha for c in frame.format.components) or frame.format.name == "pal8"
    matrix = MATRIX.get(int(frame.colorspace))
    known: dict[str, Any] = (
        {} if matrix is None or frame.format.is_rgb else {"src_colorspace": matrix, "dst_colorspace": matrix}
    )
    made = converter.reformat(
        frame, width, height, "rgba" if alpha else "rgb24", interpolation="BICUBIC", threads=1, **known
    ).to_ndarray()
    return _composite(made) if alpha else (made, False)


def _composite(rgba_HW4: np.ndarray) -> tuple[np.ndarray, bool]:
    alpha = rgba_HW4[..., 3:].astype(np.uint32)
    shown = ((rgba_HW4[..., :3] * alpha + BACKGROUND * (255 - alpha) + 127) // 255).astype(np.uint8)
    return shown, bool((alpha < 255).any())


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
    elif told := stream.metadata.get("DURATION"):  # Matroska, of each stream
        with contextlib.suppress(ValueError):
            hours, minutes, rest = told.split(":")
            seconds = int(hours) * 3600 + int(minutes) * 60 + float(rest)
    elif file.duration and len(file.streams) == 1 and file.format.name.startswith(("matroska", "flv")):
        seconds = file.duration / av.time_base
    counted, shown = stream.frames, round(seconds * rate)
    return {"promised": min(counted, shown) if counted and shown else counted, "seconds": seconds}


def _answers(request: dict[str, Any], data: bytes | None) -> Iterator[tuple[dict[str, Any], np.ndarray | None]]:
    source = request["path"] if data is None else io.BytesIO(data)
    if request["kind"] == "header":
        return stored.header(source, request["packets"])
    if request["kind"] == "stored":
        return stored.frames(source, request["form"], request["most"])
    if request["kind"] == "image":
        return image(source, request["pixels"])
    return video(source, request["pixels"], request["most"])


def _answer(request: dict[str, Any], data: bytes | None, out: BinaryIO) -> None:
    try:
        for facts, pixels in _answers(request, data):
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
