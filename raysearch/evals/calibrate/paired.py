"""Clips against their corruptions: who has the higher score, how often, and how sure that is."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from raysearch.evals.calibrate.statistics import LEVEL, Interval


def preferred(clean: np.ndarray, corrupted: np.ndarray) -> np.ndarray:
    """(N,): 1 where the clean clip has the higher score, 1/2 for a tie up to a relative 1e-5, 0 where it is lower."""
    tie = np.abs(clean - corrupted) <= 1e-5 * np.maximum(np.abs(clean), np.abs(corrupted))
    ahead: np.ndarray = np.where(tie, 0.5, (clean > corrupted).astype(float))
    return ahead


def auroc(clean: np.ndarray, corrupted: np.ndarray) -> float:
    """Probability that any clean clip outranks any corrupted one, ties half."""
    return float(preferred(clean[:, None], corrupted[None]).mean())


def wilson(share: float, count: int, level: float = LEVEL) -> Interval:
    """A share of so many independent units with its 90 % interval (Wilson 1927), less 1/2: 0 is chance."""
    z = NormalDist().inv_cdf(level)
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return Interval(share - 0.5, centre - half - 0.5, centre + half - 0.5, count)
