"""How strongly to search by a reward: lambda from its spread within prompts, and the scale of a guide.

lambda r with r a reward of spread sd: lambda sd = 1.9 is the tilt that is as strong as best of 16 (equal KL). Tilting
by a reward is tilting by the truth only as far as they agree: in units of their spreads by their correlation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from raysearch.evals.calibrate import statistics
from raysearch.evals.calibrate.statistics import Grouped, Interval

SD = 1.9  # lambda in units of 1 / spread


@dataclass(frozen=True)
class Strength:
    """What a search by a reward should be set to.

    Attributes:
        label: The reward.
        spread: Its standard deviation within prompts, pooled.
        lam: lambda as strong as best of 16, 1.9 / spread; also the scale of a guide with norm: variance.
        r: Its correlation (Pearson) with the truth within prompts, over scenes; None without truth.
        tempered: lambda times r, where r is known and above 0: a tilt no stronger than the evidence.
    """

    label: str
    spread: float
    lam: float
    r: Interval | None
    tempered: float


def strength(label: str, scores: Grouped, truth: Grouped, scenes: Sequence[str]) -> Strength:
    """From the scores of each prompt, (N,), and the truth, which may be NaN throughout."""
    squares, freedom = 0.0, 0
    for values in scores:
        known = values[np.isfinite(values)]
        if len(known) > 1:
            squares, freedom = squares + float(((known - known.mean()) ** 2).sum()), freedom + len(known) - 1
    spread = math.sqrt(squares / freedom) if freedom else math.nan
    lam = SD / spread if spread and math.isfinite(spread) else math.nan
    r = None
    if any(np.isfinite(y).sum() > 1 for y in truth):
        s, y, left = statistics.measured(scores, truth, scenes)
        r = statistics.mean(statistics.per_scene([_pearson(a, b) for a, b in zip(s, y, strict=True)], left)).correlation
    tempered = lam * max(r.value, 0.0) if r is not None else math.nan
    return Strength(label, spread, lam, r, tempered)


def _pearson(a: np.ndarray, b: np.ndarray) -> float:
    """Correlation of two (N,), NaN left out; 0 where one is constant."""
    both = np.isfinite(a) & np.isfinite(b)
    x, y = (v[both] - v[both].mean() if both.any() else np.zeros(0) for v in (a, b))
    size = math.sqrt(float(x @ x) * float(y @ y))
    return float(x @ y) / size if size else 0.0
