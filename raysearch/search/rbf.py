"""Rollover budget forcing: one particle with many proposals at each read; budget saved early is spent later."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from raysearch.moves import Guide, Kernel, Move, Outcome, Result, Round, Search
from raysearch.options import Count, Fraction
from raysearch.search.common import NOISY, afford, evaluations, ranked, refuse_copies, rewards, stochastic_steps
from raysearch.search.schedules import stops

LISTED = 9


def rbf(
    seed: int,
    steps: int,
    *,
    n: Count = 8,
    wave: Count = 4,
    reads: Sequence[Fraction] = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8),
    kernel: Kernel = NOISY,
    guide: Guide | None = None,
    budget: Count | None = None,
) -> Search:
    """Accept the first proposal that beats the best so far, roll the budget saved over to later steps.

    Where no proposal beats the best so far, the best one of this read continues. The last stretch with noise spends the
    whole remaining budget. The paper samples with Euler steps of an SDE on the variance-preserving path: kernel
    {name: vp_sde, eta: 3} with generator.times = vp_warped and generator.shift = 1, and reads at every step.

    Args:
        n: proposals at each read; `budget` sets it instead. The first read takes n fresh noises.
        wave: how many proposals run at once; the lowest slot among the successful ones wins. 1 is the sequence of the
            paper; more run in parallel and pay for proposals that were not needed.
        reads: where to stop and score, as fractions of the steps.

    Raises:
        UsageError: for a deterministic kernel.

    Paper: Kim et al. 2025, arXiv 2503.19385 (RBF)
    """
    at, noisy = stops(steps, reads), stochastic_steps(kernel, steps)
    if len(at) > 1:
        refuse_copies(kernel, steps, at[0])
    separating = [any(a <= j < b for j in noisy) for a, b in pairwise(at)]
    begin, costs = evaluations(0, at[0], steps), [evaluations(a, b, steps) for a, b in pairwise(at)]
    free = sum(cost for cost, o in zip(costs, separating, strict=True) if o)
    n = afford(n, budget, lambda m: m * (begin + free) + sum(costs) - free)
    first = (Move(None, (seed, 0, i), at[0], kernel, guide) for i in range(n))
    seen = yield Round(tuple(first), {"nfe": n * (begin + free) + sum(costs) - free})
    best, saved, proposed = _first(seen), 0, [n]
    record = _value(best)
    for k, (stop, cost) in enumerate(zip(at[1:], costs, strict=True), start=1):
        purse = n * cost + saved if separating[k - 1] else cost  # without noise all children are the same
        quota = purse // cost if separating[k - 1] else 1  # the last step alone costs nothing
        wait, seen, success = any(separating[k:]), [], None
        while success is None and len(seen) < quota:
            slots = range(len(seen), min(len(seen) + wave, quota) if wait else quota)
            outcomes = yield Round(tuple(Move(best.key, (seed, k, i), stop, kernel, guide) for i in slots))
            seen = [*seen, *outcomes]
            success = next((o for o in outcomes if _value(o) > record), None) if wait else None
        best = success or _first(seen)
        record, proposed = max(record, _value(best)), [*proposed, len(seen)]
        saved = purse - len(seen) * cost if separating[k - 1] else saved
    return Result.of_best(seen, n=n, proposed=proposed, roots=1 if len(at) > 1 else n)


def _value(outcome: Outcome) -> float:
    return -math.inf if math.isnan(outcome.reward) else outcome.reward


def _first(outcomes: Sequence[Outcome]) -> Outcome:
    return outcomes[ranked(rewards(outcomes))[0]]
