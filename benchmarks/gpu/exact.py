"""Whether a device gives the same bits twice, and how far it is from the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from benchmarks.gpu import models
from benchmarks.gpu.parts import WAN, Place, Row
from raysearch.config import tiny_defaults
from raysearch.config.settings import GeneratorConfig, Job
from raysearch.moves import Guide, Kernel, Move
from raysearch.prompts import Prompt
from raysearch.sampling.workers import GeneratorWorker, RewardWorker

SCENE = Prompt("scene", "a ball", scene="one_ball", scene_seed=1000)
NOISY, STEERED = Kernel("ddim_eta", 0.7), Guide("full", 0.02)
MOVES = {
    "the tiny pair, ode": Move(None, (0, 0, 0), 4),
    "the tiny pair, ddim_eta": Move(None, (0, 0, 1), 4, NOISY),
    "the tiny pair, guided by `full`": Move(None, (0, 0, 2), 2, NOISY, STEERED),
}


class Pair:
    """The shipped generator and reward on one device."""

    def __init__(self, device: str):
        job = Job(generator=GeneratorConfig(steps=4))
        tiny_defaults(job)
        self.reward = RewardWorker([{"name": "vjepa2"}], torch.get_num_threads(), device)
        self.size = self.reward.size()
        self.worker = GeneratorWorker(job.generator, self.size, torch.get_num_threads(), device)

    def run(self, move: Move) -> tuple[np.ndarray, np.ndarray, float]:
        """The latents, the view and the reward of a Move."""
        state, view, _ = self.worker.advance(move, "", SCENE, None, self.reward.gradient)
        assert state is not None and view is not None
        values, _ = self.reward.score(view, SCENE)
        return np.asarray(state.x), view, float(values["vjepa2"])


def twice(place: Place) -> list[Row]:
    """Moves of the tiny pair, and a step of a random Wan in the dtype of its card, each made two times."""
    pair, rows = Pair(place.device), list[Row]()
    for what, move in MOVES.items():
        first, second = pair.run(move), pair.run(move)
        rows.append({"what": what, "same_bits": all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))})
    denoised = [_denoised(models.build(WAN, place)) for _ in range(2)]
    return [*rows, {"what": "a step of Wan 2.1 1.3B", "same_bits": torch.equal(*denoised)}]


def against_cpu(place: Place) -> list[Row]:
    """The largest differences of the tiny pair on this device from the CPU: latents, pixels of 255, reward."""
    here, cpu, rows = Pair(place.device), Pair("cpu"), list[Row]()
    for what, move in MOVES.items():
        (x, view, reward), (x0, view0, reward0) = here.run(move), cpu.run(move)
        pixels = np.abs(view.astype(float) - view0.astype(float)).max()
        rows.append({"what": what, "difference": float(np.abs(x - x0).max()), "pixels": float(pixels),
                     "reward": abs(reward - reward0)})  # fmt: skip
    return rows


def _denoised(model: Any) -> torch.Tensor:
    generator, noise = model.given("", None, "benchmark"), torch.Generator()
    with torch.no_grad():
        return generator.denoise(generator.draw(noise.manual_seed(0)), generator.steps // 2, noise).cpu()
