"""Wording: one budget over wordings x seeds, by sequential halving, so that wordings that mislead get few videos."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from raysearch.errors import UsageError
from raysearch.moves import Guide, Kernel, Move, Outcome, Result, Round, Search
from raysearch.options import Count
from raysearch.search.across import summary
from raysearch.search.common import ODE, afford, ranked, sub_seed

LISTED = 1.5


def wording(
    seed: int,
    steps: int,
    *,
    n: Count = 16,
    kernel: Kernel = ODE,
    guide: Guide | None = None,
    budget: Count | None = None,
    variants: Sequence[str | None] = (None,),
) -> Search:
    """Spend n videos on the wordings of a prompt: the better half by mean reward goes on, round after round.

    K wordings take log2 K rounds, and each round spends an equal share of the videos on those that are left. All videos
    are candidates. The original wording is one of them, and its videos are the first ones of best_of_n.

    Args:
        n: number of videos; `budget` sets it instead. At least one for each wording.
        variants: the wordings of the prompt; None stands for its own text.

    Raises:
        UsageError: for fewer videos than wordings.

    Paper: Karnin, Koren & Somekh 2013, ICML (sequential halving); earlier videos stay in the means
    """
    n, count = afford(n, budget, lambda m: m * steps), len(variants)
    if n < count:
        raise UsageError(
            f"n = {n} videos for {count} wordings (the prompt's text and {count - 1} variants): give at least "
            f"{count} videos, which take {count * steps} NFE, or fewer variants"
        )
    turns = max(1, math.ceil(math.log2(count)))
    left, seen, of, survivors = list(range(count)), list[Outcome](), list[int](), list[list[int]]()
    videos: list[list[float]] = [[] for _ in variants]
    first: list[list[float]] = []
    for turn in range(turns):
        picks = _shared_out(left, n - len(seen), turns - turn)
        moves = [
            Move(None, (sub_seed(seed, k), 0, i), steps, kernel, guide, variant=variants[k])
            for k, more in picks.items()
            for i in range(len(videos[k]), len(videos[k]) + more)
        ]
        owners = [k for k, more in picks.items() for _ in range(more)]
        plan = {"rounds": turns, "nfe": n * steps} if not turn else {"wordings": left}
        outcomes = (yield Round(tuple(moves), plan)) if moves else []
        for k, outcome in zip(owners, outcomes, strict=True):
            videos[k].append(outcome.reward)
        seen, of = [*seen, *outcomes], [*of, *owners]
        first = first or [list(each) for each in videos]
        left = [left[i] for i in ranked(_mean(videos[k]) for k in left)[: math.ceil(len(left) / 2)]]
        survivors.append(sorted(left))
    spent = [len(each) * steps for each in videos]
    note = summary(of, spent, rounds=survivors, variance=differing(first, videos))
    return Result.of_best(seen, n=n, roots=n, wordings=note)


def differing(first: Sequence[Sequence[float]], every: Sequence[Sequence[float]]) -> list[float] | None:
    """[variance between wordings, variance within one], of the reward; None where they cannot be told apart.

    The first is that of the means of the first round, in which all wordings have equally many videos, less what the
    seeds contribute to it. It is unbiased and may be negative.

    Args:
        first: rewards of the first round, by wording.
        every: rewards of all rounds, by wording.
    """
    finite = [[r for r in each if math.isfinite(r)] for each in every]
    freedom = sum(max(len(each) - 1, 0) for each in finite)
    means = [(_mean(each), len(each)) for each in first if math.isfinite(_mean(each))]
    if len(means) < 2 or not freedom:
        return None
    within = math.fsum(float(np.var(each)) * len(each) for each in finite if each) / freedom
    seeds = within * math.fsum(1 / size for _, size in means) / len(means)
    return [float(np.var([mean for mean, _ in means], ddof=1)) - seeds, within]


def _shared_out(left: Sequence[int], videos: int, turns: int) -> dict[int, int]:
    """How many of the remaining videos each remaining wording gets now, the best first; at the end all of them."""
    each = videos // (turns * len(left))
    if turns > 1:
        each = max(each, 1) if videos >= len(left) else 0
        return dict.fromkeys(left, each)
    rest = videos - each * len(left)
    return {k: each + (place < rest) for place, k in enumerate(left)}


def _mean(values: Sequence[float]) -> float:
    finite = [v for v in values if math.isfinite(v)]
    return math.fsum(finite) / len(finite) if finite else math.nan
