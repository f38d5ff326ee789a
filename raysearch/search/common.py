"""What the strategies share: kernels to start from, addressed randomness, the NFE ledger and checks of options."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from raysearch.errors import UsageError
from raysearch.moves import Guide, Kernel, Move, Outcome, Seed
from raysearch.search.schedules import fraction, guided

ODE = Kernel("ode")
NOISY = Kernel("ddim_eta", 0.7, (0.2, 0.8))


def stream(*address: int) -> np.random.Generator:
    """The random stream at an address such as (seed, round): the same whatever was drawn anywhere else."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(address)))


def rewards(outcomes: Sequence[Outcome]) -> np.ndarray:
    """Rewards in slot order, (N,) fp64."""
    return np.array([o.reward for o in outcomes], dtype=float)


def handles(outcomes: Sequence[Outcome]) -> list[str]:
    return [o.key for o in outcomes]


def ranked(values: Iterable[float]) -> list[int]:
    """Indices from the highest reward to the lowest; ties go to the lowest index, NaN comes last."""
    keys = [(math.isnan(v), -v, i) if not math.isnan(v) else (True, 0.0, i) for i, v in enumerate(values)]
    return [i for _, _, i in sorted(keys)]


def stochastic_steps(kernel: Kernel, steps: int) -> list[int]:
    """Steps at which the kernel brings fresh noise; never the last, which lands on the data."""
    lo, hi = kernel.window
    return [k for k in range(steps - 1) if kernel.stochastic and lo <= fraction(k, steps) <= hi]


def refuse_copies(kernel: Kernel, steps: int, first: int) -> None:
    """Copies of a particle that meet no noise stay identical: raise ValueError rather than pay for them."""
    if not any(k >= first for k in stochastic_steps(kernel, steps)):
        raise UsageError(
            f"kernel {kernel.name} (eta = {kernel.eta}, window = {kernel.window}) is deterministic from step {first} "
            f"of {steps} on, so copies of a particle would stay identical: choose a stochastic kernel "
            "(ddim_eta, eta = 0.7, window = [0.2, 0.8]), or set prune = true (smc and beam) to drop particles "
            "without copying any"
        )


def refuse_uncorrected(guide: Guide | None, kernel: Kernel, steps: int) -> None:
    """Raise ValueError unless log p - log q corrects all that a guide does: weights would be wrong unseen."""
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


def nfe(moves: Iterable[Move], at: Mapping[str, int]) -> int:
    """Network function evaluations of Moves: the steps they advance. `at` gives the step of each parent handle."""
    return sum(move.to - _start(move, at) for move in moves)


def _start(move: Move, at: Mapping[str, int]) -> int:
    if move.back is not None:
        return move.back
    return 0 if move.parent is None else at[move.parent]


def afford(n: int, budget: int | None, cost: Callable[[int], int]) -> int:
    """n, or where a budget in NFE is given, the largest n whose cost stays within it. `cost` must not fall with n.

    Raises ValueError where not even n = 1 is affordable, and for n below 1.
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
    """Raise ValueError naming the first option that is no fraction in (0, 1]."""
    for name, value in options.items():
        if not 0 < value <= 1:
            raise UsageError(f"{name} = {value} must lie in (0, 1]")


def at_least(least: float, **options: Any) -> None:
    """Raise ValueError naming the first option below `least`."""
    for name, value in options.items():
        if not value >= least:
            raise UsageError(f"{name} = {value} must be at least {least}")


def moves_to(
    to: int, parents: Sequence[str | None], seeds: Sequence[Seed], kernel: Kernel, guide: Guide | None, **more: Any
) -> list[Move]:
    """One Move to the same step for every parent and seed."""
    return [Move(p, s, to, kernel, guide, **more) for p, s in zip(parents, seeds, strict=True)]
