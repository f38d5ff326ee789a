"""How fast a model is scored, beside a plain restatement of the official reading pattern, with equal results.

The official scorer decodes, for every model again, take 1 twice (once for its size), take 2, both files of real masks,
the generated clip, and its mask file. Here what is real is cached once. One view of synthetic clips at the real size:
    python -m benchmarks.physics_iq --size 3840x2160 --fps 8 --json benchmarks/physics_iq.json
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from statistics import median

import av
import numpy as np

from raysearch.evals.physics_iq import clips, layout, pixels, reals, scorer, table
from raysearch.evals.physics_iq.layout import VIEWS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="3840x2160", help="of the real clips")
    parser.add_argument("--clip", nargs="+", default=["832x480", "1280x720"], help="of the generated clips")
    parser.add_argument("--fps", type=int, default=8, choices=clips.RATES)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", help="write the figures here")
    args = parser.parse_args()
    rows = []
    for clip in args.clip:
        with tempfile.TemporaryDirectory() as folder:
            found = measure(Path(folder), _size(args.size), _size(clip), args.fps, args.repeat)
        rows.append({"real": args.size, "clip": clip, "fps": args.fps, **found})
        print(f"real {args.size}, clip {clip}, {args.fps} frames per second; seconds of one core per view")
        print(f"  official reading pattern  {found['official_s']:8.2f}")
        print(f"  raysearch, first model    {found['first_s']:8.2f}")
        print(f"  raysearch, cached         {found['cached_s']:8.2f}   {found['speedup']:.1f} x")
        print(f"  largest difference of any measure: {found['difference']:.1e}", flush=True)
    if args.json:
        Path(args.json).write_text(json.dumps(rows, indent=1) + "\n")


def measure(folder: Path, real: tuple[int, int], clip: tuple[int, int], fps: int, repeat: int) -> dict:
    """Both ways on the same files, in turns; medians of processor time, which others on the machine disturb least, and
    of the ratios of neighbours."""
    bench = folder / "physics-IQ-benchmark"
    for number, (take, view) in enumerate((t, v) for t in (1, 2) for v in VIEWS):
        size = real if view == VIEWS[0] else (64, 36)
        name = f"{number + 1:04d}_{{}}_{fps}FPS_{view}_take-{take}_trimmed-ball.mp4"
        path = bench / f"split-videos/testing/{fps}FPS" / name.format("testing-videos")
        film(path, size, fps, take)
        mask = bench / f"video-masks/real/{fps}FPS" / name.format("video-masks")
        write_masks(mask, path, fps)
    path = folder / "generated.mp4"
    film(path, clip, fps, 1.5)
    view = layout.read(bench, fps).views[0]
    start = time.process_time()
    scorer.measure((view, [path]), fps, str(folder / "cache"), clips.SECONDS)
    first = time.process_time() - start
    cached, official = [], []
    for _ in range(repeat):
        start = time.process_time()
        theirs = plain(view, path, fps, folder)
        official.append(time.process_time() - start)
        start = time.process_time()
        ours = scorer.measure((view, [path]), fps, str(folder / "cache"), clips.SECONDS)[0]
        cached.append(time.process_time() - start)
    apart = max(float(np.abs(np.subtract(ours[n], theirs[n])).max()) for n in table.NAMES)
    assert reals.cached(view, fps, folder / "cache")
    return {
        "official_s": median(official), "first_s": first, "cached_s": median(cached),
        "speedup": median(o / c for o, c in zip(official, cached, strict=True)), "difference": apart,
    }  # fmt: skip


def plain(view: layout.View, generated: Path, fps: int, folder: Path) -> dict:
    """The official pattern, restated: all files whole, stacks of floats, everything again for every model."""
    whole = list(clips.frames(view.real[1]))  # once for its size
    height, width = (n // 4 for n in whole[0].shape[:2])
    written = folder / "generated-mask.mp4"
    write_masks(written, generated, fps)
    videos = [_stack(path, width, height) for path in (generated, view.real[1], view.real[2])]
    masks = [_stack(path, width, height) > 127 / 255 for path in (written, view.masks[1], view.masks[2])]
    pairs = [_compare(videos[i], videos[j], masks[i], masks[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    return table.measurement(*pairs)


def _stack(path: Path, width: int, height: int) -> np.ndarray:
    return np.stack([pixels.resize(f, width, height) / 255 for f in clips.frames(path)])


def _compare(x: np.ndarray, y: np.ndarray, p: np.ndarray, q: np.ndarray) -> dict:
    def iou(a: np.ndarray, b: np.ndarray) -> float:
        union = np.logical_or(a, b).sum()
        return float(np.logical_and(a, b).sum() / union) if union else 1.0

    often = p.mean(0), q.mean(0)
    whole = np.maximum(*often).sum()
    return {
        "spatiotemporal_iou": [iou(a, b) for a, b in zip(p, q, strict=True)],
        "spatial_iou": iou(p.any(0), q.any(0)),
        "weighted_spatial_iou": float(np.minimum(*often).sum() / whole) if whole else 1.0,
        "mse": [float(np.mean((a - b) ** 2)) for a, b in zip(x, y, strict=True)],
    }


def write_masks(path: Path, source: Path, fps: int) -> None:
    """Masks of a clip as the official MPEG-4 file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as out:
        stream = None
        for mask in pixels.masks(clips.frames(source)):
            if stream is None:
                stream = out.add_stream("mpeg4", rate=fps)
                stream.height, stream.width, stream.pix_fmt = *mask.shape, "yuv420p"
                stream.gop_size, stream.bit_rate = 12, 2 * fps * mask.size
                stream.options = {"qmin": "3", "bt": str(2 * fps * mask.size)}
                stream.codec_context.thread_count = 1
            out.mux(stream.encode(av.VideoFrame.from_ndarray(mask.astype(np.uint8) * np.uint8(255), format="gray")))
        assert stream is not None
        out.mux(stream.encode())


def film(path: Path, size: tuple[int, int], fps: int, take: float) -> None:
    """A disc that rolls over a textured ground, with the grain that a camera has."""
    width, height = size
    rng = np.random.default_rng(0)
    ground = rng.integers(60, 190, (height // 8 + 1, width // 8 + 1, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    ground = ground[:height, :width]
    grain = rng.integers(-4, 5, (height, width, 1), dtype=np.int16)
    y, x = np.mgrid[0:height, 0:width]
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=Fraction(fps))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": "18", "preset": "ultrafast"}
        for k in range(clips.count(clips.SECONDS, fps)):
            t = k / fps
            frame = (ground + np.roll(grain, k * 17, 1)).clip(0, 255).astype(np.uint8)
            at = (0.1 + (0.15 + 0.01 * take) * t) * width, (0.5 + 0.02 * take) * height
            frame[(x - at[0]) ** 2 + (y - at[1]) ** 2 < (0.08 * height) ** 2] = (230, 120, 40)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        out.mux(stream.encode())


def _size(text: str) -> tuple[int, int]:
    width, height = text.split("x")
    return int(width), int(height)


if __name__ == "__main__":
    main()
