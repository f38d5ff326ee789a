"""The reward protocol: what a reward is, what it returns, and what it declares about itself before it is loaded.

A reward is made by a class or a function. Its parameters are the options of a job, and the decorator `Declaration`
states what must be known without loading anything: whether there is a gradient or a map, what it needs to know of a
prompt, its own checks. So everything about a reward stands in its own file. Importing this loads no model library.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

import numpy as np

from raysearch.errors import UsageError
from raysearch.prompts import Prompt

if TYPE_CHECKING:
    from torch import Tensor

Spec = Mapping[str, Any]  # a reward as a job names it: `name`, optionally `label`, and options, which may be anything
Need = Literal["", "text", "clip", "scene"]
Make = TypeVar("Make", bound=Callable[..., Any])  # a class or a function with any options


@dataclass(frozen=True)
class Scores:
    """The result of one view.

    Attributes:
        value: the reward, higher is better; NaN where it does not apply.
        details: further numbers by name, such as the surprise of every window.
    """

    value: float
    details: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class SurpriseMap:
    """Where and when a video is surprising.

    Attributes:
        values: fp32 [T, G, G], one grid for every frame of the video; NaN where nothing was predicted.
        box: the pixels of each frame that the grid covers, (top, left, height, width).
    """

    values: np.ndarray
    box: tuple[int, int, int, int]


_CONTEXT_FLOWS = ContextVar("context_flows", default=True)


@contextmanager
def context_flows(flows: bool) -> Iterator[None]:
    """Within, whether gradients of rewards that predict flow through their predictions (Guide.through_context).

    A reward that predicts some frames from others compares the prediction with the truth, and both depend on pixels.
    Where it does not flow, the prediction is a constant: the gradient is that of the frames to be predicted alone.
    """
    token = _CONTEXT_FLOWS.set(flows)
    try:
        yield
    finally:
        _CONTEXT_FLOWS.reset(token)


def predictions_flow() -> bool:
    """Whether a prediction is to be part of the gradient here; see `context_flows`."""
    return _CONTEXT_FLOWS.get()


class Reward(Protocol):
    """A loaded reward. The rewards of raysearch inherit the defaults below; others need not inherit anything.

    Attributes:
        size: side in pixels of the square views it wants; None accepts any size.
        differentiable: whether it has `reward`, so that guidance can use it.
        whole_frames: whether it needs the frames at full size, and reduces them itself.
        maps: whether it has `score_with_map`.
        loaded: settings that only loading decides, such as the device and a batch that fits its memory.
    """

    size: int | None = None
    differentiable: bool = False
    whole_frames: bool = False
    maps: bool = False
    loaded: Mapping[str, Any] = {}

    def score(self, view: np.ndarray, prompt: Prompt, fps: float | None = None) -> Scores:
        """Score one view.

        Args:
            view: uint8 [frames, height, width, 3].
            prompt: the prompt that the video was generated for.
            fps: frames per second of the view; None where it is not known.

        Raises:
            UsageError: for a view that cannot be judged; the search then counts the candidate as NaN and goes on.
        """
        ...

    def reward(self, video_BTCHW: Tensor, fps: float | None = None) -> Tensor:
        """Rewards [B] of videos [B, T, 3, H, W] in [0, 1], differentiable with respect to the pixels."""
        raise UsageError(f"{type(self).__name__} has no gradient")

    def score_with_map(self, view: np.ndarray, fps: float | None = None) -> tuple[Scores, SurpriseMap]:
        """The Scores of a view [frames, height, width, 3], and where and when it is surprising."""
        raise UsageError(f"{type(self).__name__} has no map")


def _needs_nothing(spec: Spec) -> Need:
    return ""


def _checks_nothing(spec: Spec, key: str) -> None:
    pass


def _as_they_are(settings: dict[str, Any]) -> dict[str, Any]:
    return settings


def _fits_all(settings: Spec, frames: int, fps: float | None) -> None:
    pass


@dataclass(frozen=True)
class Declaration:
    """What must be known of a reward before it is loaded. As a decorator it marks the class or function that makes one.

    Attributes:
        differentiable: what is made has `reward(video_BTCHW)`; a class may also say so by an attribute of that name.
        maps: what is made has `score_with_map(view)`; a class may also say so by an attribute of that name.
        watched_only: it measures no quality, so that no search can go by it.
        on_generators: it needs the generator, so it is measured on generator replicas, of finished candidates alone;
            it can be watched, and chosen by in the end.
        shipped: the weights of the tiny world that `model: tiny`, then its default model, stands for.
        needs: from its spec, what it must know of a prompt: `text`, `clip`, `scene` or nothing ("").
        check: from its spec and the key where that stands in the job, raises UsageError for options that contradict
            each other; types and bounds have been checked by then.
        settings: from its options as keywords, all of its settings, short names resolved, for rewards whose defaults
            depend on other options. Raises UsageError.
        identity: from all its settings, those that identify a run: the content of files in place of their paths, and
            without options that came later where they have the defaults that leave everything as it was.
        fits: from its settings, a number of frames and frames per second (None: not known), raises UsageError for
            videos that it cannot judge.
    """

    differentiable: bool = False
    maps: bool = False
    watched_only: bool = False
    on_generators: bool = False
    shipped: str = ""
    needs: Callable[[Spec], Need] = _needs_nothing
    check: Callable[[Spec, str], None] = _checks_nothing
    settings: Callable[..., dict[str, Any]] | None = None
    identity: Callable[[dict[str, Any]], dict[str, Any]] = _as_they_are
    fits: Callable[[Spec, int, float | None], None] = _fits_all

    def __call__(self, make: Make) -> Make:
        """Mark a class or a function; it is returned as it is, with this as its attribute `declaration`."""
        make.declaration = _with_attributes(self, make)  # type: ignore[attr-defined]
        return make


def declaration(make: Callable[..., Any]) -> Declaration:
    """What a class or function declares; of one without the decorator only its class attributes count."""
    declared = declared_by(make)
    return declared if declared else _with_attributes(Declaration(), make)


def declared_by(make: object) -> Declaration | None:
    """The declaration that decorates this class or function itself; None for anything else."""
    declared = getattr(make, "__dict__", {}).get("declaration")
    return declared if isinstance(declared, Declaration) else None


def _with_attributes(declared: Declaration, make: object) -> Declaration:
    differentiable = declared.differentiable or bool(getattr(make, "differentiable", False))
    return replace(declared, differentiable=differentiable, maps=declared.maps or bool(getattr(make, "maps", False)))
