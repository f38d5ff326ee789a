"""Views whose rewards are known by hand."""

import numpy as np

from raysearch import rewards
from raysearch.prompts import Prompt

PLAIN = Prompt("p", "a ball")
SCENE = Prompt("s", "a ball", scene="one_ball", scene_seed=3)
STILL = np.full((6, 8, 8, 3), 100, np.uint8)
RAMP = STILL + np.arange(0, 60, 10, dtype=np.uint8)[:, None, None, None]
BLINK = np.where(np.arange(6)[:, None, None, None] % 2, STILL + 51, STILL).astype(np.uint8)


def value(view: np.ndarray, prompt: Prompt = PLAIN, **spec) -> float:
    return rewards.load(spec).score(view, prompt).value
