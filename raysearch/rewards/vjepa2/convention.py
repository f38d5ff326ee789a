"""What a V-JEPA 2 score means: which frames are seen, in which windows, and how prediction and target are compared.

A Convention is plain data, known without loading a model, and is stored beside every score, for scores of different
conventions cannot be compared. `wmreward` is the published one (arXiv 2601.10553 and its code).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import numpy as np

from raysearch import options
from raysearch.errors import UsageError
from raysearch.names import lookup
from raysearch.options import Count, PositiveFraction
from raysearch.rewards.frames import Frames, check_policy, select

CHECKPOINTS = {  # of arXiv 2506.09985, in the format of transformers
    "vitl": "facebook/vjepa2-vitl-fpc64-256",
    "vith": "facebook/vjepa2-vith-fpc64-256",
    "vitg": "facebook/vjepa2-vitg-fpc64-256",
    "vitg384": "facebook/vjepa2-vitg-fpc64-384",
}
# `sdpa` uses PyTorch's own flash kernels where hardware and dtype have them; `flash` is the package flash-attn.
ATTENTION = {"sdpa": "sdpa", "eager": "eager", "flash": "flash_attention_2"}
# As published: windows of 16 with 8 given, stride 8, cosine along the token axis, mean of windows. Which frames are
# seen is left open, for the published programs differ: all of them, or 49 evenly over the file (at_most: 49).
PRESETS: dict[str, dict[str, Any]] = {
    "wmreward": {"window": 16, "context": 8, "stride": 8, "distance": "cosine", "cosine": "tokens", "worst": 1.0,
                 "reduce": "mean", "resize": "squash"},
    # Most of the tiny world is background, so only the most surprising tokens count.
    "tiny": {"window": 16, "context": (4, 6, 8), "stride": 1, "distance": "cosine", "cosine": "features", "worst": 0.1,
             "reduce": "mean", "resize": "squash"},
}  # fmt: skip


@dataclass(frozen=True)
class Convention:
    """How surprise is measured; `raysearch rewards vjepa2` prints what each setting means.

    Attributes:
        window: the number of frames of a window.
        context: how many of them are given, or several such numbers, whose surprises are averaged.
        stride: the number of frames from one window to the next.
        distance: 1 - cosine of the layer-normed features, or their mean absolute difference.
        cosine: its axis, along tokens (per channel) or features (per token).
        worst: the share of tokens that count, the most surprising ones, in (0, 1].
        reduce: mean or max over windows.
        frames: which frames are seen.
        resize: how a frame becomes a square.

    Raises:
        UsageError: for values that make no sense, alone or together.
    """

    window: Count = 16
    context: Count | Sequence[Count] = 8
    stride: Count = 8
    distance: Literal["cosine", "l1"] = "cosine"
    cosine: Literal["tokens", "features"] = "tokens"
    worst: PositiveFraction = 1.0
    reduce: Literal["mean", "max"] = "mean"
    frames: Frames = "all"
    resize: Literal["squash", "crop"] = "squash"

    def __post_init__(self) -> None:
        options.check(options.describe(Convention, "vjepa2"), asdict(self), "reward")
        if not self.contexts or max(self.contexts) >= self.window:
            raise UsageError(f"reward.context={self.context}: must be shorter than reward.window={self.window}")
        per_token = self.distance == "l1" or self.cosine == "features"
        if self.worst < 1 and not per_token:
            raise UsageError(
                f"reward.worst={self.worst}: below 1 it needs reward.cosine=features or reward.distance=l1"
            )
        check_policy(self.frames)

    @staticmethod
    def of(settings: Mapping[str, Any]) -> Convention:
        """The Convention within all the settings of a reward."""
        return Convention(**{f.name: settings[f.name] for f in fields(Convention)})

    @property
    def contexts(self) -> tuple[int, ...]:
        """The number of given frames, each time a window is judged."""
        return (self.context,) if isinstance(self.context, int) else tuple(self.context)

    def check_tubelet(self, tubelet: int) -> None:
        """Raise UsageError unless window and contexts are whole tubelets (frames per token) of a model."""
        for name, values in (("window", (self.window,)), ("context", self.contexts)):
            for v in values:
                if v < tubelet or v % tubelet:
                    raise UsageError(f"reward.{name}={v}: must be a positive multiple of the tubelet size {tubelet}")

    def select(self, count: int, fps: float | None = None) -> np.ndarray:
        """Indices of the frames that are seen.

        Args:
            count: the number of frames of the video.
            fps: frames per second, None where not known.

        Raises:
            UsageError: if fewer than a window are seen, and if the rate is needed but not known or too low.
        """
        seen = select(self.frames, count, fps, self.window)
        if len(seen) < self.window:
            kept = f"{count} frames" + (f", of which {len(seen)} are seen (reward.frames)" if len(seen) < count else "")
            raise UsageError(
                f"the video has {kept}, fewer than reward.window={self.window}: "
                "generate more frames or choose a smaller window"
            )
        return seen

    def starts(self, count: int) -> range:
        """The first frame of every window over `count` frames."""
        return range(0, count - self.window + 1, self.stride)

    def options(self) -> dict[str, Any]:
        """All settings as plain values."""
        frames = self.frames if isinstance(self.frames, str) else dict(self.frames)
        return asdict(self) | {"context": list(self.contexts), "frames": frames}


def resolve(model: str = "tiny", preset: str | None = None, **given: Any) -> tuple[str, Convention]:
    """Fill in the defaults of a reward, without loading its model.

    Args:
        model: a short name (see CHECKPOINTS), a hub id, a folder, or `tiny`.
        preset: whose settings are pinned; without one, defaults are those of `tiny` for the shipped model, of
            `wmreward` for others.
        given: fields of a Convention; None stands for the default.

    Returns:
        The folder or hub id of the model, and the Convention.

    Raises:
        UsageError: for an unknown name, a value that makes no sense, and settings that contradict each other.
    """
    given = {k: v for k, v in given.items() if v is not None}
    base = lookup("reward.preset: preset", preset or ("tiny" if model == "tiny" else "wmreward"), PRESETS)
    for key, value in given.items():
        lookup("reward: option of vjepa2", key, dict.fromkeys(f.name for f in fields(Convention)))
        if preset is not None and key in base and _plain(value) != _plain(base[key]):
            raise UsageError(
                f"reward.{key}={value!r}: reward.preset={preset} is pinned to {key}={base[key]}; "
                "leave reward.preset out to use custom settings"
            )
    if given.get("distance") == "l1" and "cosine" in given:
        raise UsageError(f"reward.cosine={given['cosine']!r} means nothing with reward.distance=l1; leave one out")
    return CHECKPOINTS.get(model, model), Convention(**(base | given))


def settings(
    model: str = "tiny", preset: str | None = None, revision: str | None = None, dtype: str = "float32",
    attention: str = "sdpa", batch: int | None = None, compile: bool = False, **given: Any,
) -> dict[str, Any]:  # fmt: skip
    """All settings of the vjepa2 reward by option, defaults filled in as `resolve` does, without loading the model.

    Raises:
        UsageError: as `resolve`.
    """
    source, convention = resolve(model, preset, **given)
    execution = {"dtype": dtype, "attention": attention, "batch": batch, "compile": compile}
    return {"model": source, "revision": revision, **convention.options(), **execution}


def _plain(value: Any) -> Any:
    return [value] if isinstance(value, int) else list(value) if isinstance(value, (list, tuple)) else value
