"""Rollover budget forcing: one line, many proposals a step; what an early success saves is spent on later steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from raysearch.moves import Guide, Kernel, Move, Outcome, Result, Round, Search
from raysearch.search.common import NOISY, afford, at_least, ranked, refuse_copies, rewards, stochastic_steps
from raysearch.search.schedules import stops


def rbf(
    seed: int,
    steps: int,
    *,
    n: int = 8,
    wave: int = 4,
    reads: Sequence[float] = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8),
    kernel: Kernel = NOISY,
    guide: Guide | None = None,
    budget: int | None = None,
) -> Search:
    """Accept the first proposal that beats the best so far, roll the budget saved over to later steps.

    n: proposals a stop, or `budget` in NFE, from which n follows. The first stop takes n fresh noises.
    wave: how many are proposed at once; among those that succeed the lowest slot wins. 1 is the paper's sequence, more
    runs in parallel and pays for what a wave proposed in vain.
    reads: where to stop and score, fractions of the steps.
    Without success the best proposal of the stop goes on; the last stretch with noise spends all that is left.
    Raises ValueError for a deterministic kernel.
    Paper: Kim et al. 2025, arXiv 2503.19385 (RBF)
    """
    at_least(1, wave=wave)
    at, noisy = stops(steps, reads), stochastic_steps(kernel, steps)
    if len(at) > 1:
        refuse_copies(kernel, steps, at[0])
    parting = [any(a <= j < b for j in noisy) for a, b in pairwise(at)]
    lengths = [b - a for a, b in pairwise(at)]
    free = sum(length for length, o in zip(lengths, parting, strict=True) if o)
    n = afford(n, budget, lambda m: m * (at[0] + free) + sum(lengths) - free)
    first = (Move(None, (seed, 0, i), at[0], kernel, guide) for i in range(n))
    seen = yield Round(tuple(first), {"nfe": n * (at[0] + free) + sum(lengths) - free})
    best, saved, proposed = _first(seen), 0, [n]
    record = _value(best)
    for k, (stop, length) in enumerate(zip(at[1:], lengths, strict=True), start=1):
        purse = n * length + saved if parting[k - 1] else length  # without noise all children would be the same: one
        quota, wait, seen, found = purse // length, any(parting[k:]), [], None
        while found is None and len(seen) < quota:
            slots = range(len(seen), min(len(seen) + wave, quota) if wait else quota)
            outcomes = yield Round(tuple(Move(best.key, (seed, k, i), stop, kernel, guide) for i in slots))
            seen = [*seen, *outcomes]
            found = next((o for o in outcomes if _value(o) > record), None) if wait else None
        best = found or _first(seen)
        record, proposed = max(record, _value(best)), [*proposed, len(seen)]
        saved = purse - len(seen) * length if parting[k - 1] else saved
    return Result.of_best(seen, n=n, proposed=proposed, roots=1 if len(at) > 1 else n)


def _value(outcome: Outcome) -> float:
    return -math.inf if math.isnan(outcome.reward) else outcome.reward


def _first(outcomes: Sequence[Outcome]) -> Outcome:
    return outcomes[ranked(rewards(outcomes))[0]]
