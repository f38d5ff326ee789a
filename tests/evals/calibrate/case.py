"""A run folder with videos, made by hand: prompts whose truth one verifier knows and another one does not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from raysearch import videos


def ball(speed: float, frames: int = 12, side: int = 32, jump: bool = False) -> np.ndarray:
    """A bright disc that moves to the right before a still background."""
    y, x = np.mgrid[:side, :side]
    clip = np.full((frames, side, side, 3), 60, np.uint8)
    for t in range(frames):
        at = 6 + speed * t + (8 if jump and t >= frames // 2 else 0)
        clip[t][(x - at % side) ** 2 + (y - 16) ** 2 < 16] = (230, 200, 40)
    return clip


def run(folder: Path, prompts: int = 8, n: int = 5, films: bool = False, seed: int = 0) -> Path:
    """A run folder whose reward `good` follows the truth and whose `bad` does not."""
    rng, searches = np.random.default_rng(seed), []
    for p in range(prompts):
        finals, paths = [], {}
        for i in range(n):
            truth, key = float(rng.normal()), f"{p:04x}{i:04x}" + "0" * 24
            rewards = {"good": truth + 0.4 * rng.normal(), "bad": float(rng.normal()), "tinyworld_truth": truth,
                       "motion": float(rng.uniform(1, 2))}  # fmt: skip
            finals.append({"key": key, "reward": rewards["good"], "rewards": rewards, "log_ratio": 0.0, "cost": {}})
            paths[key] = f"films/p{p}/{key[:12]}.mp4"
            if films:
                path = folder / paths[key]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(videos.encode(ball(0.5 + 0.3 * i), 8))
        searches.append({
            "name": f"p{p}", "prompt": {"id": f"p{p}", "text": "a ball", "scene": "one_ball", "scene_seed": p},
            "error": None, "cost": {}, "films": paths, "finals": finals, "best": 0, "log_weights": None, "log_z": None,
            "notes": {},
        })  # fmt: skip
    result = {"hash": "h", "reward": "good", "searches": searches, "unguided": [], "budget": {}, "versions": {}}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "result.json").write_text(json.dumps(result))
    (folder / "manifest.json").write_text("{}")
    (folder / "config.yaml").write_text(
        "search: {name: best_of_n}\nreward: {name: smoothness, label: good}\n"
        "watch: [motion, {name: flicker, label: bad}, tinyworld_truth]\n"
    )
    return folder
