"""One reward made of several, candidate by candidate, for a search to go by.

    sum      sum_i w_i r_i
    zscore   sum_i w_i (r_i - mean_i) / sd_i, with a mean and sd given for every part (measured beforehand)
    product  sum_i w_i r_i / scale_i: the log of a product of experts exp(r_i / scale_i)^w_i, up to a constant (Hinton
             2002; logarithmic opinion pool, Genest & Zidek 1986)
    normal   sum_i w_i z_i(r_i), the normal scores of r_i by quantiles given for every part (measured beforehand)

Ranks and z-scores within a population need all candidates at once; they belong to the final choice (raysearch.search.
choose). `at_least` is a gate: a candidate below a bound gets `otherwise`, by default NaN, which no search ever chooses.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from raysearch.errors import UsageError
from raysearch.names import lookup
from raysearch.options import check_value
from raysearch.prompts import Prompt
from raysearch.rewards import spec as specs
from raysearch.rewards.base import Declaration, Reward, Scores, Spec

if TYPE_CHECKING:
    from torch import Tensor

USES = {
    "sum": (),
    "zscore": ("mean", "sd"),
    "product": ("scale",),
    "normal": ("quantiles",),
}  # keys of the parts, by how
HOW = tuple(USES)
WEIGHTING = (
    "weight",
    "mean",
    "sd",
    "scale",
    "quantiles",
)  # keys of a part that belong to the fuse, not to the part's reward
Parts = Annotated[Sequence[Mapping[str, Any]], "a list of rewards such as {name: motion, weight: 0.2}"]


@dataclass(frozen=True)
class Weighted:
    """One reward and how it counts: slope * (r - centre), where slope 0 leaves it out of the value.

    With quantiles, which rise, it is slope * z(r): the k-th of K stands for the normal quantile of (k + 1/2) / K, and
    between and beyond them z is linear, so that it has a gradient everywhere.
    """

    label: str
    reward: Reward
    slope: float = 1.0
    centre: float = 0.0
    quantiles: tuple[float, ...] = ()

    def term(self, r: Any) -> Any:
        """What a reward r contributes, a number or a tensor."""
        if not self.quantiles:
            return self.slope * (r - self.centre)
        z, each = 0.0, zip(self.quantiles, _bends(self.quantiles), strict=True)
        first, last = self.quantiles[0], NormalDist().inv_cdf(0.5 / len(self.quantiles))
        for q, bend in each:
            beyond = r - q
            z = z + bend * (beyond if q == first else (abs(beyond) + beyond) / 2)
        return self.slope * (z + last)


class Fuse(Reward):
    """The loaded parts as one reward.

    Args:
        parts: the rewards and their weights.
        at_least: bounds by label or label.detail.
        otherwise: the value of a candidate below a bound; None is NaN.
    """

    def __init__(
        self, parts: Sequence[Weighted], at_least: Mapping[str, float] | None = None, otherwise: float | None = None
    ):
        self.parts, self.at_least = tuple(parts), dict(at_least or {})
        self.otherwise = math.nan if otherwise is None else float(otherwise)
        self.size = max((p.reward.size for p in parts if p.reward.size), default=None)
        self.differentiable = all(p.reward.differentiable for p in parts if p.slope)
        self.whole_frames = any(p.reward.whole_frames for p in parts)

    def score(self, view: np.ndarray, prompt: Prompt, fps: float | None = None) -> Scores:
        """The fused value; details are every part and, as part.detail, theirs. A part that is NaN makes it NaN."""
        details: dict[str, float] = {}
        value = 0.0
        for part in self.parts:
            scores = part.reward.score(view, prompt, fps)
            details[part.label] = scores.value
            details |= {f"{part.label}.{k}": v for k, v in scores.details.items()}
            if part.slope:
                value += part.term(scores.value)
        if self.at_least:
            passed = all(_measured(details, k) >= bound for k, bound in self.at_least.items())
            details["passed"] = float(passed)
            value = value if passed else self.otherwise
        return Scores(value, details)

    def reward(self, video_BTCHW: Tensor, fps: float | None = None) -> Tensor:
        """The fused rewards [B] without the gate, which has no gradient; differentiable if the parts that count are."""
        each = ((p, p.reward.reward(video_BTCHW, fps)) for p in self.parts if p.slope)
        total: Any = sum(p.term(r.to(video_BTCHW.device)) for p, r in each)  # networks have a device
        reward_B: Tensor = total
        return reward_B


def _check(spec: Spec, key: str) -> None:
    """Raise UsageError for parts, bounds or a `how` that make no sense, naming the key; loads nothing."""
    how, parts = str(spec.get("how", "sum")), spec["parts"]
    if how in ("rank", "consensus"):
        raise UsageError(
            f"{key}.how={how}: needs all candidates at once; use it for the final choice, choose.how={how}"
        )
    lookup(f"{key}.how:", how, dict.fromkeys(HOW))
    if not parts:
        raise UsageError(f"{key}.parts=[]: give a list of rewards, e.g. [{{name: vjepa2}}, {{name: motion}}]")
    for i, part in enumerate(parts):
        _check_part(how, part, f"{key}.parts[{i}]")
    labels = [specs.label(p) for p in parts]
    if doubles := sorted({x for x in labels if labels.count(x) > 1}):
        raise UsageError(f"{key}.parts: two are called {doubles[0]!r}; give one another `label`")
    if not any(p.get("weight", 1) for p in parts):
        raise UsageError(f"{key}.parts: every weight is 0, so that no part counts")
    for name in spec.get("at_least") or {}:
        lookup(f"{key}.at_least: part", str(name).split(".")[0], dict.fromkeys(labels))


def _check_part(how: str, part: Spec, key: str) -> None:
    if not isinstance(part.get("name"), str):
        raise UsageError(f"{key}={part!r}: give a mapping with `name`, e.g. {{name: motion, weight: 0.2}}")
    specs.check({k: v for k, v in part.items() if k not in WEIGHTING}, key)
    for k in WEIGHTING:
        if k in part:
            check_value(f"{key}.{k}", part[k], Sequence[float] if k == "quantiles" else float)
    _line(how, part, key)


@Declaration(differentiable=True, check=_check)
def fuse(
    *,
    how: Annotated[str, "sum, zscore, product or normal"] = "sum",
    parts: Parts,
    at_least: Mapping[str, float] | None = None,
    otherwise: float | None = None,
    device: str = "cpu",
) -> Reward:
    """Several rewards as one, candidate by candidate.

    Args:
        how: how the parts are combined: their sum, zscore (each needs its `mean` and `sd`), product (each may have a
            `scale`) or normal, normal scores (each needs its `quantiles`, which `raysearch calibrate` writes).
        parts: the rewards, each with its options and a `weight`, by default 1; weight 0 only measures.
        at_least: bounds by label or label.detail; a candidate below one does not pass.
        otherwise: the value of a candidate that does not pass; null is NaN, which is never chosen.

    Paper: Hinton 2002, doi 10.1162/089976602760128018 (products of experts)
    """
    weighted = []
    for part in parts:
        own = {k: v for k, v in part.items() if k not in WEIGHTING}
        weighted.append(Weighted(specs.label(part), specs.load(own, device), *_line(how, part)))
    return Fuse(weighted, at_least, otherwise)


def _line(how: str, part: Spec, key: str = "parts") -> tuple[float, float, tuple[float, ...]]:
    """(slope, centre, quantiles) of a part. Raises UsageError for what `how` needs and lacks, or does not use."""
    weight = float(part.get("weight", 1.0))
    for k in WEIGHTING[1:]:
        if k in part and k not in USES[how]:
            raise UsageError(f"{key}.{k}: how={how} does not use it")
    if how == "normal":
        return weight, 0.0, _rising(part, key) if weight else ()
    if how == "zscore" and not ("mean" in part and "sd" in part):
        raise UsageError(
            f"{key}: how=zscore needs the mean and sd of {specs.label(part)}, measured before; over the candidates "
            "themselves it is a final choice: choose.how=zscore"
        )
    spread = float(part["sd"] if how == "zscore" else part.get("scale", 1.0))
    if not spread > 0:
        raise UsageError(f"{key}.{USES[how][-1]}={spread:g}: must be above 0")
    return weight / spread, float(part.get("mean", 0.0)), ()


def _rising(part: Spec, key: str) -> tuple[float, ...]:
    quantiles = tuple(float(q) for q in part.get("quantiles", ()))
    if len(quantiles) < 2 or any(b <= a for a, b in pairwise(quantiles)):
        raise UsageError(
            f"{key}.quantiles={list(quantiles)}: how=normal needs two or more of {specs.label(part)} that rise, "
            "measured before (raysearch calibrate writes them); over the candidates themselves: choose.how=normal"
        )
    return quantiles


def _bends(quantiles: tuple[float, ...]) -> list[float]:
    """By how much the slope of the normal score changes at each quantile; at the first, the slope itself."""
    levels = [NormalDist().inv_cdf((k + 0.5) / len(quantiles)) for k in range(len(quantiles))]
    slopes = [(b - a) / (y - x) for (a, b), (x, y) in zip(pairwise(levels), pairwise(quantiles), strict=True)]
    return [slopes[0], *(b - a for a, b in pairwise(slopes)), 0.0]


def _measured(details: Mapping[str, float], name: str) -> float:
    if name not in details:
        raise UsageError(f"at_least.{name}: not measured; there are: {', '.join(details)}")
    return details[name]
