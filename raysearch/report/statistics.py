"""The figures of the report: chosen against random choice and oracle, with rank correlations.

The unit of every interval is the prompt: candidates of one prompt share its difficulty, so they are no repetition.
Intervals are percentile bootstrap over prompts with a fixed seed (Efron & Tibshirani 1993, ch. 13). NaN and inf are
values that were not measured; they are left out, never counted as zero.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from raysearch.moves import Result
from raysearch.tinyworld.truth import HIGHER_IS_BETTER

FEW = 5  # prompts below which an interval over prompts means little
FROZEN = 0.5  # of the median candidate's motion: a chosen video below this is suspected of winning by standing still
TRUTH, ERROR, MOTION = "tinyworld_truth", "tinyworld_truth.trajectory_error", "motion"
LOWER_IS_BETTER = frozenset({"trajectory_error", "mse", "violation"})
WAYS = {1: "higher is better", -1: "lower is better", 0: ""}
_RESAMPLES, _LEVEL = 10_000, 0.95
_NAMES = {
    "trajectory_error": ("trajectory error", "px"), "mse": ("pixel error, MSE", ""),
    "violation": ("violation of the laws", ""), "spatiotemporal_iou": ("spatiotemporal IoU", ""),
    "spatial_iou": ("spatial IoU", ""), "weighted_iou": ("weighted spatial IoU", ""),
    MOTION: ("motion", "grey levels per frame"),
}  # fmt: skip
_ORDER = (ERROR, *(f"{TRUTH}.{n}" for n in ("mse", "spatiotemporal_iou", "spatial_iou", "weighted_iou", "violation")))


@dataclass(frozen=True)
class Measure:
    """A measured quantity.

    Attributes:
        key: Its name in Outcome.rewards; None for the search reward.
        label: Its name for a reader.
        unit: Its unit; empty for a pure number.
        better: +1 if higher is better, -1 if lower is better, 0 if neither.
        truth: Whether it compares with the true future.
    """

    key: str | None
    label: str
    unit: str = ""
    better: int = 0
    truth: bool = False

    @property
    def scale(self) -> str:
        """Its unit and which direction is better, as far as there are such."""
        return ", ".join(filter(None, (self.unit, WAYS[self.better])))

    def of(self, result: Result) -> np.ndarray:
        """Its values of all finals, (N,), NaN where it was not measured."""
        raw = [o.reward if self.key is None else o.rewards.get(self.key, math.nan) for o in result.finals]
        values = np.array([math.nan if v is None else v for v in raw], dtype=float)
        return np.where(np.isfinite(values), values, math.nan)


@dataclass(frozen=True)
class Comparison:
    """A measure over prompts; NaN where there is nothing to compute it from.

    Attributes:
        measure: The measure.
        prompts: Number of prompts that have it.
        first: Mean of the first candidate.
        random: Mean over all candidates, which is the expectation of a random choice.
        chosen: Mean of the chosen candidate.
        oracle: Mean of the best candidate by this measure; only for truth.
        change: chosen - random.
        low: Lower end of the 95 % interval of the change, a bootstrap over prompts.
        high: Upper end.
        rho: Mean over prompts of Spearman's correlation with the search reward.
    """

    measure: Measure
    prompts: int
    first: float
    random: float
    chosen: float
    oracle: float
    change: float
    low: float
    high: float
    rho: float

    @property
    def verdict(self) -> str:
        """`better`, `worse`, `more`, `less` where the interval leaves out 0, `unclear` where not.

        Empty for few prompts, and for the search reward, which the chosen has highest by construction.
        """
        if not self.clear:
            return "" if self.measure.key is None or self._few else "unclear"
        if self.measure.key is None:
            return ""
        up = self.change > 0
        if self.measure.better:
            return "better" if up == (self.measure.better > 0) else "worse"
        return "more" if up else "less"

    @property
    def step(self) -> float:
        """What decides how many digits are shown: the change, or half its interval where that is larger."""
        return step(self.change, self.low, self.high)

    @property
    def clear(self) -> bool:
        """Whether there are enough prompts and the interval leaves out 0."""
        return not self._few and not self.low <= 0 <= self.high

    @property
    def _few(self) -> bool:
        return self.prompts < FEW


def measure(key: str | None, reward: str = "") -> Measure:
    """The measure of that name; which direction is better follows from the contract of rewards and from `truth`."""
    if key is None:
        return Measure(None, f"search reward, {reward}", "", 1)
    last = key.rsplit(".", 1)[-1]
    plain = re.sub(r"surprise_(\d+)$", lambda found: f"surprise in window {int(found[1]) + 1}", key)
    known = _NAMES if key == MOTION or last != MOTION else {}  # a part that is called so may be relative
    label, unit = known.get(last, (plain.replace(".", ", ").replace("_", " "), ""))
    if last in LOWER_IS_BETTER or last.startswith("surprise"):
        better = -1
    else:  # a reward is better when higher; a detail, or the amount of motion, says nothing of the kind
        better = 1 if last in HIGHER_IS_BETTER or ("." not in key and key != MOTION) else 0
    return Measure(key, label, unit, better, key.split(".")[0] == TRUTH)


def measures(results: Sequence[Result], reward: str) -> list[Measure]:
    """All that was measured: search reward, truth, motion, the rest by name. Minus the trajectory error is left out."""
    keys = {k for r in results for o in r.finals for k in o.rewards if "._" not in k} - {reward}  # ._: for machines
    if ERROR in keys:
        keys.discard(TRUTH)
    first = [k for k in (*_ORDER, MOTION) if k in keys]
    return [measure(k, reward) for k in (None, *first, *sorted(keys - set(first)))]


def row(results: Sequence[Result], m: Measure) -> Comparison | None:
    """The measure over all prompts in which the chosen candidate has it; None if there is no such prompt."""
    found = [(*scored(r, m), r.best) for r in results]
    found = [(reward, v, best) for reward, v, best in found if not math.isnan(v[best])]
    if not found:
        return None
    chosen = np.array([v[best] for _, v, best in found])
    random = np.array([np.nanmean(v) for _, v, _ in found])
    first = [v[0] for _, v, _ in found if not math.isnan(v[0])]
    oracle = [m.better * np.nanmax(m.better * v) for _, v, _ in found] if m.truth and m.better else []
    rho = [spearman(reward, v) for reward, v, _ in found] if m.key is not None else []
    low, high = interval(chosen - random)
    return Comparison(
        m, len(found), _mean(first), float(random.mean()), float(chosen.mean()), _mean(oracle),
        float((chosen - random).mean()), float(low), float(high), _mean([x for x in rho if not math.isnan(x)]),
    )  # fmt: skip


def scored(result: Result, m: Measure) -> tuple[np.ndarray, np.ndarray]:
    """Search reward and measure of all finals, (N,) each; the measure is NaN too where the reward is."""
    reward = measure(None).of(result)
    return reward, np.where(np.isnan(reward), math.nan, m.of(result))


def interval(per_prompt: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % percentile bootstrap of the mean over the first axis, (P, ...) -> two of (...); NaN for a single prompt."""
    count = len(per_prompt)
    if count < 2:
        return np.full(per_prompt.shape[1:], math.nan), np.full(per_prompt.shape[1:], math.nan)
    times = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), size=_RESAMPLES)
    means = times @ per_prompt / count
    low, high = np.quantile(means, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2], axis=0)
    return low, high


def step(change: float, low: float, high: float) -> float:
    """The size whose digits tell of a change with its interval: the change, or half the interval where that is larger.

    Args:
        change: The change; may be NaN.
        low: Lower end of its interval; may be NaN.
        high: Upper end.
    """
    return max((v for v in (abs(change), (high - low) / 2) if math.isfinite(v)), default=math.nan)


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Rank correlation of two (N,), ties at their mean rank, in [-1, 1]; NaN below 3 pairs or where one is constant."""
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < 3:
        return math.nan
    x, y = (r - r.mean() for r in (ranks(v[both]) for v in (a, b)))
    spread = math.sqrt(float(x @ x) * float(y @ y))
    return float(x @ y) / spread if spread else math.nan


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks (N,) from 0, ties at their mean, NaN lowest."""
    order = np.argsort(values)
    if (np.diff(values[order]) > 0).all():  # no ties and no NaN, which sort last
        plain = np.empty(len(values))
        plain[order] = np.arange(len(values))
        return plain
    _, where, times = np.unique(np.where(np.isnan(values), -np.inf, values), return_inverse=True, return_counts=True)
    mean_ranks: np.ndarray = (np.cumsum(times) - (times + 1) / 2)[where]
    return mean_ranks


def frozen(result: Result) -> float | None:
    """Motion of the chosen as a fraction of the median candidate's, where that is below FROZEN; else None."""
    motion = measure(MOTION).of(result)
    if math.isnan(motion[result.best]):
        return None
    median = float(np.nanmedian(motion))
    share = float(motion[result.best]) / median if median > 0 else 1.0
    return share if share < FROZEN else None


def unscored(result: Result) -> int:
    """Finals without a reward."""
    return int(np.isnan(measure(None).of(result)).sum())


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else math.nan
