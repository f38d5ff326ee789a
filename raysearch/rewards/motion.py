"""How much moves. No weights; watched beside every search, so that a frozen video cannot win unseen."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from raysearch import prompts
from raysearch.errors import UsageError
from raysearch.prompts import Prompt
from raysearch.rewards import Scores, frames

STILL = 0.05  # grey levels per frame: below this a conditioning clip shows no motion that could be gone on with


class Motion:
    """Mean absolute change between neighbouring frames, in grey levels of 255 per frame: an amount, no quality.

    relative: the value is instead a multiple of the motion in the conditioning clip, measured after the given frames,
    so that a video that stops moving where it is on its own is near 0; 1 where the clip itself stands still. Then every
    prompt needs a clip.
    """

    size: int | None = None
    differentiable = True

    def __init__(self, relative: bool = False):
        self.relative = relative

    def score(self, view: np.ndarray, prompt: Prompt) -> Scores:
        x = frames.grey(view)
        if self.relative:
            return self._relative(x, prompt)
        return Scores(float(frames.motion(x)) if len(x) > 1 else 0.0)

    def reward(self, video_BTCHW: Any) -> Any:
        """[B], of videos in [0, 1], never relative; differentiable with respect to the pixels."""
        return frames.motion(video_BTCHW.transpose(0, 1) * 255, (0, 2, 3, 4))

    def _relative(self, x: np.ndarray, prompt: Prompt) -> Scores:
        given, count = _given(prompt, *x.shape[1:3])
        own = x[count - 1 :] if count <= len(x) - 2 else x
        made = float(frames.motion(own)) if len(own) > 1 else 0.0
        return Scores(made / given if given > STILL else 1.0, {"given": given, "made": made})


@lru_cache(maxsize=256)
def _given(prompt: Prompt, height: int, width: int) -> tuple[float, int]:
    """Motion in the conditioning clip at the size of the view, and how many frames it has."""
    clip = prompts.frames(prompt)
    if clip is None or len(clip) < 2:
        raise UsageError(
            f"motion.relative: prompt {prompt.id!r} has no clip to compare with; give it `video` or `scene`, or use "
            "the absolute amount of motion"
        )
    if clip.shape[1:3] != (height, width):
        from PIL import Image

        scaled = [Image.fromarray(f).resize((width, height), Image.Resampling.BILINEAR) for f in clip]
        clip = np.stack([np.asarray(f) for f in scaled])
    return float(frames.motion(frames.grey(clip))), len(clip)
