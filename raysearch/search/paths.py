"""Search over paths: re-noise the best candidates and denoise them again; works with any kernel, the ode included."""

from __future__ import annotations

from raysearch.errors import UsageError
from raysearch.moves import Guide, Kernel, Move, Result, Round, Search
from raysearch.options import Count, PositiveFraction
from raysearch.search.common import ODE, afford, evaluations, ranked, rewards

LISTED = 5


def paths(
    seed: int,
    steps: int,
    *,
    n: Count = 8,
    keep: Count = 2,
    start: PositiveFraction = 0.2,
    back: PositiveFraction = 0.2,
    ahead: PositiveFraction = 0.4,
    kernel: Kernel = ODE,
    guide: Guide | None = None,
    budget: Count | None = None,
) -> Search:
    """Re-noise the best candidates backward, denoise them further forward, repeat to the end.

    Args:
        n: candidates of a round; `budget` sets it instead.
        keep: how many candidates continue, with n // keep copies of each.
        start: where the first read is, as a fraction of the steps.
        back: how far each round goes back by re-noising, as a fraction of the steps.
        ahead: how far each round then denoises, as a fraction of the steps; more than `back`.

    Paper: Ma et al. 2025, arXiv 2501.09732 (search over paths)
    """
    legs = _legs(steps, start, back, ahead)
    n = afford(n, budget, lambda m: _cost(m, keep, legs, steps))
    width = min(keep, n)
    first = (Move(None, (seed, 0, i), legs[0][1], kernel, guide) for i in range(n))
    outcomes = yield Round(tuple(first), {"rounds": len(legs), "nfe": _cost(n, keep, legs, steps)})
    root, ancestors = list(range(n)), []
    for k, (noisier, to) in enumerate(legs[1:], start=1):
        kept = ranked(rewards(outcomes))[:width]
        slots = [(i, j) for i in range(width) for j in range(n // width)]
        moves = [Move(outcomes[kept[i]].key, (seed, k, i, j), to, kernel, guide, back=noisier) for i, j in slots]
        root = [root[kept[i]] for i, _ in slots]
        ancestors.append([kept[i] for i, _ in slots])
        outcomes = yield Round(tuple(moves))
    return Result.of_best(outcomes, n=n, ancestors=ancestors, roots=len(set(root)))


def _legs(steps: int, start: float, back: float, ahead: float) -> list[tuple[int, int]]:
    """(noisier, to) of each round in steps; the re-noised states start at `noisier`."""
    stride_back, stride = max(1, round(back * steps)), round(ahead * steps)
    if stride <= stride_back:
        raise UsageError(f"ahead = {ahead} must exceed back = {back} by at least one of the {steps} steps")
    legs = [(0, max(1, round(start * steps)))]
    while legs[-1][1] < steps:
        noisier = max(0, legs[-1][1] - stride_back)
        legs.append((noisier, min(steps, max(noisier + stride, legs[-1][1] + 1))))
    return legs


def _cost(n: int, keep: int, legs: list[tuple[int, int]], steps: int) -> int:
    width = min(keep, n)
    each = sum(evaluations(noisier, to, steps, changed=True) for noisier, to in legs[1:])
    return n * evaluations(*legs[0], steps) + width * (n // width) * each
