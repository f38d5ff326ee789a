"""A synthetic data set in the layout of Physics-IQ: 4 scenarios, 3 views, 2 takes, lossless, the same on every machine.

official/*.csv holds what the official scorer (OpenCV, tree of August 2026) printed for these very clips at 8 frames per
second; the scores below are the ones it printed.
"""

import csv
import shutil
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

VIEWS = ("perspective-left", "perspective-center", "perspective-right")
KINDS = ("ball-fall", "ball-roll", "static", "disjoint")
MODELS = {  # take, mode, factor of the size
    "take1": (1, None, 1.0), "take2": (2, None, 1.0), "freeze": (1, "freeze", 1.0), "half": (2, None, 0.5),
    "noise": (1, "noise", 1.0),
}  # fmt: skip
FEW, FEW_KINDS = ("half",), ("ball-fall", "static")  # one scenario moves, one does not: a fifth of the work
HERE = Path(__file__).parent
OFFICIAL = {  # original as printed, Verified
    "take1": (100.0, 99.9999998125), "take2": (100.0, 87.49999789836292), "freeze": (58.65, 49.729889029217067),
    "half": (90.08, 78.20943865120235), "noise": (100.0, 83.07271837889090),
}  # fmt: skip


def write(root: Path, models=(), fps: int = 8, size=(320, 180), kinds=KINDS) -> Path:
    """The data set; returns its folder. Generated clips go to root/gen/MODEL."""
    bench = root / "physics-IQ-benchmark"
    rows, count = [], 3 * len(kinds)
    for take in (1, 2):
        for n, (s, kind, v, view) in enumerate(_all(kinds)):
            tail = f"{view}_take-{take}_trimmed-synth-{kind}.mp4"
            number = (take - 1) * count + n + 1
            path = bench / f"split-videos/testing/{fps}FPS/{number:04d}_testing-videos_{fps}FPS_{tail}"
            save(path, render(kind, v, take, s, size, fps), fps)
            rows.append((f"{number:04d}_{tail}", f"synthetic {kind}", "Solid Mechanics", generated(n + 1, view, kind)))
    with (root / "descriptions.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("scenario", "description", "category", "generated_video_name"), *rows])
    for model in models:
        take, mode, factor = MODELS[model]
        small = tuple(int(x * factor) // 2 * 2 for x in size)
        for n, (s, kind, v, view) in enumerate(_all(kinds)):
            path = root / "gen" / model / generated(n + 1, view, kind)
            if model in ("take1", "take2"):
                path.parent.mkdir(parents=True, exist_ok=True)
                number = (take - 1) * count + n + 1
                shutil.copy(next((bench / f"split-videos/testing/{fps}FPS").glob(f"{number:04d}_*")), path)
                continue
            save(path, render(kind, v, take, s, small, fps, mode), fps)
    return bench


def _all(kinds):
    return [(KINDS.index(kind), kind, v, view) for kind in kinds for v, view in enumerate(VIEWS)]


def generated(number, view, kind):
    return f"{number:04d}_{view}_trimmed-synth-{kind}.mp4"


def render(kind, v, take, s, size, fps, mode=None, seconds=5):
    (w, h), n = size, seconds * fps
    chance = np.random.RandomState(1000 + s).rand(4)
    ground, noise = _ground(w, h, 17 * s + v), np.random.RandomState(99 + s * 10 + v)
    y, x = np.mgrid[0:h, 0:w]
    frames = np.empty((n, h, w, 3), np.uint8)
    for i in range(n):
        px, py = _pose(kind, 0.0 if mode == "freeze" else i / fps, take, chance)
        px, radius, image = (px + 0.06 * (v - 1)) * w, (0.05 + 0.01 * v) * h * 1.6, ground.copy()
        near = tuple(slice(max(int(c - radius) - 2, 0), max(int(c + radius) + 3, 0)) for c in (py * h, px))
        cover = np.clip(radius - np.hypot(x[near] + 0.5 - px, y[near] + 0.5 - py * h) + 0.5, 0, 1)[..., None]
        image[near] = image[near] * (1 - cover) + cover * np.asarray((230, 120 - 30 * v, 40), float)
        if mode == "noise":
            image = image + noise.randint(-40, 41, image.shape)
        frames[i] = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    return frames


def save(path: Path, frames, rate, codec="libx264rgb", times=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=Fraction(rate))
        stream.pix_fmt = "rgb24" if codec == "libx264rgb" else "yuv420p"
        stream.options = {"qp": "0", "preset": "ultrafast", "threads": "1"}
        stream.height, stream.width = frames.shape[1:3]
        for k, f in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(f), format="rgb24")
            if times is not None:
                frame.pts, frame.time_base = times[k], Fraction(1, 1000)
                stream.codec_context.time_base = Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())


def _ground(w, h, seed):
    low = np.random.RandomState(seed).randint(60, 180, (6, 8, 3)).astype(np.float64)
    yy, xx = np.linspace(0, 5, h), np.linspace(0, 7, w)
    y0, x0 = np.minimum(yy.astype(int), 4), np.minimum(xx.astype(int), 6)
    fy, fx = (yy - y0)[:, None, None], (xx - x0)[None, :, None]
    above = (1 - fy) * (1 - fx) * low[y0][:, x0] + (1 - fy) * fx * low[y0][:, x0 + 1]
    return above + fy * (1 - fx) * low[y0 + 1][:, x0] + fy * fx * low[y0 + 1][:, x0 + 1]


def _pose(kind, t, take, chance):
    """Centre of the ball at time t in seconds, in units of width and height."""
    if kind == "ball-fall":
        x, y, speed, dt = 0.45 + 0.10 * chance[0] + 0.015 * (take - 1), 0.15, 0.0, 1 / 240.0
        for _ in range(round(t / dt)):
            speed += 0.55 * dt
            y += speed * dt
            if y > 0.8:
                y, speed = 0.8 - (y - 0.8), -(0.62 + 0.04 * (take - 1)) * speed
        return x, y
    if kind == "ball-roll":
        return 0.12 + (0.16 + 0.012 * (take - 1) + 0.02 * chance[1]) * t, 0.62
    if kind == "static":
        return 0.5, 0.5
    return (0.15 + 0.1 * t, 0.2) if take == 1 else (0.85 - 0.1 * t, 0.8)
