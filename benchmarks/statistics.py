"""Statistics that several benchmarks share."""

from __future__ import annotations

import numpy as np


def interval(values: np.ndarray, draws: int = 4000) -> list[float]:
    """95 % bootstrap interval of the mean over scenes, (N,) values, one a scene."""
    rng = np.random.default_rng(0)
    means = values[rng.integers(0, len(values), (draws, len(values)))].mean(1)
    return [float(q) for q in np.quantile(means, (0.025, 0.975))]
