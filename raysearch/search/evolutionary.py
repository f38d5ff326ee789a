"""Evolutionary search over noises and intermediate states, with complete videos as fitness.

Each individual is denoised in legs, so its states at all later generations exist when it may become a parent, and an
elite is never denoised twice. Mutation preserves x0_hat and the variance of the noise, at any step.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from raysearch.errors import UsageError
from raysearch.moves import Guide, Kernel, Move, Outcome, Result, Round, Search
from raysearch.search.common import ODE, afford, at_least, proper, ranked, rewards, stream


@dataclass(frozen=True)
class Individual:
    """A complete video, with the states on the way to it by step, and the first slot of its line."""

    states: dict[int, str]
    outcome: Outcome
    root: int


def evolutionary(
    seed: int,
    steps: int,
    *,
    n: int = 16,
    children: int | None = None,
    elites: int = 2,
    beta: float = 0.2,
    tournament: int = 3,
    reads: Sequence[float] = (0.0, 0.2, 0.4, 0.6),
    kernel: Kernel = ODE,
    guide: Guide | None = None,
    budget: int | None = None,
) -> Search:
    """Evolve a population by mutating noises, then states further and further along.

    n: first generation, or `budget` in NFE, from which n follows.
    children: how many later generations have, n // 2 if not said. elites: how many of the best live on.
    beta: size of a mutation, in (0, 1]. tournament: a parent is the best of so many.
    reads: where generations mutate, fractions of the steps in [0, 1).
    Paper: He et al. 2025, arXiv 2505.17618 (EvoSearch)
    """
    at_least(1, tournament=tournament, children=1 if children is None else children)
    at_least(0, elites=elites)
    proper(beta=beta)
    if not reads or not all(0 <= read < 1 for read in reads):
        raise UsageError(f"reads = {tuple(reads)} must be fractions of the steps in [0, 1), at least one")
    at = sorted({min(steps - 1, round(read * steps)) for read in reads})
    cost = partial(_cost, steps=steps, at=at, children=children)
    n, legs = afford(n, budget, cost), [*at, steps]
    plan = {"rounds": len(legs) * (len(legs) + 1) // 2, "nfe": cost(n)}
    population = yield from _grown(seed, 0, [None] * n, list(range(n)), legs, 0.0, kernel, guide, plan)
    parents_of = []
    for g, stop in enumerate(at, start=1):
        fitness = ranked(rewards([p.outcome for p in population]))
        winners = [_tournament(fitness, tournament, (seed, g, i)) for i in range(_brood(n, children))]
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
    """Denoise from the parents to the end in legs, mutated at the start by beta; only the end is scored."""
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
        for known, o in zip(states, outcomes, strict=True):
            known[stop] = o.key
    return [Individual(*line) for line in zip(states, outcomes, roots, strict=True)]


def _tournament(fitness: Sequence[int], size: int, address: tuple[int, ...]) -> int:
    """The fittest of `size` members drawn at random; `fitness` lists the members from best to worst."""
    return fitness[int(stream(*address).integers(len(fitness), size=size).min())]


def _cost(n: int, steps: int, at: Sequence[int], children: int | None) -> int:
    return n * steps + _brood(n, children) * sum(steps - stop for stop in at)


def _brood(n: int, children: int | None) -> int:
    return max(1, n // 2) if children is None else children
