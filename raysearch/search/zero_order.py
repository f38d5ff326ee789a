"""Zero-order search: hill-climbing on the initial noise, which stays on the sphere where the generator was trained."""

from __future__ import annotations

from raysearch.moves import Guide, Kernel, Move, Result, Round, Search
from raysearch.search.common import ODE, afford, at_least, proper, ranked, rewards


def zero_order(
    seed: int,
    steps: int,
    *,
    n: int = 4,
    rounds: int = 4,
    beta: float = 0.3,
    patience: int = 2,
    kernel: Kernel = ODE,
    guide: Guide | None = None,
    budget: int | None = None,
) -> Search:
    """Move a pivot noise to its best neighbour, round after round.

    n: neighbours z' = sqrt(1 - beta^2) z + beta eps a round, all denoised to the end; or `budget` in NFE, at most.
    rounds: how many at most. beta: size of the neighbourhood, in (0, 1].
    patience: rounds without a gain before it ends.
    Paper: Ma et al. 2025, arXiv 2501.09732 (zero-order search)
    """
    at_least(1, rounds=rounds, patience=patience)
    proper(beta=beta)
    n = afford(n, budget, lambda m: steps * (1 + m * rounds))
    plan = {"rounds": 2 + 2 * rounds, "nfe": steps * (1 + n * rounds)}
    (pivot,) = yield Round((Move(None, (seed, 0, 0, 0), 0, score=False),), plan)
    (best,) = yield Round((Move(pivot.key, (seed, 0, 0, 1), steps, kernel, guide),))
    finals, stale, gains = [best], 0, []
    for k in range(1, rounds + 1):
        near = (Move(pivot.key, (seed, k, i, 0), 0, mutate=beta, score=False) for i in range(n))
        noises = yield Round(tuple(near))
        found = yield Round(tuple(Move(z.key, (seed, k, i, 1), steps, kernel, guide) for i, z in enumerate(noises)))
        finals = [best, *found]
        first = ranked(rewards(finals))[0]
        gains.append(first > 0)
        if first > 0:
            pivot, best, stale = noises[first - 1], finals[first], 0
        else:
            stale += 1
        if stale == patience:
            break
    return Result.of_best(finals, n=n, rounds=len(gains), gains=gains, roots=1)
