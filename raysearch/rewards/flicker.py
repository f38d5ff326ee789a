"""How steady a video looks, without weights. Both are 1 for a frozen video, so never go by them alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from raysearch.errors import UsageError
from raysearch.prompts import Prompt
from raysearch.rewards import Scores, frames


class Flicker:
    """1 - mean absolute change between neighbouring frames / 255, as VBench's temporal_flickering; 1 if nothing moves.

    Paper: Huang et al. 2024, arXiv 2311.17982 (VBench, temporal flickering)
    """

    size: int | None = None
    differentiable = True

    def score(self, view: np.ndarray, prompt: Prompt) -> Scores:
        return Scores(float(frames.flicker(frames.grey(view, 2))))

    def reward(self, video_BTCHW: Any) -> Any:
        """[B], of videos in [0, 1]; differentiable with respect to the pixels."""
        return frames.flicker(video_BTCHW.transpose(0, 1) * 255, (0, 2, 3, 4))


class Smoothness:
    """1 - mean |frame - mean of its neighbours| / 255: half the second difference in time; 1 if nothing moves.

    step: 1 for every inner frame, 2 for every other one, which is VBench's motion smoothness without its network.
    Paper: after Huang et al. 2024, arXiv 2311.17982 (VBench, motion smoothness)
    """

    size: int | None = None
    differentiable = True

    def __init__(self, step: int = 1):
        if step not in (1, 2):
            raise UsageError(f"smoothness.step={step}: 1 (every inner frame) or 2 (every other one)")
        self.step = step

    def score(self, view: np.ndarray, prompt: Prompt) -> Scores:
        return Scores(float(frames.smoothness(frames.grey(view, 3), None, self.step)))

    def reward(self, video_BTCHW: Any) -> Any:
        """[B], of videos in [0, 1]; differentiable with respect to the pixels."""
        return frames.smoothness(video_BTCHW.transpose(0, 1) * 255, (0, 2, 3, 4), self.step)
