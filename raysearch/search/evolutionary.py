"""Evolutionary search over noises and intermediate states; the fitness is the reward of complete videos.

Each individual is denoised in several Moves, so that its states at the steps of all later generations exist when it
becomes a parent, and an elite is never denoised twice. A mutation keeps x0_hat and the variance of the noise.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from raysearch.errors import UsageError
from raysearch.moves import Guide, Kernel, Move, Outcome, Result, Round, Search
from raysearch.options import Count, Fraction, Natural, PositiveFraction
from raysearch.search.common import ODE, afford, ranked, rewards, stream

LISTED = 8


@dataclass(frozen=True)
class Individual:
    """A complete video.

    Attributes:
        states: handles of its states by step.
        outcome: of the complete video.
        root: slot of its first ancestor in the first generation.
    """

    states: dict[int, str]
    outcome: Outcome
    root: int


def evolutionary(
    seed: int,
    steps: int,
    *,
    n: Count = 16,
    children: Count | None = None,
    elites: Natural = 2,
    beta: PositiveFraction = 0.2,
    tournament: Count = 3,
    reads: Sequence[Fraction] = (0.0, 0.2, 0.4, 0.6),
    kernel: Kernel = ODE,
    guide: Guide | None = None,
    budget: Count | None = None,
) -> Search:
    """Evolve a population by mutating noises, then states further and further along.

    Args:
        n: size of the first generation; `budget` sets it instead.
        children: size of each later generation; defaults to n // 2.
        elites: how many of the best individuals survive into the next generation.
        beta: size of a mutation.
        tournament: a parent is the best of this many individuals drawn at random.
        reads: the steps at which the generations mutate, as fractions of the steps below 1.

    Paper: He et al. 2025, arXiv 2505.17618 (EvoSearch)
    """
    if not reads or max(reads) >= 1:
        raise UsageError(f"search.reads={tuple(reads)}: give at least one fraction of the steps, each below 1")
    at = sorted({min(steps - 1, round(read * steps)) for read in reads})
    cost = partial(_cost, steps=steps, at=at, children=children)
    n, legs = afford(n, budget, cost), [*at, steps]
    plan = {"rounds": len(legs) * (len(legs) + 1) // 2, "nfe": cost(n)}
    population = yield from _grown(seed, 0, [None] * n, list(range(n)), legs, 0.0, kernel, guide, plan)
    parents_of, origin = [], population[0].outcome.key
    for g, stop in enumerate(at, start=1):
        fitness = ranked(rewards([p.outcome for p in population]))
        winners = [_tournament(fitness, tournament, (origin, seed, g, i)) for i in range(_brood(n, children))]
        states, roots = [population[w].states[stop] for w in winners], [population[w].root for w in winners]
        brood = yield from _grown(seed, g, states, roots, [*at[g:], steps], beta, kernel, guide)
        population = [population[i] for i in fitness[:elites]] + brood
        parents_of.append(winners)
    finals = [p.outcome for p in population]
    return Result.of_best(finals, n=n, ancestors=parents_of, roots=len({p.root for p in population}))


def _grown(
    seed: int,
    generation: int,
    parents: Sequence[str | None],
    roots: Sequence[int],
    legs: Sequence[int],
    beta: float,
    kernel: Kernel,
    guide: Guide | None,
    note: Mapping[str, int] | None = None,
) -> Generator[Round, list[Outcome], list[Individual]]:
    """Mutate the parents by beta and denoise them to the end, stopping at every leg; only the end is scored."""
    states: list[dict[int, str]] = [{} for _ in parents]
    now: list[str | None] = list(parents)
    for j, stop in enumerate(legs):
        mutate, score = beta if j == 0 else 0.0, j + 1 == len(legs)
        outcomes = yield Round(
            tuple(
                Move(p, (seed, generation, i, j), stop, kernel, guide, mutate=mutate, score=score)
                for i, p in enumerate(now)
            ),
            note or {},
        )
        now = [o.key for o in outcomes]
        for handles, o in zip(states, outcomes, strict=True):
            handles[stop] = o.key
    return [Individual(*line) for line in zip(states, outcomes, roots, strict=True)]


def _tournament(fitness: Sequence[int], size: int, address: tuple[int | str, ...]) -> int:
    """The fittest of `size` members drawn at random; `fitness` lists the members from best to worst."""
    return fitness[int(stream(*address).integers(len(fitness), size=size).min())]


def _cost(n: int, steps: int, at: Sequence[int], children: int | None) -> int:
    return n * steps + _brood(n, children) * sum(steps - stop for stop in at)


def _brood(n: int, children: int | None) -> int:
    return max(1, n // 2) if children is None else children
