"""Many candidates of held-out conditions with rewards and truth, in this process: for measuring the pair."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from raysearch.config import tiny_defaults
from raysearch.config.settings import GeneratorConfig, Job
from raysearch.moves import Move
from raysearch.prompts import Prompt
from raysearch.sampling.workers import GeneratorWorker
from raysearch.tinyworld.heldout import condition
from raysearch.tinyworld.physics import PROMPTS, SCENES
from raysearch.tinyworld.truth import measure


def prompts(conditions: int, first: int = 0) -> list[Prompt]:
    """Held-out conditions, scenes in turn; the same ids as `prompts.heldout` of a job gives."""
    picks = [(SCENES[k % len(SCENES)], first + k) for k in range(conditions)]
    return [Prompt(f"{s}-{k:03d}", PROMPTS[s], scene=s, scene_seed=k) for s, k in picks]


def views(conditions: int, candidates: int, seed: int = 0, first: int = 0) -> Iterator[tuple[Prompt, np.ndarray]]:
    """(prompt, finished videos uint8 [candidates, frames, H, W, 3]): those best-of-n would draw with this seed."""
    job = Job(generator=GeneratorConfig())
    tiny_defaults(job)
    assert job.generator.steps is not None
    worker = GeneratorWorker(job.generator, None, threads=1)
    for prompt in prompts(conditions, first):
        moves = [Move(None, (seed, 0, i), job.generator.steps) for i in range(candidates)]
        yield prompt, np.stack([worker.advance(m, "", prompt, None)[1] for m in moves])


def draw(conditions: int, candidates: int, seed: int = 0) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Rewards [conditions, candidates] of the shipped reward, and every truth measure in the same shape."""
    from raysearch.rewards.vjepa2.reward import VJEPA2Reward

    reward = VJEPA2Reward.load("tiny")
    rewards, truths = [], []
    for prompt, videos in views(conditions, candidates, seed):
        rewards.append([reward.score(v).value for v in videos])
        truths.append(truth_of(prompt, videos))
    return np.array(rewards), {k: np.stack([t[k] for t in truths]) for k in truths[0]}


def truth_of(prompt: Prompt, videos: np.ndarray) -> dict[str, np.ndarray]:
    """Every truth measure of the videos of one condition, [candidates] each."""
    assert prompt.scene is not None
    found = [measure(v, condition(prompt.scene, prompt.scene_seed)) for v in videos]
    return {k: np.array([f[k] for f in found]) for k in found[0]}
