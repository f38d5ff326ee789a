"""Rewards: what judges a preview. `load` makes one from its configuration; importing this loads no model library.

A reward eats views (uint8 videos reduced on the generator to `size` pixels a side) and returns Scores. Higher is
better. Measures that are only watched, such as the amount of motion, have the same form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from raysearch.errors import UsageError
from raysearch.names import lookup
from raysearch.prompts import Prompt


@dataclass(frozen=True)
class Scores:
    """value: the reward, NaN where it does not apply. details: named numbers beside it, e.g. per window."""

    value: float
    details: Mapping[str, float] = field(default_factory=dict)


class Reward(Protocol):
    """size: side of the square view it wants, px; None takes any. differentiable: a guide can use it."""

    size: int | None
    differentiable: bool

    def score(self, view: np.ndarray, prompt: Prompt) -> Scores:
        """The reward of one view, uint8 [frames, height, width, 3]."""
        ...


def check(options: Mapping[str, Any], key: str = "reward") -> None:
    """Raise UsageError for a reward or an option that does not exist, without loading anything."""
    entry = lookup(f"{key}.name: reward", str(options.get("name")), REWARDS)
    for option in options:
        if option != "name":
            known = dict.fromkeys(entry.options)
            if not known:
                raise UsageError(f"{key}.{option}: {options['name']} has no options")
            lookup(f"{key}: option of {options['name']}", option, known)


def load(options: Mapping[str, Any], device: str = "cpu") -> Reward:
    """The reward named by options["name"], with the other options. Raises UsageError for unknown names or options."""
    check(options)
    options = dict(options)
    return REWARDS[options.pop("name")].load(device=device, **options)


def _vjepa2(device: str, **options: Any) -> Reward:
    from raysearch.rewards.vjepa2 import VJEPA2Reward

    return VJEPA2Reward.load(device=device, **options)


def _motion(device: str, **options: Any) -> Reward:
    from raysearch.rewards.motion import Motion

    return Motion(**options)


def _tinyworld(device: str, **options: Any) -> Reward:
    from raysearch.tinyworld.reward import Truth

    return Truth(**options)


@dataclass(frozen=True)
class Entry:
    """How a reward is made, the options it takes, and whether guides can use it: then it has a method `reward`, from
    videos fp32 [B, T, 3, H, W] in [0, 1] to rewards [B], that can be differentiated."""

    load: Callable[..., Reward]
    options: tuple[str, ...] = ()
    differentiable: bool = False


REWARDS: dict[str, Entry] = {
    "vjepa2": Entry(
        _vjepa2,
        ("model", "revision", "dtype", "preset", "window", "context", "stride", "cosine", "worst", "reduce"),
        differentiable=True,
    ),
    "motion": Entry(_motion),
    "tinyworld_truth": Entry(_tinyworld),
}
