"""The generator as its own judge: how well it denoises a clip that it has finished (LikePhys, 2510.11512).

A finished candidate is noised again, and the loss is how far the network is from the noise that was put in. There is no
second model and no decoding, but a network evaluation a level, so it runs on generator replicas.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from raysearch.errors import UsageError
from raysearch.options import Count
from raysearch.prompts import Prompt
from raysearch.rewards.base import Declaration, Reward, Scores


@Declaration(on_generators=True)
class LikePhys(Reward):
    """Minus the denoising loss of the generator on its own finished clip, in units of the noise.

    LikePhys (2510.11512), which tells matched pairs of clips apart. Candidates of one prompt are not matched: on the
    tiny pair the loss prefers what moves little, so watch it beside `motion` before you choose by it.

    Args:
        levels: noise levels, evenly spaced over the steps of the sampler; a network evaluation each.
    """

    def __init__(self, levels: Count = 10):
        self.levels = levels

    def steps(self, steps: int) -> list[int]:
        """The steps of a sampler of this many at whose noise the clip is judged, each once."""
        return sorted({k * steps // self.levels for k in range(self.levels)})

    def judged(self, losses: Sequence[float]) -> Scores:
        """The Scores of the losses at these steps."""
        return Scores(-float(np.mean(losses)))

    def score(self, view: np.ndarray, prompt: Prompt, fps: float | None = None) -> Scores:
        """Raises UsageError: frames alone do not show what the generator thinks of them."""
        raise UsageError("likephys judges what its own generator has made, in a run; frames alone cannot be judged")
