"""Best-of-n: draw n videos and keep the best; the baseline for every other search at equal cost."""

from __future__ import annotations

import math
from collections.abc import Sequence

from raysearch.moves import Guide, Kernel, Move, Result, Round, Search
from raysearch.options import Count
from raysearch.search.common import ODE, afford, ranked

LISTED = 1


def best_of_n(
    seed: int,
    steps: int,
    *,
    n: Count = 16,
    kernel: Kernel = ODE,
    guide: Guide | None = None,
    budget: Count | None = None,
) -> Search:
    """Draw n videos, keep the one with the highest reward.

    Args:
        n: number of videos; `budget` sets it instead.

    Paper: Nakano et al. 2021, arXiv 2112.09332 (best-of-n as an alignment method)
    """
    n = afford(n, budget, lambda m: m * steps)
    moves = (Move(None, (seed, 0, i), steps, kernel, guide) for i in range(n))
    outcomes = yield Round(tuple(moves), {"rounds": 1, "nfe": n * steps})
    return Result.of_best(outcomes, n=n, roots=n)


def expected_best(rewards: Sequence[float], n: int, values: Sequence[float] | None = None) -> float:
    """Unbiased estimate of best-of-n from one pool of M >= n draws: sum_i v_(i) C(i-1, n-1) / C(M, n).

    A draw that can never be the best of n (its coefficient is 0) does not count, whatever its value; so a few rewards
    of NaN or -inf leave the estimate finite where n is larger than their number.

    Args:
        rewards: of the M draws; the best of a subset is the highest, the lowest index among equals, NaN last.
        n: size of the subsets.
        values: what is reported of the best draw of a subset; defaults to its reward.

    Raises:
        ValueError: unless 1 <= n <= M.
    """
    m, values = len(rewards), rewards if values is None else values
    if not 1 <= n <= m:
        raise ValueError(f"best of n = {n} needs a pool of at least {max(n, 1)} draws, there are {m}")
    chosen = ((values[i], math.comb(m - 1 - place, n - 1)) for place, i in enumerate(ranked(rewards)))
    return math.fsum(value * count for value, count in chosen if count) / math.comb(m, n)
