"""Where a search stops and scores, how lambda rises, how a population shrinks. Pure functions of a few numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from raysearch.errors import UsageError
from raysearch.moves import Guide
from raysearch.names import lookup
from raysearch.search.weights import Weights

READS = (0.2, 0.4, 0.6, 0.8)  # before 20 % of the steps a preview is a blur, and its reward says little


def fraction(step: int, steps: int) -> float:
    """Where a step lies in the denoising: 0 the first, 1 the last (windows of kernels and guides are in this unit)."""
    return step / (steps - 1) if steps > 1 else 0.0


def guided(guide: Guide | None, steps: int) -> list[int]:
    """The steps a guide wants to act on: those in its window, from the first of them on every n-th."""
    if guide is None or guide.scale == 0:
        return []
    lo, hi = guide.window
    return [k for k in range(steps) if lo <= fraction(k, steps) <= hi][:: guide.every]


def stops(steps: int, reads: Sequence[float] = READS) -> list[int]:
    """Steps to stop and score at, from fractions of the steps in (0, 1]: sorted, distinct, the last is `steps`."""
    for read in reads:
        if not 0 < read <= 1:
            raise UsageError(f"reads = {tuple(reads)}: {read} is no fraction of the steps in (0, 1]")
    return sorted({*(min(steps, max(1, round(read * steps))) for read in reads), steps})


def constant(progress: float) -> float:
    """All of lambda from the first read on."""
    return 1.0


def linear(progress: float) -> float:
    """lambda in proportion to the share of the steps done."""
    return progress


def geometric(progress: float) -> float:
    """min((1 + gamma)^i - 1, 1) with gamma = 0.008 at i of 100 steps (DAS, 2501.05803): full at 87 % of them."""
    return min(1.008 ** (100 * progress) - 1, 1.0)


RISES: dict[str, Callable[[float], float]] = {"constant": constant, "linear": linear, "geometric": geometric}


def lambdas(rise: str, lam: float, at: Sequence[int]) -> list[float]:
    """lambda at each stop; all of it at the last. Raises ValueError for an unknown rise, suggesting the nearest."""
    share = lookup("rise", rise, {**RISES, "adaptive": constant})
    return [*(lam * share(stop / at[-1]) for stop in at[:-1]), lam]


def adaptive(
    weights: Weights, increment: Callable[[float], np.ndarray], low: float, high: float, kappa: float = 0.9
) -> float:
    """The largest lambda in [low, high] that keeps the conditional ESS of `increment(lambda)` at kappa * N.

    Bisection (Zhou, Johansen & Aston 2016); `low` if even that is too much, `high` if all of it is affordable.
    The schedule then depends on the particles: Z_hat is consistent, no longer exactly unbiased.
    """
    goal = kappa * len(weights)
    if weights.cess(increment(high)) >= goal:
        return high
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if weights.cess(increment(middle)) >= goal else (low, middle)
    return low


def funnel(n: int, last: int, rounds: int) -> list[int]:
    """Population of each round, from n down (never up) to `last` in equal ratios."""
    if not 1 <= last <= n:
        raise UsageError(f"last = {last} must lie between 1 and n = {n}")
    if rounds == 1:
        return [n]
    return [round(n * (last / n) ** (k / (rounds - 1))) for k in range(rounds)]
