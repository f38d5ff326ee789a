"""One reward made of several, candidate by candidate: what a search goes by while it is under way.

    sum      sum_i w_i r_i
    zscore   sum_i w_i (r_i - mean_i) / sd_i, with a mean and sd given for every part (measured beforehand)
    product  sum_i w_i r_i / scale_i: the log of a product of experts exp(r_i / scale_i)^w_i, up to a constant (Hinton
             2002; logarithmic opinion pool, Genest & Zidek 1986)

Ranks and z-scores within a population need all candidates at once; they belong to the final choice (raysearch.search.
choose). `at_least` is a gate: a candidate below a bound gets `otherwise`, by default NaN, which no search ever chooses.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from raysearch import rewards
from raysearch.errors import UsageError
from raysearch.names import lookup
from raysearch.prompts import Prompt
from raysearch.rewards import Reward, Scores

HOW = ("sum", "zscore", "product")
OWN = ("weight", "mean", "sd", "scale")  # keys of a part that are not the reward's


@dataclass(frozen=True)
class Part:
    """One reward and how it counts: slope * (r - centre), where slope 0 leaves it out of the value."""

    label: str
    reward: Reward
    slope: float = 1.0
    centre: float = 0.0


class Fuse:
    """Several rewards as one, candidate by candidate.

    parts: a list of {name, weight, label, options of the reward ...}; weight 0 only measures.
    how: the parts are put together, sum, zscore (each with mean and sd) or product (each with scale).
    at_least: {label or label.detail: bound}, below which a candidate does not pass.
    otherwise: what a candidate gets that does not pass; null is NaN, which is never chosen.
    Paper: Hinton 2002, doi 10.1162/089976602760128018 (products of experts)
    """

    def __init__(
        self, parts: Sequence[Part], at_least: Mapping[str, float] | None = None, otherwise: float | None = None
    ):
        self.parts, self.at_least = tuple(parts), dict(at_least or {})
        self.otherwise = math.nan if otherwise is None else float(otherwise)
        self.size: int | None = max((p.reward.size for p in parts if p.reward.size), default=None)
        self.differentiable = all(p.reward.differentiable for p in parts if p.slope)
        self.whole_frames = any(getattr(p.reward, "whole_frames", False) for p in parts)

    @classmethod
    def load(
        cls,
        device: str = "cpu",
        how: str = "sum",
        parts: Sequence[Mapping[str, Any]] = (),
        at_least: Mapping[str, float] | None = None,
        otherwise: float | None = None,
    ) -> Fuse:
        made = []
        for part in parts:
            spec = {k: v for k, v in part.items() if k not in OWN}
            made.append(Part(rewards.label(part), rewards.load(spec, device), *_line(how, part)))
        return cls(made, at_least, otherwise)

    @property
    def clip_fps(self) -> float | None:
        """Frames per second of the views; handed on to the parts that ask for it."""
        return next((f for p in self.parts if (f := getattr(p.reward, "clip_fps", None)) is not None), None)

    @clip_fps.setter
    def clip_fps(self, fps: float | None) -> None:
        for part in self.parts:
            if hasattr(part.reward, "clip_fps"):
                part.reward.clip_fps = fps

    def score(self, view: np.ndarray, prompt: Prompt) -> Scores:
        """The fused value; details are every part and, as part.detail, theirs. A part that is NaN makes it NaN."""
        found: dict[str, float] = {}
        value = 0.0
        for part in self.parts:
            scores = part.reward.score(view, prompt)
            found[part.label] = scores.value
            found |= {f"{part.label}.{k}": v for k, v in scores.details.items()}
            if part.slope:
                value += part.slope * (scores.value - part.centre)
        if self.at_least:
            passed = all(_known(found, k) >= bound for k, bound in self.at_least.items())
            found["passed"] = float(passed)
            value = value if passed else self.otherwise
        return Scores(value, found)

    def reward(self, video_BTCHW: Any) -> Any:
        """[B], differentiable where `differentiable` says so; the gate, which has no gradient, is left out."""
        rewards = ((p, p.reward.reward(video_BTCHW)) for p in self.parts if p.slope)  # type: ignore[attr-defined]
        return sum(p.slope * (r.to(video_BTCHW.device) - p.centre) for p, r in rewards)  # a network's are on its own


def check(options: Mapping[str, Any], key: str) -> None:
    """Raise UsageError for parts, bounds or ways that do not exist, naming the key; loads nothing."""
    how, parts = options.get("how", "sum"), options.get("parts")
    if how in ("rank", "consensus"):
        raise UsageError(
            f"{key}.how={how}: needs all candidates at once; use it for the final choice, choose.how={how}"
        )
    lookup(f"{key}.how:", str(how), dict.fromkeys(HOW))
    if not isinstance(parts, Sequence) or isinstance(parts, str) or not parts:
        raise UsageError(f"{key}.parts={parts!r}: give a list of rewards, e.g. [{{name: vjepa2}}, {{name: motion}}]")
    for i, part in enumerate(parts):
        here = f"{key}.parts[{i}]"
        if not isinstance(part, Mapping) or not isinstance(part.get("name"), str):
            raise UsageError(f"{here}={part!r}: give a mapping with `name`, e.g. {{name: motion, weight: 0.2}}")
        rewards.check({k: v for k, v in part.items() if k not in OWN}, here)
        for k in OWN:
            if k in part and (isinstance(part[k], bool) or not isinstance(part[k], (int, float))):
                raise UsageError(f"{here}.{k}={part[k]!r}: must be a number")
        _line(str(how), part, here)
    labels = [rewards.label(p) for p in parts]
    if doubles := sorted({x for x in labels if labels.count(x) > 1}):
        raise UsageError(f"{key}.parts: two are called {doubles[0]!r}; give one another `label`")
    if not any(p.get("weight", 1) for p in parts):
        raise UsageError(f"{key}.parts: every weight is 0, so that nothing is left to go by")
    bounds = options.get("at_least") or {}
    if not isinstance(bounds, Mapping):
        raise UsageError(f"{key}.at_least={bounds!r}: give bounds by part, e.g. {{motion: 0.5}}")
    for name, bound in bounds.items():
        lookup(f"{key}.at_least: part", str(name).split(".")[0], dict.fromkeys(labels))
        if isinstance(bound, bool) or not isinstance(bound, (int, float)):
            raise UsageError(f"{key}.at_least.{name}={bound!r}: must be a number")


def _line(how: str, part: Mapping[str, Any], here: str = "parts") -> tuple[float, float]:
    """(slope, centre) of a part. Raises UsageError for numbers that its `how` lacks or does not use."""
    weight = float(part.get("weight", 1.0))
    used = {"sum": (), "zscore": ("mean", "sd"), "product": ("scale",)}[how]
    for k in ("mean", "sd", "scale"):
        if k in part and k not in used:
            raise UsageError(f"{here}.{k}: how={how} does not use it")
    if how == "sum":
        return weight, 0.0
    if how == "zscore" and not ("mean" in part and "sd" in part):
        raise UsageError(f"{here}: how=zscore needs the mean and sd of {rewards.label(part)}, measured before; over "
                         "the candidates themselves it is a final choice: choose.how=zscore")  # fmt: skip
    spread = float(part["sd"] if how == "zscore" else part.get("scale", 1.0))
    if not spread > 0:
        raise UsageError(f"{here}.{used[-1]}={spread:g}: must be above 0")
    return weight / spread, float(part.get("mean", 0.0))


def _known(found: Mapping[str, float], name: str) -> float:
    if name not in found:
        raise UsageError(f"at_least.{name}: not measured; there are: {', '.join(found)}")
    return found[name]
