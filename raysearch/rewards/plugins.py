"""Rewards from other packages: entry points of the group `raysearch.rewards`, and `package.module:Name`.

Either names a class or a function. It is called with the options of the job as keywords, and with `device` if it has
such a parameter; what it returns is held to the Reward protocol by `Adapter`. Invariants: nothing is imported before a
job names it, and whatever is wrong is one line that names the reward and where it comes from.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib import import_module, metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from raysearch.errors import UsageError
from raysearch.prompts import Prompt
from raysearch.rewards.base import Reward, Scores, SurpriseMap

if TYPE_CHECKING:
    from torch import Tensor

GROUP = "raysearch.rewards"


def installed() -> dict[str, tuple[metadata.EntryPoint, ...]]:
    """All entry points by name, usually one each; nothing is imported."""
    return _installed(tuple(sys.path))


@lru_cache(maxsize=4)
def _installed(path: tuple[str, ...]) -> dict[str, tuple[metadata.EntryPoint, ...]]:
    points = sorted(metadata.entry_points(group=GROUP), key=lambda p: (p.name, p.value))
    return {name: tuple(p for p in points if p.name == name) for name in dict.fromkeys(p.name for p in points)}


def origin(point: metadata.EntryPoint) -> str:
    """Name and version of the distribution that an entry point belongs to."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value


def of_point(point: metadata.EntryPoint) -> Callable[..., Any]:
    """The class or function of an entry point.

    Raises:
        UsageError: if it cannot be imported, or makes no reward.
    """
    where = f"reward {point.name} of {origin(point)}"
    try:
        make = point.load()
    except Exception as error:
        raise UsageError(f"{where} cannot be imported from {point.value}: {_line(error)}") from error
    return _callable(make, where, point.value)


def of_path(name: str, key: str) -> Callable[..., Any]:
    """The class or function that `package.module:Name` names.

    Args:
        name: the name as it stands in the job.
        key: where it stands, such as `reward` or `watch[0]`.

    Raises:
        UsageError: if it cannot be imported, or makes no reward.
    """
    module, _, attribute = name.partition(":")
    try:
        make = getattr(import_module(module), attribute)
    except Exception as error:
        raise UsageError(
            f"{key}.name={name!r}: {_line(error)}; give a name that `raysearch rewards` lists, or package.module:Name "
            "of a class or function that every worker can import"
        ) from error
    return _callable(make, f"{key}.name={name!r}", name)


def source(make: Callable[..., Any], name: str) -> str:
    """SHA-256 of the source file that holds a class or function; its name where there is no such file."""
    try:
        file = inspect.getsourcefile(make)
    except TypeError:  # neither a class nor a function, such as a partial
        file = getattr(sys.modules.get(name.partition(":")[0]), "__file__", None)
    return hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else name


def build(make: Callable[..., Any], where: str, device: str, options: Mapping[str, Any]) -> Reward:
    """The reward that a class or function of another package makes.

    Args:
        make: the class or function.
        where: what to call it in errors.
        device: the torch device, passed on if `make` has such a parameter.
        options: its options.

    Raises:
        UsageError: if it cannot be made, or is no reward.
    """
    given = {"device": device} if takes(make, "device") else {}
    try:
        inner = make(**given, **options)
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(f"{where} could not be made: {_line(error)}") from error
    return Adapter(inner, where)


def takes(function: Callable[..., Any], parameter: str) -> bool:
    """Whether a class or function has a parameter of this name."""
    try:
        return parameter in inspect.signature(function).parameters
    except (TypeError, ValueError):  # some builtins show no signature
        return False


class Adapter(Reward):
    """A reward of another package, held to the protocol: checked when it is made, and at every score."""

    def __init__(self, inner: Any, where: str):
        """Check what was made.

        Args:
            inner: any object; `size`, `differentiable` and `score` are required, the rest of the protocol is optional.
            where: what to call it in errors.
        """
        _check(inner, where)
        self.inner, self.where = inner, where
        self.size, self.differentiable = inner.size, bool(inner.differentiable)
        self.whole_frames, self.maps = bool(getattr(inner, "whole_frames", False)), bool(getattr(inner, "maps", False))
        self._score_takes_fps = takes(inner.score, "fps")
        self._reward_takes_fps = self.differentiable and takes(inner.reward, "fps")

    def score(self, view: np.ndarray, prompt: Prompt, fps: float | None = None) -> Scores:
        """The scores of the custom reward, checked and made plain."""
        more = {"fps": fps} if self._score_takes_fps else {}
        return self._plain(self.inner.score(view, prompt, **more))

    def reward(self, video_BTCHW: Tensor, fps: float | None = None) -> Tensor:
        """What the custom reward returns for videos in [0, 1], [B]."""
        more = {"fps": fps} if self._reward_takes_fps else {}
        reward_B: Tensor = self.inner.reward(video_BTCHW, **more)
        return reward_B

    def score_with_map(self, view: np.ndarray, fps: float | None = None) -> tuple[Scores, SurpriseMap]:
        """The scores of the custom reward, checked and made plain, and its surprise map."""
        scores, surprise_map = self.inner.score_with_map(view, fps)
        return self._plain(scores), surprise_map

    def _plain(self, scores: Any) -> Scores:
        if not isinstance(scores, Scores):
            raise UsageError(f"{self.where}: score returned a {type(scores).__name__}; it must return Scores(value)")
        try:
            return Scores(float(scores.value), {str(k): float(v) for k, v in scores.details.items()})
        except (TypeError, ValueError) as error:
            raise UsageError(f"{self.where}: Scores hold plain numbers: {_line(error)}") from None


def _callable(make: Any, where: str, value: str) -> Callable[..., Any]:
    if not callable(make):
        raise UsageError(f"{where}: {value} is a {type(make).__name__}; name a class or a function")
    if inspect.isclass(make) and not callable(getattr(make, "score", None)):
        raise UsageError(f"{where}: {value} is no reward, for it has no score(view, prompt); see docs/rewards.md")
    checked: Callable[..., Any] = make
    return checked


def _check(inner: Any, where: str) -> None:
    lacks = [a for a in ("size", "differentiable", "score") if not hasattr(inner, a)]
    if lacks:
        raise UsageError(
            f"{where} has no {' and no '.join(lacks)}; a reward has size, differentiable and score(view, prompt), see "
            "docs/rewards.md"
        )
    size = inner.size
    if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 1):
        raise UsageError(f"{where}: size={size!r} must be None or a side in pixels")
    for able, method in (("differentiable", "reward"), ("maps", "score_with_map")):
        if getattr(inner, able, False) and not callable(getattr(inner, method, None)):
            raise UsageError(f"{where} declares {able}=True but has no {method}")


def _line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
