"""Schedules: the steps at which a search scores, how lambda rises, how a population shrinks. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from raysearch.errors import UsageError
from raysearch.moves import Guide
from raysearch.names import lookup
from raysearch.search.weights import Weights

READS = (0.2, 0.4, 0.6)  # before 20 % a preview is blurred; each is followed by noise of `common.NOISY`, to 80 %
DROPS = (*READS, 0.8)  # where candidates are dropped no noise need follow
GRID = 33  # values of lambda that an adaptive schedule tries


def fraction(step: int, steps: int) -> float:
    """Position of a step, from 0 (first) to 1 (last), the unit of the windows of kernels and guides."""
    return step / (steps - 1) if steps > 1 else 0.0


def guided(guide: Guide | None, steps: int) -> list[int]:
    """The steps that a guide acts on: of those in its window every n-th, from the first on; none without a scale."""
    if guide is None or guide.scale == 0:
        return []
    lo, hi = guide.window
    return [k for k in range(steps) if lo <= fraction(k, steps) <= hi][:: guide.every]


def stops(steps: int, reads: Sequence[float] = READS) -> list[int]:
    """The steps at which to stop and score: sorted, distinct, at least 1, and the last is `steps`.

    Args:
        steps: of the generator.
        reads: fractions of the steps in (0, 1].

    Raises:
        UsageError: for a fraction out of range.
    """
    for read in reads:
        if not 0 < read <= 1:
            raise UsageError(f"search.reads={tuple(reads)}: {read} is not a fraction of the steps in (0, 1]")
    return sorted({*(min(steps, max(1, round(read * steps))) for read in reads), steps})


def inverse_temperature(lam: float | Mapping[str, float]) -> tuple[float, float | None]:
    """lambda, and the spread of the reward that it was worked out from.

    Args:
        lam: lambda itself, or {sd: c, spread: s} for c / s: a tilt of c standard deviations of the reward within a
            prompt. Best-of-n is as strong as c = 1.1, 1.6, 1.9 and 2.2 for n = 4, 8, 16 and 32 (equal KL divergence).

    Raises:
        UsageError: for other keys, and where the spread is missing.
    """
    if not isinstance(lam, Mapping):
        return lam, None
    for key in lam:
        lookup("search.lam: key", str(key), dict.fromkeys(("sd", "spread")))
    for key, remedy in (("sd", "1.9 is as strong as best-of-16"), ("spread", "raysearch run measures it")):
        if key not in lam:
            raise UsageError(f"search.lam={dict(lam)}: {key} is missing; give {{sd: 1.9, spread: 0.03}} ({remedy})")
    return lam["sd"] / lam["spread"], lam["spread"]


def tempered(guide: Guide | None, lam: float, whole: float) -> Guide | None:
    """The guide with its scale times lam / whole, so that a shift rises with lambda; None where nothing is left.

    With norm `variance` and scale = whole the mean of a step is shifted by lam * sd^2 * gradient.

    Source: DAS, arXiv 2501.05803, proposal of algorithm 1
    """
    if guide is None or not whole:
        return guide
    return replace(guide, scale=guide.scale * lam / whole) if lam else None


def constant(progress: float) -> float:
    """The whole lambda from the first read on."""
    return 1.0


def linear(progress: float) -> float:
    """lambda in proportion to the share of the steps taken."""
    return progress


def geometric(progress: float) -> float:
    """min((1 + gamma)^i - 1, 1) with gamma = 0.008 at step i of 100 (DAS, 2501.05803); it reaches 1 at 87 %."""
    return min(math.pow(1.008, 100 * progress) - 1, 1.0)


RISES: dict[str, Callable[[float], float]] = {"constant": constant, "linear": linear, "geometric": geometric}


def lambdas(rise: str, lam: float, at: Sequence[int]) -> list[float]:
    """lambda at each stop, the whole of it at the last; for `adaptive` the values before the last are placeholders.

    Raises:
        UsageError: for an unknown rise; it names the nearest.
    """
    share = lookup("rise", rise, {**RISES, "adaptive": constant})
    return [*(lam * share(stop / at[-1]) for stop in at[:-1]), lam]


def adaptive(
    weights: Weights, increment: Callable[[float], np.ndarray], low: float, high: float, kappa: float = 0.9
) -> float:
    """The largest lambda in [low, high] at which the conditional ESS of `increment(lambda)` is at least kappa * N.

    Where the increments contain log-ratios of a guide, the conditional ESS is not monotone in lambda; so it is computed
    on a grid, and refined by bisection above the largest grid point that keeps kappa. Where no grid point keeps kappa,
    the one with the largest conditional ESS is taken. The last read of `smc` raises every log-weight to lambda * r
    whatever lambda was before, so E[Z_hat] = Z holds exactly.

    Args:
        weights: of the population, N.
        increment: lambda -> increment of the log-weights, (N,).
        low: lambda of the read before.
        high: lambda of the last read.
        kappa: share of N to keep, in (0, 1].

    Returns:
        lambda in [low, high].

    Source: Zhou, Johansen & Aston 2016 (conditional ESS).
    """
    goal = kappa * len(weights)
    if weights.cess(increment(high)) >= goal:
        return high
    grid = np.linspace(low, high, GRID).tolist()
    kept = [weights.cess(increment(lam)) for lam in grid]
    within = [i for i, cess in enumerate(kept) if cess >= goal]
    if not within:
        return float(grid[int(np.argmax(kept))])
    low, high = grid[within[-1]], grid[within[-1] + 1]
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if weights.cess(increment(middle)) >= goal else (low, middle)
    return low


def funnel(n: int, last: int, rounds: int) -> list[int]:
    """Size of the population in each round, from n down to `last` in equal ratios; it never grows."""
    if not 1 <= last <= n:
        raise UsageError(f"search.last={last}: give a number between 1 and n = {n}")
    if rounds == 1:
        return [n]
    return [round(n * (last / n) ** (k / (rounds - 1))) for k in range(rounds)]
