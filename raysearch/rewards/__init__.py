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
    settings(options)


def settings(options: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting of a reward, defaults filled in as far as it tells them; loads nothing. Raises UsageError."""
    entry = REWARDS.get(str(options["name"]))
    given = {k: v for k, v in options.items() if k not in ("name", "label")}
    return {**options, **(entry.settings(**given) if entry and entry.settings else {})}


def fits(options: Mapping[str, Any], frames: int, fps: float | None) -> None:
    """Raise UsageError if a reward cannot judge any video of so many frames; loads nothing."""
    entry = REWARDS.get(str(options["name"]))
    if entry and entry.fits:
        entry.fits(settings(options), frames, fps)


def load(options: Mapping[str, Any], device: str = "cpu") -> Reward:
    """The reward named by options["name"], with the other options. Raises UsageError for unknown names or options."""
    check(options)
    options = dict(options)
    return REWARDS[options.pop("name")].load(device=device, **options)


def _vjepa2(device: str, **options: Any) -> Reward:
    from raysearch.rewards.vjepa2 import VJEPA2Reward

    return VJEPA2Reward.load(device=device, **options)


def _vjepa2_settings(**options: Any) -> dict[str, Any]:
    from raysearch.rewards.convention import settings

    return settings(**options)


def _vjepa2_fits(resolved: Mapping[str, Any], frames: int, fps: float | None) -> None:
    from raysearch.rewards.convention import Convention

    Convention.of(resolved).select(frames, fps)


def _motion(device: str, **options: Any) -> Reward:
    from raysearch.rewards.motion import Motion

    return Motion(**options)


def _tinyworld(device: str, **options: Any) -> Reward:
    from raysearch.tinyworld.reward import Truth

    return Truth(**options)


@dataclass(frozen=True)
class Entry:
    """How a reward is made, the options it takes; without loading it, what they are in full, and `fits`, see above."""

    load: Callable[..., Reward]
    options: tuple[str, ...] = ()
    settings: Callable[..., dict[str, Any]] | None = None
    fits: Callable[[Mapping[str, Any], int, float | None], None] | None = None


REWARDS: dict[str, Entry] = {
    "vjepa2": Entry(
        _vjepa2,
        (
            "model",
            "revision",
            "dtype",
            "preset",
            "window",
            "context",
            "stride",
            "distance",
            "cosine",
            "worst",
            "reduce",
            "frames",
            "resize",
            "attention",
            "batch",
            "compile",
        ),
        settings=_vjepa2_settings,
        fits=_vjepa2_fits,
    ),
    "motion": Entry(_motion),
    "tinyworld_truth": Entry(_tinyworld),
}
