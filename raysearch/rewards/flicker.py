"""How little a video changes from frame to frame. No weights; it is 1 for a frozen video, so never use it alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from raysearch.prompts import Prompt
from raysearch.rewards import frames
from raysearch.rewards.base import Declaration, Reward, Scores

if TYPE_CHECKING:
    from torch import Tensor


@Declaration(fits=frames.at_least(2))
class Flicker(Reward):
    """1 - mean absolute change between neighbouring frames / 255, as VBench's temporal_flickering; 1 if nothing moves.

    Paper: Huang et al. 2024, arXiv 2311.17982 (VBench, temporal flickering)
    """

    differentiable = True

    def score(self, view: np.ndarray, prompt: Prompt, fps: float | None = None) -> Scores:
        """One minus the mean absolute difference of neighbouring frames of a view, uint8 [T, H, W, 3]."""
        return Scores(float(frames.flicker(frames.grey(view, 2))))

    def reward(self, video_BTCHW: Tensor, fps: float | None = None) -> Tensor:
        """The same of videos in [0, 1], [B]; differentiable."""
        reward_B: Tensor = frames.flicker(video_BTCHW.transpose(0, 1) * 255, (0, 2, 3, 4))
        return reward_B
