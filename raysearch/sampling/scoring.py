"""What a reward replica does in every executor: score a view, or give the gradient of its reward to a guide."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch

from raysearch import devices, rewards
from raysearch.errors import UsageError
from raysearch.prompts import Prompt
from raysearch.rewards.base import context_flows
from raysearch.sampling.guidance import Critic


class RewardWorker:
    """One replica of the rewards.

    Args:
        specs: the rewards; the one that the search goes by first, then the watched ones. Those that generators measure
            are left out.
        threads: of torch.
        device: the torch device.
        fps: frames per second of the views, None where not known.
    """

    def __init__(self, specs: list[dict[str, Any]], threads: int, device: str = "cpu", fps: float | None = None):
        torch.set_num_threads(threads)
        devices.reproducible(device)
        here = [spec for spec in specs if not rewards.on_generators(spec)]
        self.rewards = {rewards.label(spec): rewards.load(spec, device) for spec in here}
        self.fps = fps

    def size(self) -> int | None:
        """The side of the square view that serves all rewards; None for whole frames, if one of them needs those."""
        if any(reward.whole_frames for reward in self.rewards.values()):
            return None
        return max((r.size for r in self.rewards.values() if r.size), default=None)

    def score(self, view: np.ndarray, prompt: Prompt) -> tuple[dict[str, float | str], float]:
        """Score a view by every reward.

        Returns:
            The values by reward in order, details as name.detail, and the seconds that it took. A reward that cannot
            judge the view is NaN, and name.error says why, for a bad candidate is no fault of the replica.
        """
        start, values = time.perf_counter(), dict[str, float | str]()
        for name, reward in self.rewards.items():
            try:
                if view.dtype != np.uint8:
                    raise UsageError("the frames hold NaN or infinite values")
                scores = reward.score(view, prompt, self.fps)
            except UsageError as error:
                values |= {name: float("nan"), f"{name}.error": str(error)}
                continue
            values[name] = scores.value
            values |= {f"{name}.{k}": v for k, v in scores.details.items()}
        return values, time.perf_counter() - start

    def gradient(self, view: np.ndarray, through_context: bool = True) -> tuple[float, np.ndarray]:
        """The first reward of a view, fp32 [T, 3, H, W] in [0, 1], and its gradient: what guidance asks for.

        Without `through_context` what the reward predicts is a constant to the gradient; see rewards.base.
        """
        name, reward = next(iter(self.rewards.items()))
        if not reward.differentiable:
            raise UsageError(f"reward.name={name!r}: has no gradient to guide by; use one that has, such as vjepa2")
        video = torch.from_numpy(np.array(view))[None].requires_grad_(True)
        with torch.enable_grad(), context_flows(through_context):
            value = reward.reward(video, self.fps)
            (slope,) = torch.autograd.grad(value.sum(), video)
        return value.item(), slope[0].numpy()


def colocated(specs: list[dict[str, Any]], threads: int, device: str, fps: float | None = None) -> Critic:
    """A critic in this process: a replica of the reward of its own."""
    return RewardWorker(specs, threads, device, fps).gradient
