"""What is measured of each scene, a line of JSON each; scenes that are in the file are not measured again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.magi.searches import LARGE, SEARCHES, Judges, level, searched
from benchmarks.magi.world import (
    FIRST,
    MADE,
    SEEN,
    advance,
    baselines,
    by_chunk,
    errors,
    load,
    motion,
    noise,
    scenes,
    seen,
)
from raysearch.generators.magi1.generator import MagiGenerator
from raysearch.prompts import Prompt
from raysearch.rewards.vjepa2.reward import VJEPA2Reward
from raysearch.tinyworld.heldout import FINE_FPS, Condition, condition
from raysearch.tinyworld.physics import PROMPTS, SCENES
from raysearch.tinyworld.truth import LOST

GOOD = 24  # true films through the autoencoder, which tell what is broken
Row = dict[str, Any]


class Measuring:
    """The models in this process.

    Args:
        model: `tiny-magi`, or a folder that training has written.
        seed: of all searches.
    """

    def __init__(self, model: str, seed: int):
        self.one, self.four, self.seed = load(model, 1), load(model, 4), seed
        shipped = VJEPA2Reward.load("tiny", stride=4)
        self.reward = VJEPA2Reward(shipped.model, remember=0, **shipped.convention.options())
        # without memory, so that every search pays for what it scores
        kinds = [SCENES[i % 2] for i in range(GOOD)]
        films = [self._passed(condition(kind, FIRST - 1 - i, FINE_FPS)) for i, kind in enumerate(kinds)]
        self.above = level(self.reward, films)

    def row(self, prompt: Prompt, truth: Condition) -> Row:
        """Everything of one scene."""
        of = self.one.given(prompt.text, truth.given, prompt.id)
        four = self.four.given(prompt.text, truth.given, prompt.id)
        pool = self._pool(of, truth)
        x = advance(four, noise(four, [self.seed, self.seed + 1]), 0, four.steps)
        row = {
            "scene": prompt.id, "seed": self.seed, "balls": int(truth.scenes.balls[0]), "pool": pool,
            "window_4": [by_chunk(errors(f, truth, 1)[0]).tolist() for f in seen(four, x, 0, MADE)],
            "autoencoder": by_chunk(errors(self._passed(truth)[SEEN:], truth, 1)[0]).tolist(),
            **{name: by_chunk(e).tolist() for name, e in baselines(truth).items()},
        }  # fmt: skip
        judges = Judges(self.reward, self.above, truth, int(np.random.default_rng([self.seed, prompt.scene_seed])
                        .integers(1 << 31)))  # fmt: skip
        row["searches"] = {
            f"{arm}/{by}": searched(of, judges, arm, by) for arm, (_, ways) in SEARCHES.items() for by in ways
        }
        return row

    def _pool(self, of: MagiGenerator, truth: Condition) -> Row:
        began = time.process_time()
        x = advance(of, noise(of, [1000 * self.seed + i for i in range(LARGE)]), 0, of.steps)
        films = seen(of, x, -1, MADE)
        rewards = [s.value for s in self.reward.score_all(films)]
        spent = time.process_time() - began
        found = [errors(film[SEEN:], truth, 1) for film in films]
        windows = [[f[SEEN * c : SEEN * (c + 2)] for f in films] for c in range(MADE)]
        return {
            "nfe": of.steps, "cpu_s": spent / LARGE, "reward": rewards,
            "error": [by_chunk(e).tolist() for e, _ in found], "lost": [by_chunk(e >= LOST).tolist() for e, _ in found],
            "area": [by_chunk(a).tolist() for _, a in found], "motion": [motion(f[SEEN:]) for f in films],
            "windows": np.array([[s.value for s in self.reward.score_all(w)] for w in windows]).T.tolist(),
        }  # fmt: skip

    def _passed(self, truth: Condition) -> np.ndarray:
        """The true film through the autoencoder, as it is seen."""
        video = torch.from_numpy(truth.video).permute(3, 0, 1, 2)[None].float() / 127.5 - 1
        of = self.one.given(truth.prompt, truth.given, "truth")
        with torch.no_grad():
            return seen(of, self.one.vae.encode(video), -1, MADE)[0]


def texts(model: str, n: int = 32) -> dict[str, float]:
    """How much of a first second from text alone is colourful, by prompt, and how well that tells the prompts."""
    loaded, found = load(model), {}
    for name in SCENES:
        of = loaded.given(PROMPTS[name], None, "text")
        x = advance(of, noise(of, list(range(n))), 0, of.steps // MADE)
        films = seen(of, x, 0, 1)
        found[name] = np.array([(np.ptp(f.astype(int), -1) > 40).mean() for f in films])  # balls are colourful
    one, two = (found[name] for name in SCENES)
    return {"area_one": float(one.mean()), "area_two": float(two.mean()), "auc": float((two[:, None] > one).mean())}


@cache
def _measuring(model: str, seed: int) -> Measuring:
    torch.set_num_threads(1)
    return Measuring(model, seed)


def _row(model: str, seed: int, prompt: Prompt, truth: Condition) -> Row:
    return _measuring(model, seed).row(prompt, truth)


def measured(model: str, n: int, seed: int, path: Path, workers: int) -> Iterator[list[Row]]:
    """The rows so far, after each scene; every row stands in the file by then."""
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []
    held = scenes(n)
    names = {prompt.id for prompt, _ in held}
    rows = [row for row in rows if row["scene"] in names and row["seed"] == seed]
    yield rows
    missing = [one for one in held if one[0].id not in {row["scene"] for row in rows}]
    path.parent.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(workers) as processes, path.open("a") as file:
        jobs = [processes.submit(_row, model, seed, prompt, truth) for prompt, truth in missing]
        try:
            for job in as_completed(jobs):
                rows.append(job.result())
                file.write(json.dumps(rows[-1]) + "\n")
                file.flush()
                yield rows
        finally:  # after an error or Ctrl-C, what has not begun is not begun
            processes.shutdown(cancel_futures=True)
