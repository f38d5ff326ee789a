"""Where a video breaks: the first frame that is more surprising than good clips ever are, beside the score.

The surprise e_t of a frame is the mean of its most surprising patches in the map of another reward. The score is that
reward's own, from the same call; details tell e_t of every frame, where it breaks, and the threshold. A world model
finds what happens at once (teleports, changes of colour, stops); slow wrong motion it does not find.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from annotated_types import Ge, Le

from raysearch import videos
from raysearch.errors import UsageError
from raysearch.options import Count, Positive
from raysearch.prompts import VIDEO_SUFFIXES, Prompt
from raysearch.rewards import spec as specs
from raysearch.rewards.base import Declaration, Reward, Scores, Spec, SurpriseMap

if TYPE_CHECKING:
    from torch import Tensor

Parts = Annotated[Sequence[Mapping[str, Any]], "a list of one reward that has a map, such as {name: vjepa2}"]
Share = Annotated[float, Ge(0), Le(1)]


class Breaks(Reward):
    """A reward, and where the videos that it scores break.

    Args:
        label: what the scored reward is called.
        inner: the reward, which has a map.
        above: the threshold, or one for every frame, of which the last also holds for later ones.
        worst: patches of a frame that count, the most surprising ones.
    """

    maps = True

    def __init__(self, label: str, inner: Reward, above: float | Sequence[float], worst: int = 2):
        self.label, self.inner, self.worst = label, inner, worst
        self.above = np.atleast_1d(np.asarray(above, float))
        self.size, self.whole_frames, self.differentiable = inner.size, inner.whole_frames, inner.differentiable

    def score(self, view: np.ndarray, prompt: Prompt, fps: float | None = None) -> Scores:
        """The inner score. Details: `break`, the first frame that breaks, or the number of frames; see `located`."""
        scores, found = self.inner.score_with_map(view, fps)
        inner = {f"{self.label}.{name}": value for name, value in scores.details.items()}
        details = located(found, self.above, self.worst)
        return Scores(scores.value, {**details, self.label: scores.value, **inner})

    def score_with_map(self, view: np.ndarray, fps: float | None = None) -> tuple[Scores, SurpriseMap]:
        """The inner Scores and map."""
        return self.inner.score_with_map(view, fps)

    def reward(self, video_BTCHW: Tensor, fps: float | None = None) -> Tensor:
        """The inner rewards [B], differentiable if they are."""
        return self.inner.reward(video_BTCHW, fps)


def surprise(found: SurpriseMap, worst: int = 2) -> np.ndarray:
    """e_t [T]: the mean of the most surprising patches of each frame; NaN where nothing was predicted."""
    flat = np.sort(found.values.reshape(len(found.values), -1).astype(float), axis=1)  # NaN stand last
    known = (~np.isnan(flat)).sum(1, keepdims=True)
    counted = (np.arange(flat.shape[1]) >= known - worst) & ~np.isnan(flat)
    total = np.where(counted, flat, 0.0).sum(1)
    return np.where(known[:, 0] > 0, total / np.maximum(counted.sum(1), 1), math.nan)


def located(found: SurpriseMap, above: np.ndarray, worst: int = 2) -> dict[str, float]:
    """Where a video breaks, as details of a score.

    Args:
        found: its map.
        above: threshold of each frame; the last also holds for later ones.
        worst: patches of a frame that count.

    Returns:
        break: the first frame whose surprise is above its threshold; the number of frames where there is none.
        frames: the number of frames.
        above: the threshold at that frame, or at the most surprising one.
        row, column: the most surprising patch there, as shares of the height and width of the picture, from 0 to 1.
        frame_K: e_t of every frame that was predicted.
    """
    e = surprise(found, worst)
    level = above[np.minimum(np.arange(len(e)), len(above) - 1)]
    with np.errstate(invalid="ignore"):
        broken = np.flatnonzero(e > level)
    first = int(broken[0]) if len(broken) else len(e)
    details = {"break": float(first), "frames": float(len(e))}
    if not np.isnan(e).all():
        at = first if len(broken) else int(np.nanargmax(e))
        row, column = np.unravel_index(int(np.nanargmax(found.values[at])), found.values.shape[1:])
        grid = found.values.shape[1:]
        details |= {
            "above": float(level[at]), "row": (row + 0.5) / grid[0], "column": (column + 0.5) / grid[1],
        }  # fmt: skip
    return details | {f"frame_{t}": float(v) for t, v in enumerate(e) if not math.isnan(v)}


def threshold(curves: Sequence[np.ndarray], quantile: float, times: float, by_frame: bool) -> list[float]:
    """The threshold from clips that are known to be good.

    Args:
        curves: e_t of every clip.
        quantile: of e_t over the clips.
        times: factor on it.
        by_frame: whether each frame has its own, for surprise that grows with the horizon.

    Returns:
        One number, or one for each frame of the longest clip; a frame that no clip has a surprise for takes the next.

    Raises:
        UsageError: if no clip has any.
    """
    every = np.concatenate([np.asarray(c, float) for c in curves]) if curves else np.empty(0)
    if np.isnan(every).all():
        raise UsageError("breaks.good: no clip there is long enough for the map; give longer ones")
    if not by_frame:
        return [times * float(np.nanquantile(every, quantile))]
    padded = np.full((len(curves), max(map(len, curves))), math.nan)
    for row, curve in zip(padded, curves, strict=True):
        row[: len(curve)] = curve
    levels = [float(np.nanquantile(c, quantile)) if not np.isnan(c).all() else math.nan for c in padded.T]
    for t in reversed(range(len(levels) - 1)):
        levels[t] = levels[t + 1] if math.isnan(levels[t]) else levels[t]
    return [times * v for v in levels if not math.isnan(v)]


def _clips(good: str) -> list[Path]:
    folder = Path(good).expanduser()
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in VIDEO_SUFFIXES) if folder.is_dir() else []


def _check(spec: Spec, key: str) -> None:
    """Raise UsageError unless there is one part with a map, and either a threshold or clips to measure it."""
    parts, above, good = spec.get("parts", ()), spec.get("above"), spec.get("good")
    if len(parts) != 1 or not isinstance(parts[0].get("name"), str):
        raise UsageError(f"{key}.parts: name one reward that has a map, e.g. parts: [{{name: vjepa2}}]")
    specs.check(parts[0], f"{key}.parts[0]")
    if not specs.maps(parts[0]):
        raise UsageError(f"{key}.parts[0].name={parts[0]['name']}: it does not tell where in a video; vjepa2 does")
    if (above is None) == (good is None):
        raise UsageError(f"{key}: give either above, a threshold, or good, a folder of clips to measure it from")
    if isinstance(above, Sequence) and not above:
        raise UsageError(f"{key}.above=[]: give a number, or one for each frame")
    if good is not None and not _clips(good):
        raise UsageError(f"{key}.good={good!r}: no videos there (looked for {', '.join(VIDEO_SUFFIXES)})")


def _settings(**given: Any) -> dict[str, Any]:
    """Its options, and the content of the clips, on which the threshold depends."""
    defaults = {"above": None, "good": None, "quantile": 0.95, "times": 1.0, "by_frame": False, "worst": 2}
    found = {**defaults, **{k: v for k, v in given.items() if k in defaults}}
    if found["good"] is not None:
        content = hashlib.sha256()
        for clip in _clips(found["good"]):
            content.update(hashlib.sha256(clip.read_bytes()).digest())
        found["clips"] = content.hexdigest()
    return found


@Declaration(differentiable=True, maps=True, check=_check, settings=_settings)
def breaks(
    *,
    parts: Parts,
    above: float | Sequence[float] | None = None,
    good: str | None = None,
    quantile: Share = 0.95,
    times: Positive = 1.0,
    by_frame: bool = False,
    worst: Count = 2,
    device: str = "cpu",
) -> Reward:
    """A reward with a map as it is, and beside it the first frame at which a video breaks.

    Args:
        parts: the reward, a list of one.
        above: the surprise above which a frame is broken; a number, or one for each frame.
        good: in place of it a folder of clips that are known to be good, at best through the model's autoencoder.
        quantile: which one of the surprise of the frames of good clips is the threshold.
        times: a factor on it; 1 to 2 was best on abrupt breaks.
        by_frame: each frame has a threshold of its own, for surprise that grows with the horizon in good clips too.
        worst: patches of a frame that count, the most surprising ones.

    Paper: after TBS, arXiv 2606.13861 (search over time)
    """
    own = dict(parts[0])
    inner, label = specs.load(own, device), specs.label(own)
    if good is not None:
        clips = [videos.read(str(path)) for path in _clips(good)]
        curves = [surprise(inner.score_with_map(c.frames, c.fps or None)[1], worst) for c in clips]
        above = threshold(curves, quantile, times, by_frame)
    assert above is not None
    return Breaks(label, inner, above, worst)
