"""Broken videos and images, each read in a fresh process: `python -m benchmarks.fuzz.media --count 300 --seed 0`.

Damage that decodes to other pixels is not told from a correct reading; `silently wrong` counts only files that were
cut to under half of their bytes and yet read with all their frames.
"""

from __future__ import annotations

import argparse
import io
import random
import sys
import tempfile
from pathlib import Path

import av
import numpy as np
from PIL import Image

from benchmarks.fuzz.table import GOOD, Table, run

VIDEOS = {"mp4": "libx264", "mkv": "libx264", "mov": "libx264", "webm": "libvpx", "avi": "mpeg4", "gif": "gif",
          "apng": "apng"}  # fmt: skip
FORMATS = {"gif": "rgb8", "apng": "rgb24"}
IMAGES = ("png", "jpeg", "webp", "tiff")
KINDS = ("bytes", "cut", "boxes", "extension")
READ = """
import sys
from raysearch import videos
from raysearch.errors import UsageError
try:
    print("frames", len(videos.read(sys.argv[1], sys.argv[2]).frames))
except UsageError as error:
    sys.exit(str(error))
"""


def whole(name: str) -> bytes:
    """A sound file of 24 frames (one if an image) of this container."""
    frames = np.random.default_rng(0).integers(0, 255, (24, 48, 64, 3), np.uint8)
    buffer = io.BytesIO()
    if name in IMAGES:
        Image.fromarray(frames[0]).save(buffer, name)
        return buffer.getvalue()
    with av.open(buffer, "w", format={"mkv": "matroska"}.get(name, name)) as out:
        stream = out.add_stream(VIDEOS[name], rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 48, FORMATS.get(name, "yuv420p")
        for frame in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        out.mux(stream.encode())
    return buffer.getvalue()


def damaged(data: bytes, kind: str, dice: random.Random) -> bytes:
    """The file with bytes changed, its end cut off, or two parts of it swapped."""
    if kind == "bytes":
        changed = bytearray(data)
        for _ in range(dice.choice((1, 10, 100))):
            changed[dice.randrange(len(data))] = dice.randrange(256)
        return bytes(changed)
    if kind == "cut":
        return data[: dice.randrange(len(data))]
    if kind == "boxes":
        a, b = sorted(dice.sample(range(len(data)), 2))
        return data[:a] + data[b:] + data[a:b]
    return data


def main() -> int:
    """Print the table; 1 if an input got a verdict that must not be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    dice, table = random.Random(options.seed), Table()
    names = (*VIDEOS, *IMAGES)
    sound = {name: whole(name) for name in names}
    with tempfile.TemporaryDirectory() as folder:
        for k in range(options.count):
            kind, name = KINDS[k % len(KINDS)], dice.choice(names)
            data = damaged(sound[name], kind, dice)
            path = Path(folder) / f"{k}.{dice.choice(names) if kind == 'extension' else name}"
            path.write_bytes(data)
            reading = "image" if name in IMAGES else "video"
            outcome, text = run([sys.executable, "-c", READ, str(path), reading], 90)
            complete = f"frames {1 if reading == 'image' else 24}" in text
            if outcome == "right" and complete and len(data) < len(sound[name]) / 2:
                outcome = "silently wrong"
            table.add(kind, outcome, f"{name} file {k}: {text[-300:]}" if outcome not in GOOD else "")
    print(table.text())
    return 1 if table.bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
