"""How much moves. No weights; watched beside every search, so that a frozen video cannot win unseen."""

from __future__ import annotations

import numpy as np

from raysearch.prompts import Prompt
from raysearch.rewards import Scores


class Motion:
    """Mean absolute change between neighbouring frames, in grey levels of 255 per frame."""

    size: int | None = None
    differentiable = False

    def score(self, view: np.ndarray, prompt: Prompt) -> Scores:
        if len(view) < 2:
            return Scores(0.0)
        return Scores(float(np.abs(np.diff(view.astype(np.float32), axis=0)).mean()))
