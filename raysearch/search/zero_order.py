"""Zero-order search: hill climbing on the initial noise, whose length stays that of the noise seen in training."""

from __future__ import annotations

from raysearch.moves import Guide, Kernel, Move, Result, Round, Search
from raysearch.options import Count, PositiveFraction
from raysearch.search.common import ODE, afford, ranked, rewards

LISTED = 6


def zero_order(
    seed: int,
    steps: int,
    *,
    n: Count = 4,
    rounds: Count = 4,
    beta: PositiveFraction = 0.3,
    patience: Count = 2,
    kernel: Kernel = ODE,
    guide: Guide | None = None,
    budget: Count | None = None,
) -> Search:
    """Move a pivot noise to its best neighbour, round after round.

    Args:
        n: neighbours z' = sqrt(1 - beta^2) z + beta*eps of each round, all denoised to the end; `budget` sets it
            instead.
        rounds: the largest number of rounds.
        beta: size of the neighbourhood.
        patience: the search ends after this many rounds without a gain.

    Paper: Ma et al. 2025, arXiv 2501.09732 (zero-order search)
    """
    n = afford(n, budget, lambda m: steps * (1 + m * rounds))
    plan = {"rounds": 2 + 2 * rounds, "nfe": steps * (1 + n * rounds)}
    (pivot,) = yield Round((Move(None, (seed, 0, 0, 0), 0, score=False),), plan)
    (best,) = yield Round((Move(pivot.key, (seed, 0, 0, 1), steps, kernel, guide),))
    finals, stale, gains = [best], 0, []
    for k in range(1, rounds + 1):
        neighbours = (Move(pivot.key, (seed, k, i, 0), 0, mutate=beta, score=False) for i in range(n))
        noises = yield Round(tuple(neighbours))
        videos = yield Round(tuple(Move(z.key, (seed, k, i, 1), steps, kernel, guide) for i, z in enumerate(noises)))
        finals = [best, *videos]
        first = ranked(rewards(finals))[0]
        gains.append(first > 0)
        if first > 0:
            pivot, best, stale = noises[first - 1], finals[first], 0
        else:
            stale += 1
        if stale == patience:
            break
    return Result.of_best(finals, n=n, rounds=len(gains), gains=gains, roots=1)
