"""How steadily a video changes. No weights; it is 1 for a frozen video, so never use it alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np
from annotated_types import Ge, Le

from raysearch.prompts import Prompt
from raysearch.rewards import frames
from raysearch.rewards.base import Declaration, Reward, Scores

if TYPE_CHECKING:
    from torch import Tensor


@Declaration(fits=frames.at_least(3))
class Smoothness(Reward):
    """1 - mean |frame - mean of its neighbours| / 255: half the second difference in time; 1 if nothing moves.

    Args:
        step: 1 for every inner frame, 2 for every other one, which is VBench's motion smoothness with linear
            interpolation in place of its network.

    Paper: after Huang et al. 2024, arXiv 2311.17982 (VBench, motion smoothness)
    """

    differentiable = True

    def __init__(self, step: Annotated[int, Ge(1), Le(2)] = 1):
        self.step = step

    def score(self, view: np.ndarray, prompt: Prompt, fps: float | None = None) -> Scores:
        """One minus the mean error of interpolating each frame of a view, uint8 [T, H, W, 3], linearly."""
        return Scores(float(frames.smoothness(frames.grey(view, 3), None, self.step)))

    def reward(self, video_BTCHW: Tensor, fps: float | None = None) -> Tensor:
        """The same of videos in [0, 1], [B]; differentiable."""
        reward_B: Tensor = frames.smoothness(video_BTCHW.transpose(0, 1) * 255, (0, 2, 3, 4), self.step)
        return reward_B
