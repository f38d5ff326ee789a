"""Shared by the strategies: default kernels, addressed random streams, ranking, budgets, refusals of kernels."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from raysearch.errors import UsageError
from raysearch.moves import Guide, Kernel, Move, Outcome, Result, Round, Search, Seed, argbest, digest
from raysearch.search.schedules import fraction, guided

ODE = Kernel("ode")
NOISY = Kernel("ddim_eta", 0.7, (0.2, 0.8))


def stream(*address: int | str) -> np.random.Generator:
    """The random stream at an address such as (handle, seed, round); it does not depend on what was drawn elsewhere.

    Seeds and rounds are the same for all prompts of a run. The handle of a search's first state differs between prompts
    and generators, so a search puts it into its addresses.
    """
    words = [int(digest(part), 16) if isinstance(part, str) else part for part in address]
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(words)))


def sub_seed(seed: int, part: int) -> int:
    """The seed of one of the searches that a search is made of; the first has the seed itself and shares its Moves."""
    return int(np.random.SeedSequence((seed, part)).generate_state(1, np.uint64)[0] >> 1) if part else seed


def relayed(
    search: Search,
    change: Callable[[Round], Round] = lambda round_: round_,
    watch: Callable[[Round, Sequence[Outcome]], None] = lambda round_, outcomes: None,
) -> Search:
    """A search inside another one, whose Rounds pass through unchanged in their Moves.

    Args:
        search: the search.
        change: what each Round becomes before it is yielded, with the same Moves; for notes.
        watch: called with each Round and its Outcomes.
    """
    round_ = next(search)
    while True:
        outcomes = yield change(round_)
        watch(round_, outcomes)
        try:
            round_ = search.send(outcomes)
        except StopIteration as end:
            result: Result = end.value
            return result


def accepted(log_ratio: float, u: float) -> bool:
    """Metropolis-Hastings: whether a proposal is accepted by a uniform u in [0, 1); a ratio of NaN refuses it."""
    return math.log(max(u, 1e-300)) < log_ratio


def rewards(outcomes: Sequence[Outcome]) -> np.ndarray:
    """Rewards in slot order, (N,) fp64."""
    return np.array([o.reward for o in outcomes], dtype=float)


def handles(outcomes: Sequence[Outcome]) -> list[str]:
    """Handles of the new states, in slot order."""
    return [o.key for o in outcomes]


def ranked(values: Iterable[float]) -> list[int]:
    """Indices from the highest value to the lowest; among equals the lowest index first, NaN last."""
    keys = [(math.isnan(v), -v, i) if not math.isnan(v) else (True, 0.0, i) for i, v in enumerate(values)]
    return [i for _, _, i in sorted(keys)]


def living(rewards: np.ndarray, lw: np.ndarray) -> int:
    """Index of the highest reward among particles that have weight; the lowest index among equals."""
    return argbest(np.where(np.isfinite(lw), rewards, np.nan).tolist())


def stochastic_steps(kernel: Kernel, steps: int) -> list[int]:
    """Steps (of `steps`) at which the kernel brings fresh noise; never the last, which ends on the data."""
    lo, hi = kernel.window
    return [k for k in range(steps - 1) if kernel.stochastic and lo <= fraction(k, steps) <= hi]


def acting(at: Sequence[int], noisy: Sequence[int]) -> list[int]:
    """The stops after which copies of a particle come apart: a noisy step lies before the next one; the last stays."""
    return [a for a, b in pairwise(at) if any(a <= k < b for k in noisy)] + [at[-1]]


def refuse_copies(kernel: Kernel, steps: int, first: int) -> None:
    """Raise UsageError if the kernel brings no noise from step `first` on, so that copies would stay identical."""
    if not any(k >= first for k in stochastic_steps(kernel, steps)):
        raise UsageError(
            f"kernel {kernel.name} (eta = {kernel.eta}, window = {kernel.window}) is deterministic from step {first} "
            f"of {steps} on, so copies of a particle would stay identical: choose a stochastic kernel "
            "(ddim_eta, eta = 0.7, window = [0.2, 0.8]), or set prune = true (smc and beam) to drop particles "
            "without copying any"
        )


def refuse_uncorrected(guide: Guide | None, kernel: Kernel, steps: int) -> None:
    """Raise UsageError unless log p - log q corrects the guide entirely; otherwise the weights would be wrong."""
    wanted, noisy = set(guided(guide, steps)), set(stochastic_steps(kernel, steps))
    if guide is None or not wanted:
        return
    if guide.travel:
        raise UsageError(f"guide.travel = {guide.travel}: the weights of a sampler cannot correct it; leave it at 0")
    if not wanted & noisy:
        raise UsageError(
            f"kernel {kernel.name} (eta = {kernel.eta}, window = {kernel.window}) has no noise at any guided step, "
            "and weights correct a guide only where there is: choose a stochastic kernel, or guide best_of_n or beam"
        )
    if not guide.strict and wanted - noisy:
        raise UsageError(
            f"guide.strict = false: {len(wanted - noisy)} of {len(wanted)} guided steps have no noise, so the weights "
            "of a sampler cannot correct them; set guide.strict = true, which leaves those steps unguided"
        )


def evaluations(start: int, to: int, steps: int, changed: bool = False) -> int:
    """Network function evaluations of a Move, guides aside.

    It evaluates each state on its way and the one it makes, unless that is finished; a parent past step 0 brings the
    evaluation of itself along.

    Args:
        start: the step it starts from.
        to: the step it goes to.
        steps: of the generator.
        changed: whether it first re-noises or mutates its parent, whose evaluation then serves for nothing.
    """
    return to - start + (0 < to < steps) - (0 < start < steps and not changed)


def nfe(moves: Iterable[Move], at: Mapping[str, int], steps: int) -> int:
    """Network function evaluations of Moves, guides aside; `at`: the step of each parent handle."""
    return sum(_evaluations(move, at, steps) for move in moves)


def _evaluations(move: Move, at: Mapping[str, int], steps: int) -> int:
    start = at[move.parent] if move.parent is not None else 0
    start = start if move.back is None else move.back
    drift = 2 * (move.drift is not None)
    return drift + evaluations(start, move.to, steps, changed=move.back is not None or bool(move.mutate))


def afford(n: int, budget: int | None, cost: Callable[[int], int]) -> int:
    """The size of the population: n, or where a budget is given the largest one whose cost stays within it.

    Args:
        n: size without a budget.
        budget: network function evaluations to spend at most, or None.
        cost: NFE of a population of a given size; it must not fall with the size.

    Raises:
        UsageError: where the budget does not suffice for a population of 1, and for n below 1.
    """
    if budget is None:
        if n < 1:
            raise UsageError(f"n = {n} must be at least 1")
        return n
    if cost(1) > budget:
        raise UsageError(f"budget = {budget} NFE is less than the smallest search here takes: raise it to {cost(1)}")
    low, high = 1, 2
    while cost(high) <= budget and high <= budget:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if cost(middle) <= budget else (low, middle)
    return low


def proper(**options: float) -> None:
    """Raise UsageError naming the first option outside (0, 1]; for strategies without annotations."""
    for name, value in options.items():
        if not 0 < value <= 1:
            raise UsageError(f"{name} = {value} must lie in (0, 1]")


def at_least(least: float, **options: Any) -> None:
    """Raise UsageError naming the first option below `least`; for strategies without annotations."""
    for name, value in options.items():
        if not value >= least:
            raise UsageError(f"{name} = {value} must be at least {least}")


def moves_to(
    to: int, parents: Sequence[str | None], seeds: Sequence[Seed], kernel: Kernel, guide: Guide | None, **more: Any
) -> list[Move]:
    """One Move to step `to` for every pair of parent and seed; `more` are further fields of Move."""
    return [Move(p, s, to, kernel, guide, **more) for p, s in zip(parents, seeds, strict=True)]


def looked(moves: Sequence[Move], to: int, note: Mapping[str, Any]) -> Generator[Round, list[Outcome], list[Outcome]]:
    """The Outcomes of Moves to the same step, with the rewards of what the ode makes of their states at step `to`.

    Where `to` is the step at which they end, they are scored themselves. Else what is scored is thrown away.
    """
    if all(move.to == to for move in moves):
        return (yield Round(tuple(moves), note))
    outcomes = yield Round(tuple(replace(move, score=False) for move in moves), note)
    looks = yield Round(tuple(moves_to(to, handles(outcomes), [(*move.seed, 0) for move in moves], ODE, None)))
    return [replace(o, reward=look.reward) for o, look in zip(outcomes, looks, strict=True)]
