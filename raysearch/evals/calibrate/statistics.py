"""The statistics of a calibration: does a score rank the candidates of a prompt as the truth does?

The unit is the scene: candidates of one prompt share its difficulty, and prompts of one scene its motion. So rank
correlations (Spearman) are averaged within a scene, and Student's t over the scenes gives a 90 % interval, which keeps
to 5 % false alarms where prompts differ from one another. With several verifiers the best one looks good by luck; the
truth permuted within prompts, with one permutation for all of them, says how good (max-T, Westfall & Young 1993).

Candidates without truth are left out. One without a score counts as the lowest, for no search chooses it; a prompt in
which all scores, or all truths, are equal has rank correlation 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from raysearch.report.statistics import ranks

LEVEL = 0.95  # each end of an interval leaves out 5 %
PERMUTATIONS = 4000
Grouped = Sequence[np.ndarray]  # one array (N,) for every prompt


@dataclass(frozen=True)
class Interval:
    """A mean over scenes, or a share, with its 90 % interval; the ends are NaN where there are too few scenes."""

    value: float
    low: float = math.nan
    high: float = math.nan
    scenes: int = 0

    @property
    def above(self) -> bool:
        """Whether all of the interval is above 0."""
        return self.low > 0

    @property
    def below(self) -> bool:
        """Whether all of the interval is below 0."""
        return self.high < 0

    @property
    def correlation(self) -> Interval:
        """The same with its ends within -1 and 1, which no correlation exceeds."""
        return replace(self, low=max(self.low, -1.0), high=min(self.high, 1.0))


@dataclass(frozen=True)
class Ranking:
    """How a score ranks the candidates within prompts.

    Attributes:
        rho: Mean rank correlation with the truth over scenes.
        tau: By how much the true correlation of scenes differs, a standard deviation, beyond the noise of N candidates.
        candidates: Candidates per prompt, the harmonic mean.
        prompts: Number of prompts.
        constant: In how many of them the score, or the truth, is the same for all candidates.
        p: One-sided p of the sharp null hypothesis that no prompt carries a signal, by permutation, for the best of all
            verifiers that are compared (max-T).
    """

    rho: Interval
    tau: float
    candidates: float
    prompts: int
    constant: int
    p: float = math.nan


@dataclass(frozen=True)
class Worth:
    """What choosing by a score achieves, in units of the truth, means over scenes.

    Attributes:
        random: The mean candidate.
        chosen: The one with the highest score, the mean of those that tie.
        oracle: The best one.
        gain: chosen - random.
        regret: oracle - chosen.
        share: gain / (oracle - random).
    """

    random: float
    chosen: float
    oracle: float
    gain: Interval
    regret: Interval
    share: Interval


@lru_cache(maxsize=512)
def student(df: int, level: float = LEVEL) -> float:
    """The quantile of Student's t, from its closed form for whole degrees of freedom (Abramowitz & Stegun 26.7.3)."""
    low, high = 0.0, 1e4
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if (1 + _within(middle, df)) / 2 < level else (low, middle)
    return (low + high) / 2


def mean(per_scene: np.ndarray) -> Interval:
    """The mean of (P,) with its 90 % t-interval; NaN are left out."""
    x = per_scene[np.isfinite(per_scene)]
    if len(x) < 2:
        return Interval(float(x[0]) if len(x) else math.nan, scenes=len(x))
    half = student(len(x) - 1) * float(x.std(ddof=1)) / math.sqrt(len(x))
    return Interval(float(x.mean()), float(x.mean()) - half, float(x.mean()) + half, len(x))


def ratio(above: np.ndarray, below: np.ndarray) -> Interval:
    """mean(above) / mean(below) of (P,) each with its 90 % interval, linearised, t with P - 1 degrees of freedom."""
    count, total = len(above), float(below.sum())
    if not total:
        return Interval(math.nan, scenes=count)
    value = float(above.sum()) / total
    if count < 2:
        return Interval(value, scenes=count)
    half = student(count - 1) * float((above - value * below).std(ddof=1)) * math.sqrt(count) / abs(total)
    return Interval(value, value - half, value + half, count)


def per_scene(values: Sequence[float], scenes: Sequence[str]) -> np.ndarray:
    """Means within each scene, (scenes,), in the order in which they first occur."""
    each: dict[str, list[float]] = {}
    for value, scene in zip(values, scenes, strict=True):
        each.setdefault(scene, []).append(value)
    return np.array([sum(v) / len(v) for v in each.values()])


def normal_scores(values: np.ndarray) -> np.ndarray:
    """Normal quantiles (N,) of the ranks k at (k + 1/2) / N, ties at their mean rank."""
    n = len(values)
    return np.array([NormalDist().inv_cdf((k + 0.5) / n) for k in ranks(values).tolist()])


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Rank correlation of two (N,); 0 where one is constant, NaN for fewer than 2."""
    return float(_unit(a) @ _unit(b)) if len(a) > 1 else math.nan


def ranking(scores: Grouped, truth: Grouped, scenes: Sequence[str], p: float = math.nan) -> Ranking:
    """How scores rank candidates.

    Args:
        scores: Of each prompt, (N,).
        truth: Of each prompt, (N,), higher is better.
        scenes: The scene of each prompt.
        p: What `family` says of it, for the verdict.
    """
    scores, truth, scenes = measured(scores, truth, scenes)
    units = [(_unit(s), _unit(y)) for s, y in zip(scores, truth, strict=True)]
    each = [float(a @ b) for a, b in units]
    constant = sum(not (a.any() and b.any()) for a, b in units)
    found = per_scene(each, scenes)
    noise = per_scene([1 / (len(y) - 1) for y in truth], scenes)
    taken = np.array([list(scenes).count(s) for s in dict.fromkeys(scenes)])
    spread = float(found.var(ddof=1)) - float((noise / taken).mean()) if len(found) > 1 else 0.0
    candidates = 1 + len(truth) / sum(1 / (len(y) - 1) for y in truth) if truth else 0.0
    return Ranking(mean(found).correlation, math.sqrt(max(spread, 0.0)), candidates, len(truth), constant, p)


def worth(scores: Grouped, truth: Grouped, scenes: Sequence[str]) -> Worth:
    """What choosing the highest score of each prompt achieves; arguments as `ranking`."""
    scores, truth, scenes = measured(scores, truth, scenes)
    plain = [np.where(np.isnan(s), -np.inf, s) for s in scores]
    chosen = per_scene([float(y[s == s.max()].mean()) for s, y in zip(plain, truth, strict=True)], scenes)
    random, oracle = (per_scene([float(f(y)) for y in truth], scenes) for f in (np.mean, np.max))
    return Worth(
        float(random.mean()), float(chosen.mean()), float(oracle.mean()), mean(chosen - random), mean(oracle - chosen),
        ratio(chosen - random, oracle - random),
    )  # fmt: skip


def family(verifiers: Mapping[str, Grouped], truth: Grouped, scenes: Sequence[str], seed: int = 0) -> dict[str, float]:
    """p of each verifier as the best of all: how often the truth, permuted within prompts, gives any of them as much.

    Args:
        verifiers: Scores by name, as `ranking` takes them.
        truth: Of each prompt, (N,).
        scenes: The scene of each prompt.
        seed: Of the permutations.
    """
    rng, names = np.random.default_rng(seed), list(verifiers)
    kept = {name: measured(scores, truth, scenes) for name, scores in verifiers.items()}
    _, truths, left = next(iter(kept.values()))
    if not truths:
        return dict.fromkeys(names, math.nan)
    seen, drawn, square = np.zeros(len(names)), np.zeros((PERMUTATIONS, len(names))), np.zeros(len(names))
    for i, y in enumerate(truths):
        weight = 1 / (list(left).count(left[i]) * len(set(left)))
        units = np.stack([_unit(kept[name][0][i]) for name in names], 1)
        target = _unit(y)
        order = rng.permuted(np.tile(np.arange(len(y)), (PERMUTATIONS, 1)), axis=1)
        seen += weight * (target @ units)
        drawn += weight * (target[order] @ units)
        square += weight**2 * units.any(0) / (len(y) - 1)
    scale = np.sqrt(np.maximum(square, 1e-300))
    highest = (drawn / scale).max(1)
    return {n: float((1 + (highest >= z - 1e-9).sum()) / (PERMUTATIONS + 1))
            for n, z in zip(names, seen / scale, strict=True)}  # fmt: skip


def measured(scores: Grouped, truth: Grouped, scenes: Sequence[str]) -> tuple[Grouped, Grouped, Sequence[str]]:
    """Candidates that have a truth, of prompts that have at least two of them."""
    known = [np.isfinite(y) for y in truth]
    kept = [i for i, k in enumerate(known) if k.sum() > 1]
    return [scores[i][known[i]] for i in kept], [truth[i][known[i]] for i in kept], [scenes[i] for i in kept]


def _unit(values: np.ndarray) -> np.ndarray:
    """Ranks (N,) with mean 0 and length 1; 0 where all are equal."""
    centred = ranks(values) - (len(values) - 1) / 2
    length = math.sqrt(float(centred @ centred))
    unit: np.ndarray = centred / length if length else centred
    return unit


def _within(t: float, df: int) -> float:
    """P(|T| < t) of Student's t with whole df, Abramowitz & Stegun 26.7.3 and 26.7.4."""
    angle = math.atan(t / math.sqrt(df))
    sine, square = math.sin(angle), math.cos(angle) ** 2
    odd = df % 2
    term, total = (math.cos(angle), 0.0) if odd else (1.0, 0.0)
    for k in range(1 + odd, df, 2):
        total += term
        term *= square * k / (k + 1)
    return 2 / math.pi * (angle + sine * total) if odd else sine * total
