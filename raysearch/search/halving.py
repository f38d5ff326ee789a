"""Successive halving: many seeds start, the worse ones are dropped at each read. No particle is copied."""

from __future__ import annotations

import math
from collections.abc import Sequence

from raysearch.moves import Guide, Kernel, Move, Result, Round, Search
from raysearch.options import Count, Fraction, PositiveFraction
from raysearch.search.common import ODE, afford, evaluations, ranked, rewards
from raysearch.search.schedules import stops

LISTED = 2


def halving(
    seed: int,
    steps: int,
    *,
    n: Count = 16,
    keep: PositiveFraction = 0.5,
    reads: Sequence[Fraction] = (0.2, 0.5),
    kernel: Kernel = ODE,
    guide: Guide | None = None,
    budget: Count | None = None,
) -> Search:
    """Start n seeds and keep only the better half at each read.

    Args:
        n: number of seeds; `budget` sets it instead.
        keep: share of the candidates that continue at each read; at least one does.
        reads: where to stop and score, as fractions of the steps.

    Paper: Jamieson & Talwalkar 2016, arXiv 1502.07943; on diffusion seeds: PSP, 2607.21591
    """
    at = stops(steps, reads)
    n = afford(n, budget, lambda m: _cost(m, keep, at))
    slots, kept_slots = list(range(n)), []
    plan = {"rounds": len(at), "nfe": _cost(n, keep, at)}
    parents: list[str | None] = [None] * n
    for k, stop in enumerate(at):
        moves = (Move(p, (seed, k, i), stop, kernel, guide) for p, i in zip(parents, slots, strict=True))
        outcomes = yield Round(tuple(moves), {"slots": slots, **plan})
        if stop < steps:
            kept = sorted(ranked(rewards(outcomes))[: _survivors(len(slots), keep)])
            slots, parents = [slots[i] for i in kept], [outcomes[i].key for i in kept]
            kept_slots.append(slots)
    return Result.of_best(outcomes, n=n, roots=len(slots), survivors=kept_slots)


def _survivors(n: int, keep: PositiveFraction) -> int:
    return max(1, math.ceil(n * keep - 1e-9))


def _cost(n: int, keep: PositiveFraction, at: Sequence[int]) -> int:
    nfe = 0
    for start, stop in zip([0, *at], at, strict=False):
        nfe, n = nfe + n * evaluations(start, stop, at[-1]), _survivors(n, keep)
    return nfe
