"""Noise that moves along a plan: the worked example of `generator.draw`, for the tiny generator.

    generator: {draw: "examples.planned_noise:moving"}
    prompts: {items: [{id: ball, text: a ball, scene: one_ball, plan: {path: [[8, 20], [16, 12], [24, 20]], mix: 0.5}}]}

The path is where the ball is to be, in pixels, at even times from the first frame to the last; a language model may
write it. The noise at its first free point is carried along and mixed with fresh noise, as in VLIPP and
Go-with-the-Flow (arXiv 2503.23368, 2501.08331): ((1 - mix) w + mix n) / sqrt((1 - mix)^2 + mix^2), which keeps its
variance. The tiny generator was not trained on such noise, as theirs was, so it need not follow the path.
"""

from __future__ import annotations

import json
import math

import numpy as np
import torch

from raysearch.errors import UsageError
from raysearch.prompts import Prompt
from raysearch.tinyworld.heldout import FRAMES, GIVEN
from raysearch.tinyworld.physics import SIZE

PER_LATENT = 2  # frames of a latent frame, but for the first
LATENTS, HELD = (FRAMES - 1) // PER_LATENT + 1, (GIVEN - 1) // PER_LATENT + 1
GRID = 4  # tokens a side


def moving(prompt: Prompt, drawn: torch.Tensor, noise: torch.Generator) -> torch.Tensor:
    """The noise [1, tokens, C] with a token that is carried along the path; the drawn noise where there is no plan.

    Raises:
        UsageError: for a plan without a path of at least two points, and for a mix outside [0, 1].
    """
    if prompt.plan is None:
        return drawn
    plan = json.loads(prompt.plan)
    path, mix = plan.get("path", []), float(plan.get("mix", 0.5))
    if len(path) < 2 or not 0 <= mix <= 1:
        raise UsageError(
            f"prompt {prompt.id!r}: plan={prompt.plan}: give a path of at least two points [x, y], and a mix in [0, 1]"
        )
    carried, scale = None, math.hypot(1 - mix, mix)
    made = drawn.clone()
    for frame, place in enumerate(places(path)):
        if frame < HELD:
            continue  # the given frames stand there
        token = frame * GRID * GRID + place
        carried = drawn[:, token].clone() if carried is None else carried
        made[:, token] = ((1 - mix) * carried + mix * drawn[:, token]) / scale if frame > HELD else carried
    return made


def places(path: list[list[float]]) -> list[int]:
    """The token in which the path is at each latent frame."""
    at = np.linspace(0, len(path) - 1, LATENTS)
    x, y = (np.interp(at, range(len(path)), [point[k] for point in path]) for k in (0, 1))
    cells = [(v * GRID / SIZE).astype(int).clip(0, GRID - 1) for v in (x, y)]
    return [int(column + GRID * row) for column, row in zip(*cells, strict=True)]
