"""Rewards from other distributions: entry points of the group `raysearch.rewards`, each a class or a function.

It is called with the options of the job as keywords, and with `device` if it takes that; what it returns is a Reward.
A plug-in is imported only when a job names it. Invariants: a plug-in never shadows a reward of raysearch or of another
distribution, and whatever is wrong with one is told with the name of its distribution.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from typing import Any

import numpy as np

from raysearch.errors import UsageError
from raysearch.names import lookup
from raysearch.prompts import Prompt
from raysearch.rewards import REWARDS, Entry, Reward, Scores

GROUP = "raysearch.rewards"


def find(name: str, key: str = "reward") -> Entry:
    """The Entry of a reward, built in or plugged in. Raises UsageError for an unknown name and for a bad plug-in."""
    points = installed()
    lookup(f"{key}.name: reward", name, dict.fromkeys([*REWARDS, *points]))
    claimed = points.get(name, ())
    if name in REWARDS and claimed:
        raise UsageError(f"{key}.name={name}: {origin(claimed[0])} takes the name of a reward of raysearch; uninstall "
                         "it or rename its entry point")  # fmt: skip
    if len(claimed) > 1:
        raise UsageError(f"{key}.name={name}: {' and '.join(map(origin, claimed))} both bring a reward of that name; "
                         "uninstall one")  # fmt: skip
    return entry(claimed[0]) if claimed else REWARDS[name]


def installed() -> dict[str, tuple[metadata.EntryPoint, ...]]:
    """Every plug-in by name, usually one each; nothing is imported."""
    return _installed(tuple(sys.path))


@lru_cache(maxsize=4)
def _installed(path: tuple[str, ...]) -> dict[str, tuple[metadata.EntryPoint, ...]]:
    points = sorted(metadata.entry_points(group=GROUP), key=lambda p: (p.name, p.value))
    return {name: tuple(p for p in points if p.name == name) for name in dict.fromkeys(p.name for p in points)}


def origin(point: metadata.EntryPoint) -> str:
    """Name and version of the distribution that brings it."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value


def version(name: str) -> str | None:
    """Which distribution of which version brings this reward; None for one of raysearch."""
    claimed = installed().get(name, ())
    return None if name in REWARDS or not claimed else origin(claimed[0])


def entry(point: metadata.EntryPoint) -> Entry:
    """Imports the plug-in. Its options are the parameters of what the entry point names."""
    make = make_of(point)
    names = [p for p in parameters(make) if p != "device"]
    takes_device = "device" in parameters(make)

    def load(device: str, **options: Any) -> Reward:
        given = {"device": device} if takes_device else {}
        try:
            made = make(**given, **options)
        except UsageError:
            raise
        except Exception as error:
            raise UsageError(f"reward {point.name} of {origin(point)} could not be made: {_told(error)}") from error
        return Plugged(made, f"reward {point.name} of {origin(point)}")

    return Entry(load, tuple(names), differentiable=bool(getattr(make, "differentiable", False)))


def make_of(point: metadata.EntryPoint) -> Callable[..., Any]:
    """The class or function of an entry point. Raises UsageError if it cannot be imported or called."""
    try:
        make = point.load()
    except Exception as error:
        raise UsageError(f"reward {point.name} of {origin(point)} cannot be imported from {point.value}: {_told(error)}"
                         ) from error  # fmt: skip
    if not callable(make):
        raise UsageError(f"reward {point.name} of {origin(point)}: {point.value} is a {type(make).__name__}; name a "
                         "class or a function")  # fmt: skip
    return make


def parameters(make: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Its keyword parameters by name."""
    try:
        found = inspect.signature(make).parameters
    except ValueError:  # some builtins have none to show
        return {}
    return {k: p for k, p in found.items() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}


@dataclass
class Plugged:
    """A plugged-in reward, held to the protocol: checked when made, and at every score."""

    inner: Any
    where: str

    def __post_init__(self) -> None:
        lacks = [a for a in ("size", "differentiable", "score") if not hasattr(self.inner, a)]
        if lacks:
            raise UsageError(f"{self.where} has no {' and no '.join(lacks)}; a reward has size, differentiable and "
                             "score(view, prompt), see docs/rewards.md")  # fmt: skip
        size = self.inner.size
        if size is not None and (not isinstance(size, int) or size < 1):
            raise UsageError(f"{self.where}: size={size!r} must be None or a side in pixels")
        if self.inner.differentiable and not callable(getattr(self.inner, "reward", None)):
            raise UsageError(f"{self.where} says it is differentiable but has no reward(video_BTCHW)")
        self.size: int | None = size
        self.differentiable = bool(self.inner.differentiable)

    def score(self, view: np.ndarray, prompt: Prompt) -> Scores:
        found = self.inner.score(view, prompt)
        if not isinstance(found, Scores):
            raise UsageError(f"{self.where}: score returned a {type(found).__name__}; it must return Scores(value)")
        try:
            return Scores(float(found.value), {str(k): float(v) for k, v in found.details.items()})
        except (TypeError, ValueError) as error:
            raise UsageError(f"{self.where}: Scores hold plain numbers: {_told(error)}") from None

    def reward(self, video_BTCHW: Any) -> Any:
        return self.inner.reward(video_BTCHW)


def _told(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
