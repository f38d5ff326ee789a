"""Beam search over previews. It is no sampler: it drops probability mass, so there is no log Z."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from raysearch.moves import Guide, Kernel, Move, Result, Round, Search
from raysearch.options import Count, Fraction, Natural
from raysearch.search.common import NOISY, ODE, afford, evaluations, ranked, refuse_copies, rewards, stochastic_steps
from raysearch.search.schedules import DROPS, stops

LISTED = 4


def beam(
    seed: int,
    steps: int,
    *,
    width: Count = 4,
    branch: Count = 4,
    reads: Sequence[Fraction] = DROPS,
    lookahead: Natural = 0,
    per_parent: bool = False,
    prune: bool = False,
    kernel: Kernel = NOISY,
    guide: Guide | None = None,
    n: Count | None = None,
    budget: Count | None = None,
) -> Search:
    """Keep the best `width` candidates at each read and branch each into `branch` children.

    Where no noise would make the children of a candidate differ before the next read, it has a single one.

    Args:
        width: how many candidates continue at each read; `budget` sets it instead.
        branch: children of each candidate that continues.
        reads: where to stop and score, as fractions of the steps.
        lookahead: score a candidate after this many further ode steps, which are then thrown away.
        per_parent: keep the best child of every candidate (SVDD), instead of the `width` best of all children; so no
            candidate dies out and the candidates stay independent.
        prune: do not branch after the first read, only drop candidates; for kernels without noise.
        n: candidates alive at a time, width * branch; it sets the width where it is given.

    Raises:
        UsageError: where children could never differ because the kernel has no noise, unless prune.

    Paper: Li et al. 2024, arXiv 2408.08252 (SVDD); with lookahead: DLBS, 2501.19252
    """
    at, noisy = stops(steps, reads), stochastic_steps(kernel, steps)
    if branch > 1 and len(at) > 1 and not prune:
        refuse_copies(kernel, steps, at[0])
    fans = [branch]
    for start, stop in pairwise(at):
        fans.append(branch if not prune and any(start <= j < stop for j in noisy) else 1)
    ahead = [min(stop + lookahead, steps) for stop in at]
    legs = list(zip(fans, [0, *at], at, ahead, strict=False))
    each = sum(f * evaluations(start, stop, steps) for f, start, stop, _ in legs)
    each += sum(f * evaluations(stop, look, steps) for f, _, stop, look in legs if look > stop)
    width = afford(width if n is None else max(1, n // branch), budget, lambda m: m * each)
    plan = {"rounds": len(at) + sum(a > stop for a, stop in zip(ahead, at, strict=True)), "nfe": width * each}
    parents: list[str | None] = [None] * width
    root, ancestors = list(range(width)), []
    for k, (stop, fan) in enumerate(zip(at, fans, strict=True)):
        seeds = [(seed, k, i, j) for i in range(len(parents)) for j in range(fan)]
        moves = [Move(parents[s[2]], s, stop, kernel, guide, score=ahead[k] == stop) for s in seeds]
        outcomes = read = yield Round(tuple(moves), plan)
        if ahead[k] > stop:
            looks = (Move(o.key, (*s, 0), ahead[k], ODE, guide) for o, s in zip(outcomes, seeds, strict=True))
            read = yield Round(tuple(looks))
        root = list(range(len(seeds))) if k == 0 else [root[s[2]] for s in seeds]
        if stop < steps:
            order = ranked(rewards(read))
            kept = _first_of_each(order, fan) if per_parent else order[:width]
            parents, root = [outcomes[i].key for i in kept], [root[i] for i in kept]
            ancestors.append(kept)
    return Result.of_best(outcomes, width=width, branch=branch, ancestors=ancestors, roots=len(set(root)))


def _first_of_each(order: Sequence[int], fan: int) -> list[int]:
    """Of each parent's children, `fan` in a row, the first in the order; in the order of the parents."""
    best: dict[int, int] = {}
    for i in order:
        best.setdefault(i // fan, i)
    return [best[parent] for parent in sorted(best)]
