"""The times of MAGI-1's steps, the scales of its guidance, and the distances of its distilled models.

The path is x_t = t x0 + (1 - t) eps, so t = 0 is noise and t = 1 is clean.
"""

from __future__ import annotations

import torch
from torch import Tensor

from raysearch.generators.magi1.stages import TWELVE, Shortcut

GAPS: dict[Shortcut, tuple[int, int, int]] = {"8,16,16": (2, 1, 1), "16,16,8": (1, 1, 2)}
SHARP = 0.3  # from this time on a chunk is guided no more; of distilled models, its past is trusted less
CLEAN = 0.9999  # the time at which finished chunks are remembered
NEARLY_CLEAN = 0.7  # share of the past in the velocity of a distilled model's oldest chunk, beyond SHARP
_EDGE = torch.tensor(SHARP) - 1e-7


def table(steps: int, shortcut: Shortcut = "8,16,16") -> Tensor:
    """The times of the states of a chunk, fp32 [steps + 1], in the arithmetic of the published sampler."""
    u = torch.linspace(0, 1, steps + 1)
    if steps == TWELVE:
        starts = [sum(GAPS[shortcut][:i]) / 16 for i in range(3)]
        u = torch.cat([torch.tensor(starts) + quarter / 4 for quarter in range(5)])[: steps + 1]
    u = u**2
    return u / 3 / (1 + (1 / 3 - 1) * u)


def blurred(t: Tensor) -> Tensor:
    """Whether chunks at these times are guided, bool like t."""
    return t <= _EDGE


def past_is_trusted_less(t: Tensor) -> bool:
    """Whether a distilled model's oldest chunk in flight is nearly clean; compared in fp64, as published."""
    return t.item() > SHARP


def distance(steps: int, own: int, shortcut: Shortcut = "8,16,16") -> float:
    """What a distilled model is told of the length of the step that a chunk takes at its own step `own`."""
    return 8 / GAPS[shortcut][own % 3] if steps == TWELVE else steps / 2
