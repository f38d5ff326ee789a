"""Candidates of held-out scenes at every read of a search, with rewards, truth and what they cost; kept in files.

A deterministic candidate is the same in every search that draws it, so searches are replayed on pools (replay.py).
Seconds are those of the processor that this process has used: other work on the machine does not count.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from examples.candidates import prompts
from raysearch import storage
from raysearch.config import tiny_defaults
from raysearch.config.settings import GeneratorConfig, Job
from raysearch.generators.diffusers import DiffusersModel
from raysearch.moves import Move
from raysearch.prompts import Prompt
from raysearch.rewards.vjepa2.reward import VJEPA2Reward
from raysearch.sampling.move import address, run_move, shown
from raysearch.sampling.state import State
from raysearch.sampling.views import reduce
from raysearch.tinyworld.heldout import condition
from raysearch.tinyworld.truth import measure

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Pool:
    """Candidates of one model.

    Attributes:
        model: `generator.model`.
        steps: of a candidate.
        reads: steps at which it is looked at; the last is `steps`.
        decoder: whether reads before the last are decoded by the tiny decoder as well.
        shift: of the times; None for what suits the model.
    """

    model: str
    steps: int
    reads: tuple[int, ...]
    decoder: bool = False
    shift: float | None = None

    @property
    def name(self) -> str:
        """Of its files."""
        return f"{self.model}-{self.steps}"


class Collector:
    """Draws the candidates of a pool.

    Args:
        pool: of which model, and where to look.
        candidates: of each scene.
        folder: where the figures of a scene are kept once they are known.
    """

    def __init__(self, pool: Pool, candidates: int, folder: Path):
        self.pool, self.candidates, self.folder = pool, candidates, folder / pool.name
        settings: dict[str, Any] = {"model": pool.model, "steps": pool.steps, "shift": pool.shift}
        if pool.decoder:
            settings["preview"] = {"decoder": "tiny"}
        job = Job(generator=GeneratorConfig(**settings))
        tiny_defaults(job)
        shipped = VJEPA2Reward.load("tiny")
        self.reward = VJEPA2Reward(shipped.model, remember=0, **shipped.convention.options())  # every score is measured
        self.model = DiffusersModel.load(job.generator)

    def scene(self, prompt: Prompt) -> dict[str, np.ndarray]:
        """The figures of one scene, each [candidates, ...]; read from its file if it is there."""
        path = self.folder / f"{prompt.id}-{self.candidates}.npz"
        if not path.exists():
            generator = self.model.on(prompt)
            generator.path(0)  # what is computed once for a prompt is no cost of a candidate
            rows = [self._candidate(generator, prompt, i) for i in range(self.candidates)]
            path.parent.mkdir(parents=True, exist_ok=True)
            with storage.making(path) as temporary, temporary.open("wb") as file:
                np.savez(file, **{name: np.array([row[name] for row in rows]) for name in rows[0]})
        with np.load(path) as found:
            return dict(found)

    def _candidate(self, generator: Any, prompt: Prompt, i: int) -> dict[str, list[float]]:
        found: dict[str, list[float]] = {}
        state: State | None = None
        for to in self.pool.reads:
            move = Move(None if state is None else "before", (0, 0, i), to)
            with torch.no_grad():
                (state, _, nfe), seconds = timed(lambda m=move, s=state: run_move(generator, m, prompt, s, CPU))
                row = {"nfe": float(nfe), "network_s": seconds} | self._looked_at(generator, prompt, state, to)
            for name, value in row.items():
                found.setdefault(name, []).append(value)
        return found

    def _looked_at(self, generator: Any, prompt: Prompt, state: State, to: int) -> dict[str, float]:
        """Reward, truth and seconds of what a state shows; of the tiny decoder's view too, NaN where there is none."""
        x0 = shown(generator, state)
        latents = torch.from_numpy(np.array(state.x)) if x0 is None else x0

        def decoded() -> np.ndarray:
            return reduce(generator.decode(latents, address(prompt, state.seed, "decode", state.step)), None)

        video, decode_s = timed(decoded)
        scores, score_s = timed(lambda: self.reward.score(video))
        assert prompt.scene is not None
        truth = measure(video, condition(prompt.scene, prompt.scene_seed))
        row = {"reward": scores.value, "px": truth["trajectory_error"], "decode_s": decode_s, "score_s": score_s}
        small = {"tiny_reward": np.nan, "tiny_decode_s": np.nan, "tiny_db": np.nan}
        if self.pool.decoder and to < self.pool.steps:
            with generator.previewing():
                view, seconds = timed(decoded)
            wrong = np.square((view.astype(float) - video) / 255).mean()
            small = {"tiny_reward": self.reward.score(view).value, "tiny_decode_s": seconds,
                     "tiny_db": -10 * np.log10(max(wrong, 1e-10))}  # fmt: skip
        return row | small


def timed(run: Any) -> tuple[Any, float]:
    """What a function returns, and the seconds of the processor that it took."""
    start = time.process_time()
    return run(), time.process_time() - start


def scenes(count: int) -> list[Prompt]:
    """The held-out scenes of `make best-of-n`, the first `count` of them."""
    return prompts(count)
