"""What a V-JEPA 2 score means: which frames are seen, in which windows, and how guess and truth are compared.

A Convention is plain data, known without loading a model, and is stored beside every score: scores of two conventions
cannot be compared. `wmreward` is the published one (arXiv 2601.10553 and its code); asked for by name it is pinned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from raysearch.errors import UsageError
from raysearch.names import lookup

CHECKPOINTS = {  # those of arXiv 2506.09985 in transformers' format
    "vitl": "facebook/vjepa2-vitl-fpc64-256",
    "vith": "facebook/vjepa2-vith-fpc64-256",
    "vitg": "facebook/vjepa2-vitg-fpc64-256",
    "vitg384": "facebook/vjepa2-vitg-fpc64-384",
}
DTYPES = ("float32", "bfloat16", "float16")
# sdpa takes PyTorch's own flash kernels where hardware and dtype have them; flash is the flash-attn package.
ATTENTION = {"sdpa": "sdpa", "eager": "eager", "flash": "flash_attention_2"}
CHOICES = {
    "distance": ("cosine", "l1"),
    "cosine": ("tokens", "features"),
    "reduce": ("mean", "max"),
    "resize": ("squash", "crop"),
}
# The published settings: windows of 16 with 8 given, stride 8, cosine along the token axis, mean of windows. Which
# frames are seen is left open, for its own programs differ: all of them, or 49 evenly over the file (at_most: 49).
PRESETS: dict[str, dict[str, Any]] = {
    "wmreward": {"window": 16, "context": 8, "stride": 8, "distance": "cosine", "cosine": "tokens", "worst": 1.0,
                 "reduce": "mean", "resize": "squash"},
    # Most of the tiny world is background: what is surprising is where it is most surprising.
    "tiny": {"window": 16, "context": (4, 6, 8), "stride": 1, "distance": "cosine", "cosine": "features", "worst": 0.1,
             "reduce": "mean", "resize": "squash"},
}  # fmt: skip


@dataclass(frozen=True)
class Convention:
    """How surprise is measured.

    window: frames of a window. stride: frames from one window to the next. context: how many frames of a window are
    given, or several such numbers, whose surprises are averaged. distance: `cosine` (1 - cosine of the layer-normed
    features) or `l1` (mean absolute difference of the guess and the layer-normed target: V-JEPA's training loss).
    cosine: along `tokens` (per channel, as published) or `features` (per token). worst: share of tokens, the most
    surprising ones, that count, in (0, 1]. reduce: `mean` or `max` over windows. frames: which are seen, `all`,
    {fps: X} (as near to X frames per second as whole frames come) or {at_most: n} (evenly over the video). resize:
    `squash` to the model's square, or `crop`, the short side to the square's, then the centre.
    """

    window: int = 16
    context: int | Sequence[int] = 8
    stride: int = 8
    distance: str = "cosine"
    cosine: str = "tokens"
    worst: float = 1.0
    reduce: str = "mean"
    frames: str | Mapping[str, float] = "all"
    resize: str = "squash"

    def __post_init__(self) -> None:
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise UsageError(f"reward.{name}={getattr(self, name)!r}: choose one of {', '.join(allowed)}")
        if not self.contexts or max(self.contexts) >= self.window:
            raise UsageError(f"reward.context={self.context}: must be shorter than reward.window={self.window}")
        if self.stride < 1:
            raise UsageError(f"reward.stride={self.stride}: must be at least 1")
        per_token = self.distance == "l1" or self.cosine == "features"
        if not 0 < self.worst <= 1 or (self.worst < 1 and not per_token):
            raise UsageError(
                f"reward.worst={self.worst}: a share of tokens, in (0, 1]; below 1 it needs reward.cosine=features "
                "or reward.distance=l1"
            )
        _check_frames(self.frames)

    @staticmethod
    def of(settings: Mapping[str, Any]) -> Convention:
        """Of the settings of a reward, execution included."""
        return Convention(**{f.name: settings[f.name] for f in fields(Convention)})

    @property
    def contexts(self) -> tuple[int, ...]:
        return (self.context,) if isinstance(self.context, int) else tuple(self.context)

    def check_tubelet(self, tubelet: int) -> None:
        """Raise UsageError unless window and contexts are whole tubelets (frames per token) of a model."""
        for name, values in (("window", (self.window,)), ("context", self.contexts)):
            for v in values:
                if v < tubelet or v % tubelet:
                    raise UsageError(f"reward.{name}={v}: must be a positive multiple of the tubelet size {tubelet}")

    def select(self, count: int, fps: float | None = None) -> np.ndarray:
        """Indices of the frames that are seen, of `count` at `fps` frames per second (None: not known).

        Raises UsageError if there are fewer than a window, or if the rate is needed and not known or too low.
        """
        seen = np.arange(count)
        if isinstance(self.frames, Mapping):
            ((policy, value),) = self.frames.items()
            if policy == "at_most":
                seen = np.linspace(0, count - 1, min(count, int(value))).astype(int)
            else:
                seen = _at_rate(count, fps, value)
        if len(seen) < self.window:
            kept = f"{count} frames" + (f", of which {len(seen)} are seen (reward.frames)" if len(seen) < count else "")
            raise UsageError(
                f"the video has {kept}, fewer than reward.window={self.window}: "
                "generate more frames or choose a smaller window"
            )
        return seen

    def starts(self, count: int) -> range:
        """First frames of the windows over `count` frames."""
        return range(0, count - self.window + 1, self.stride)

    def options(self) -> dict[str, Any]:
        """As plain values, in full."""
        found = asdict(self) | {"context": list(self.contexts)}
        return found | {"frames": self.frames if isinstance(self.frames, str) else dict(self.frames)}


def resolve(model: str = "tiny", preset: str | None = None, **options: Any) -> tuple[str, Convention]:
    """(folder or hub id of the model, Convention) of the settings of a reward; None stands for the default.

    Without a preset, options are added to what suits the model: `tiny` for the shipped one, else `wmreward`. A preset
    that is named is pinned. Raises UsageError for an unknown name, a contradiction, and options without a meaning.
    """
    given = {k: v for k, v in options.items() if v is not None}
    base = lookup("reward.preset: preset", preset or ("tiny" if model == "tiny" else "wmreward"), PRESETS)
    for key, value in given.items():
        lookup("reward: option of vjepa2", key, dict.fromkeys(f.name for f in fields(Convention)))
        if preset is not None and key in base and _plain(value) != _plain(base[key]):
            raise UsageError(
                f"reward.{key}={value!r}: reward.preset={preset} is pinned to {key}={base[key]}; "
                "leave reward.preset out to go by settings of your own"
            )
    if given.get("distance") == "l1" and "cosine" in given:
        raise UsageError(f"reward.cosine={given['cosine']!r} means nothing with reward.distance=l1; leave one out")
    return CHECKPOINTS.get(model, model), Convention(**(base | given))


def settings(
    model: str = "tiny", preset: str | None = None, revision: str | None = None, dtype: str = "float32",
    attention: str = "sdpa", batch: int | None = None, compile: bool = False, **options: Any,
) -> dict[str, Any]:  # fmt: skip
    """Every setting of a vjepa2 reward, defaults filled in, without loading the model. Raises UsageError as above.

    model: `tiny`, which ships with raysearch, vitl, vith, vitg, vitg384, a hub id or a folder.
    preset: `wmreward` (published) or `tiny`, whose settings are then pinned; without one they only start from those of
    `tiny` for the tiny model, and from those of `wmreward` for any other.
    attention: `sdpa`, `eager` or `flash`, which needs the package flash-attn.
    """
    source, convention = resolve(model, preset, **options)
    lookup("reward.dtype: dtype", dtype, dict.fromkeys(DTYPES))
    lookup("reward.attention: attention", attention, ATTENTION)
    if batch is not None and not (isinstance(batch, int) and batch >= 1):
        raise UsageError(f"reward.batch={batch}: must be at least 1")
    execution = {"dtype": dtype, "attention": attention, "batch": batch, "compile": compile}
    return {"model": source, "revision": revision, **convention.options(), **execution}


def _plain(value: Any) -> Any:
    return [value] if isinstance(value, int) else list(value) if isinstance(value, (list, tuple)) else value


def _check_frames(frames: Any) -> None:
    told = f"reward.frames={frames!r}: give `all`, {{fps: X}} or {{at_most: n}}"
    if isinstance(frames, str):
        if frames != "all":
            raise UsageError(told)
        return
    if not isinstance(frames, Mapping) or len(frames) != 1:
        raise UsageError(told)
    ((policy, value),) = frames.items()
    whole = policy == "at_most"
    if policy not in ("fps", "at_most") or not isinstance(value, int if whole else (int, float)) or value <= 0:
        raise UsageError(told)


def _at_rate(count: int, fps: float | None, target: float) -> np.ndarray:
    """Indices nearest to the instants k / target. Frames are never shown twice: that would look like standing still."""
    if not fps:
        raise UsageError(f"reward.frames={{fps: {target:g}}} needs the frame rate of the video, which is not known")
    if fps < target * (1 - 1e-6):
        raise UsageError(
            f"reward.frames={{fps: {target:g}}}: the video has only {fps:g} frames per second; ask for fewer"
        )
    step = fps / target
    return np.round(np.arange(int((count - 1) / step + 1e-9) + 1) * step).astype(int)
