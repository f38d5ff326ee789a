"""Sequential Monte Carlo (Feynman-Kac steering): sample videos from p(x) exp(lambda r(x)), and estimate Z without bias.

After read k the log-weight of a lineage contains L_k, the log of its product of potentials. The last read raises it to
L_T = lambda r(x_T) whatever the potentials before, so the target is right and E[Z_hat] = Z, also where lambda adapts to
the particles. Weights, L_k and the memory of the potential are state: they are carried where resampling is skipped and
follow the ancestors where it is not. Particles are copied only where noise makes the copies differ before the next
read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from operator import gt
from typing import Annotated, Any

import numpy as np

from raysearch.errors import UsageError
from raysearch.moves import Guide, Kernel, Outcome, Result, Search, argbest
from raysearch.options import Choice, Count, Fraction, Natural, NonNegative, PositiveFraction
from raysearch.search.common import (
    NOISY,
    afford,
    evaluations,
    handles,
    looked,
    moves_to,
    refuse_copies,
    refuse_uncorrected,
    rewards,
    stochastic_steps,
    stream,
)  # fmt: skip
from raysearch.search.resampling import SCHEMES, Scheme
from raysearch.search.schedules import READS, RISES, adaptive, funnel, lambdas
from raysearch.search.schedules import stops as stops_of
from raysearch.search.weights import Weights

LISTED = 3


@dataclass(frozen=True)
class Population:
    """What follows the ancestors when the population is resampled.

    Attributes:
        parents: handles of the states; None before the first read.
        weights: the log-weights.
        paid: (N,) L_k as of the last read.
        memory: (N,) what the potential remembers of earlier reads.
        root: (N,) slot of the first ancestor.
    """

    parents: tuple[str | None, ...]
    weights: Weights
    paid: np.ndarray
    memory: np.ndarray
    root: np.ndarray

    @staticmethod
    def fresh(n: int, memory: float) -> Population:
        """n particles of equal weight that have no state yet."""
        return Population((None,) * n, Weights.uniform(n), np.zeros(n), np.full(n, memory), np.arange(n))


# (lambda_k, rewards (N,), population) -> (L_k (N,), memory (N,)); r_j is the reward of read j
Potential = Callable[[float, np.ndarray, Population], tuple[np.ndarray, np.ndarray]]


def diff(lam: float, r: np.ndarray, now: Population) -> tuple[np.ndarray, np.ndarray]:
    """L_k = lambda_k r_k: each read replaces what the one before contributed."""
    return lam * r, now.memory


def highest(lam: float, r: np.ndarray, now: Population) -> tuple[np.ndarray, np.ndarray]:
    """L_k = lambda_k max_j r_j."""
    memory = np.maximum(now.memory, r)
    return lam * memory, memory


def total(lam: float, r: np.ndarray, now: Population) -> tuple[np.ndarray, np.ndarray]:
    """L_k = lambda_k sum_j r_j: its weights vary more, so it needs about three times the particles."""
    memory = now.memory + r
    return lam * memory, memory


def immediate(lam: float, r: np.ndarray, now: Population) -> tuple[np.ndarray, np.ndarray]:
    """L_k = L_(k-1) + lambda_k r_k: the same as the sum where lambda is constant."""
    return now.paid + lam * r, now.memory


POTENTIALS: dict[str, tuple[Potential, float]] = {  # with the memory of a fresh particle
    "diff": (diff, 0.0), "max": (highest, -np.inf), "sum": (total, 0.0), "immediate": (immediate, 0.0)
}  # fmt: skip


def smc(
    seed: int,
    steps: int,
    *,
    n: Count = 16,
    lam: NonNegative = 10.0,
    rise: Annotated[str, Choice((*RISES, "adaptive"))] = "constant",
    kappa: PositiveFraction = 0.9,
    potential: Annotated[str, Choice(POTENTIALS)] = "diff",
    threshold: Fraction = 0.5,
    scheme: Annotated[str, Choice(SCHEMES)] = "systematic",
    reads: Sequence[Fraction] = READS,
    last: Count | None = None,
    lookahead: Natural = 0,
    prune: bool = False,
    kernel: Kernel = NOISY,
    guide: Guide | None = None,
    budget: Count | None = None,
) -> Search:
    """Resample particles by exp(lambda * reward of the preview): a sampler, with weights and log Z.

    Args:
        n: number of particles; `budget` sets it instead.
        lam: inverse temperature lambda of the target, reached at the last read.
        rise: how lambda grows from read to read.
        kappa: with rise = adaptive, the conditional ESS that each read keeps, as a share of N.
        potential: how the rewards of the reads enter the weights on the way; the target is the same for all.
        threshold: resample where ESS < threshold * N.
        scheme: how ancestors are drawn.
        reads: where to stop and score, as fractions of the steps.
        last: size to which the population shrinks on the way; defaults to n.
        lookahead: at each read, score a particle after this many further ode steps, which are then thrown away.
        prune: keep each survivor once, with the weight of its offspring, instead of copying it.

    Raises:
        UsageError: where copies would stay identical because the kernel has no noise, unless prune or threshold = 0,
            and for a guide that the weights cannot correct.

    Paper: Singhal et al. 2025, arXiv 2501.06848 (FK steering); log-weights and correction as Wu et al. 2023, 2306.17775
    """
    at, draw, (pay, memory) = stops_of(steps, reads), SCHEMES[scheme], POTENTIALS[potential]
    ahead = [min(stop + lookahead, steps) for stop in at]
    n = afford(n, budget, lambda m: _cost(_sizes(m, last, at), at, ahead))
    sizes, lam_k = _sizes(n, last, at), lambdas(rise, lam, at)
    if scheme == "killing" and (prune or sizes[-1] < n):
        raise UsageError(
            "search.scheme=killing keeps the size of the population: with prune or last use systematic or ssp"
        )
    if n > 1 and len(at) > 1 and (threshold > 0 or sizes[-1] < n) and not prune:
        refuse_copies(kernel, steps, at[0])
    refuse_uncorrected(guide, kernel, steps)
    noisy, now = stochastic_steps(kernel, steps), Population.fresh(n, memory)
    notes: dict[str, list[Any]] = {"lambda": [], "ess": [], "ancestors": []}
    plan = {"rounds": len(at) + sum(map(gt, ahead, at)), "nfe": _cost(sizes, at, ahead)}
    for k, stop in enumerate(at):
        seeds = [(seed, k, i) for i in range(len(now.parents))]
        moves = moves_to(stop, now.parents, seeds, kernel, guide)
        outcomes = yield from looked(moves, ahead[k], plan | _latest(notes))
        final = stop == steps
        if rise == "adaptive" and not final:
            lam_k[k] = _affordable(pay, outcomes, now, lam_k[k - 1] if k else 0.0, lam, kappa)
        now = _weighed(diff if final else pay, lam_k[k], outcomes, now)
        notes["lambda"].append(lam_k[k])
        notes["ess"].append(now.weights.ess)
        if not final:
            separated = any(stop <= j < at[k + 1] for j in noisy)
            ancestors = None
            if sizes[k + 1] < sizes[k] or ((separated or prune) and now.weights.ess < threshold * len(now.weights)):
                now, ancestors = _resampled(draw, now, stream(seed, k), sizes[k + 1], prune or not separated)
            notes["ancestors"].append(ancestors)
    log_w = tuple(now.weights.log_w.tolist())
    report = {**notes, "n": n, "roots": len(set(now.root.tolist())), "nan": now.weights.nans}
    return Result(tuple(outcomes), argbest(rewards(outcomes).tolist()), log_w, now.weights.log_z, report)


def _due(pay: Potential, lam: float, outcomes: Sequence[Outcome], now: Population) -> tuple[np.ndarray, ...]:
    """The increment of the log-weights (N,), the new L_k and the new memory."""
    with np.errstate(invalid="ignore"):  # -inf - -inf of particles of weight zero
        due, memory = pay(lam, rewards(outcomes), now)
        return due - now.paid + np.array([o.log_ratio for o in outcomes]), due, memory


def _weighed(pay: Potential, lam: float, outcomes: Sequence[Outcome], now: Population) -> Population:
    delta, due, memory = _due(pay, lam, outcomes, now)
    return replace(now, parents=tuple(handles(outcomes)), weights=now.weights.add(delta), paid=due, memory=memory)


def _affordable(
    pay: Potential, outcomes: Sequence[Outcome], now: Population, low: float, high: float, kappa: float
) -> float:
    return adaptive(now.weights, lambda lam: _due(pay, lam, outcomes, now)[0], low, high, kappa)


def _resampled(
    draw: Scheme, now: Population, rng: np.random.Generator, m: int, prune: bool
) -> tuple[Population, list[int]]:
    """The population after resampling to m, and its ancestors; with prune each survivor once."""
    a, weights = draw(now.weights, rng, m), now.weights.resampled(m)
    if prune:
        a, offspring = np.unique(a, return_counts=True)
        weights = now.weights.pruned(offspring)
    parents = tuple(now.parents[i] for i in a)
    return Population(parents, weights, now.paid[a], now.memory[a], now.root[a]), a.tolist()


def _sizes(n: int, last: int | None, at: Sequence[int]) -> list[int]:
    return funnel(n, n if last is None else min(last, n), len(at))


def _cost(sizes: Sequence[int], at: Sequence[int], ahead: Sequence[int]) -> int:
    legs, steps = zip(sizes, [0, *at], at, ahead, strict=False), at[-1]
    return sum(
        size * (evaluations(start, stop, steps) + (evaluations(stop, look, steps) if look > stop else 0))
        for size, start, stop, look in legs
    )


def _latest(notes: dict[str, list[Any]]) -> dict[str, object]:
    return {name: values[-1] for name, values in notes.items() if values}
