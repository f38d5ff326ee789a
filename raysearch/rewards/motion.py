"""How much moves. No weights; it is watched beside every search, so that a frozen video cannot win unnoticed."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from raysearch import prompts, videos
from raysearch.errors import UsageError
from raysearch.prompts import Prompt
from raysearch.rewards import frames
from raysearch.rewards.base import Declaration, Need, Reward, Scores, Spec

if TYPE_CHECKING:
    from torch import Tensor

STILL = 0.05  # grey levels per frame; a conditioning clip with less shows no motion that a video could continue


def _needs(spec: Spec) -> Need:
    return "clip" if spec.get("relative") else ""


@Declaration(needs=_needs)
class Motion(Reward):
    """Mean absolute change between neighbouring frames, in grey levels of 255 per frame: an amount, no quality.

    Args:
        relative: divide by the motion in the conditioning clip, and look only at the frames after the given ones, so
            that a video that stops moving there is near 0; 1 where the clip itself stands still. Every prompt then
            needs a clip.
    """

    differentiable = True

    def __init__(self, relative: bool = False):
        self.relative = relative

    def score(self, view: np.ndarray, prompt: Prompt, fps: float | None = None) -> Scores:
        """The amount of motion in a view, uint8 [T, H, W, 3], in grey levels per frame, or relative to the clip."""
        grey = frames.grey(view)
        if self.relative:
            return self._relative(grey, prompt, fps)
        return Scores(float(frames.motion(grey)) if len(grey) > 1 else 0.0)

    def reward(self, video_BTCHW: Tensor, fps: float | None = None) -> Tensor:
        """The amount of motion [B] of videos in [0, 1], never the relative one; differentiable."""
        reward_B: Tensor = frames.motion(video_BTCHW.transpose(0, 1) * 255, (0, 2, 3, 4))
        return reward_B

    def _relative(self, grey: np.ndarray, prompt: Prompt, fps: float | None) -> Scores:
        given, count = _given(prompt, *grey.shape[1:3], fps)
        generated = grey[count - 1 :] if count <= len(grey) - 2 else grey
        made = float(frames.motion(generated)) if len(generated) > 1 else 0.0
        return Scores(made / given if given > STILL else 1.0, {"given": given, "made": made})


@lru_cache(maxsize=256)
def _given(prompt: Prompt, height: int, width: int, fps: float | None) -> tuple[float, int]:
    """Motion in the conditioning clip at the size, shape and rate of the view, and the number of its frames."""
    clip = prompts.frames(prompt, fps)
    if clip is None or len(clip) < 2:
        raise UsageError(
            f"motion.relative: prompt {prompt.id!r} has no clip to compare with; give it `video` or `scene`, or use "
            "the absolute amount of motion"
        )
    if clip.shape[1:3] != (height, width):
        from PIL import Image

        clip = videos.fit(clip, height, width)
        scaled = [Image.fromarray(f).resize((width, height), Image.Resampling.BILINEAR) for f in clip]
        clip = np.stack([np.asarray(f) for f in scaled])
    return float(frames.motion(frames.grey(clip))), len(clip)
