"""Sequential Monte Carlo (Feynman-Kac steering): sample videos from p(x) exp(lambda r(x)), and estimate Z without bias.

A lineage has paid L_k after read k, the log of its product of potentials. Whatever the potentials in between, the last
read pays up to L_T = lambda r(x_T), which is what makes the target right. Weights, payments and the memory of the
potential are state: they are carried when resampling is skipped, and follow the ancestors when it is not. Copies are
made only where noise parts them before the next read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from raysearch.errors import UsageError
from raysearch.moves import Guide, Kernel, Outcome, Result, Round, Search, argbest
from raysearch.names import lookup
from raysearch.search.common import (
    NOISY,
    afford,
    at_least,
    handles,
    moves_to,
    proper,
    refuse_copies,
    refuse_uncorrected,
    rewards,
    stochastic_steps,
    stream,
)  # fmt: skip
from raysearch.search.resampling import Scheme
from raysearch.search.resampling import scheme as scheme_named
from raysearch.search.schedules import READS, adaptive, funnel, lambdas
from raysearch.search.schedules import stops as stops_of
from raysearch.search.weights import Weights


@dataclass(frozen=True)
class Population:
    """What follows the ancestors: states, what each lineage has paid, what its potential remembers, its root slot."""

    parents: tuple[str | None, ...]
    weights: Weights
    paid: np.ndarray
    memory: np.ndarray
    root: np.ndarray

    @staticmethod
    def fresh(n: int, memory: float) -> Population:
        return Population((None,) * n, Weights.uniform(n), np.zeros(n), np.full(n, memory), np.arange(n))


Pay = Callable[[float, np.ndarray, Population], tuple[np.ndarray, np.ndarray]]  # (lambda, r, now) -> (L_k, memory)


def diff(lam: float, r: np.ndarray, now: Population) -> tuple[np.ndarray, np.ndarray]:
    """L_k = lambda_k r_k: each read replaces what the one before had paid."""
    return lam * r, now.memory


def highest(lam: float, r: np.ndarray, now: Population) -> tuple[np.ndarray, np.ndarray]:
    """L_k = lambda_k max_j r_j."""
    memory = np.maximum(now.memory, r)
    return lam * memory, memory


def total(lam: float, r: np.ndarray, now: Population) -> tuple[np.ndarray, np.ndarray]:
    """L_k = lambda_k sum_j r_j: large steps, so it needs some three times the particles."""
    memory = now.memory + r
    return lam * memory, memory


def immediate(lam: float, r: np.ndarray, now: Population) -> tuple[np.ndarray, np.ndarray]:
    """L_k = L_(k-1) + lambda_k r_k: the sum, where lambda is constant."""
    return now.paid + lam * r, now.memory


POTENTIALS: dict[str, tuple[Pay, float]] = {  # with the memory of a fresh particle
    "diff": (diff, 0.0), "max": (highest, -np.inf), "sum": (total, 0.0), "immediate": (immediate, 0.0)
}  # fmt: skip


def smc(
    seed: int,
    steps: int,
    *,
    n: int = 16,
    lam: float = 10.0,
    rise: str = "constant",
    kappa: float = 0.9,
    potential: str = "diff",
    threshold: float = 0.5,
    scheme: str = "systematic",
    reads: Sequence[float] = READS,
    last: int | None = None,
    prune: bool = False,
    kernel: Kernel = NOISY,
    guide: Guide | None = None,
    budget: int | None = None,
) -> Search:
    """Resample particles by exp(lambda * reward of the preview): a sampler, with weights and log Z.

    n: particles; or `budget`, the NFE to spend at most, from which n follows.
    lam: inverse temperature at the end, at least 0. rise: how it gets there, constant, linear, geometric or adaptive.
    kappa: an adaptive rise takes as much at each read as leaves a conditional ESS of kappa * N, in (0, 1].
    potential: what a read pays, diff, max, sum or immediate.
    threshold: resample where ESS < threshold * N, in [0, 1].
    scheme: how ancestors are drawn, multinomial, residual, stratified, systematic, ssp or killing.
    reads: where to stop and score, fractions of the steps. last: shrink the population to this many on the way.
    prune: instead of copying a particle, keep it once with the weight of its offspring.
    Raises ValueError where copies would stay identical for want of noise, unless prune, or threshold = 0, and for a
    guide that the weights do not correct.
    Paper: Singhal et al. 2025, arXiv 2501.06848 (FK steering); log-weights and correction as Wu et al. 2023, 2306.17775
    """
    at_least(0, lam=lam, threshold=threshold)
    proper(kappa=kappa)
    at, draw, (pay, memory) = stops_of(steps, reads), scheme_named(scheme), lookup("potential", potential, POTENTIALS)
    n = afford(n, budget, lambda m: _cost(_sizes(m, last, at), at))
    sizes, lam_k = _sizes(n, last, at), lambdas(rise, lam, at)
    if scheme == "killing" and (prune or sizes[-1] < n):
        raise UsageError("scheme = killing keeps the size of the population: with prune or last use systematic or ssp")
    if n > 1 and len(at) > 1 and (threshold > 0 or sizes[-1] < n) and not prune:
        refuse_copies(kernel, steps, at[0])
    refuse_uncorrected(guide, kernel, steps)
    noisy, now = stochastic_steps(kernel, steps), Population.fresh(n, memory)
    notes: dict[str, list] = {"lambda": [], "ess": [], "ancestors": []}
    plan = {"rounds": len(at), "nfe": _cost(sizes, at)}
    for k, stop in enumerate(at):
        seeds = [(seed, k, i) for i in range(len(now.parents))]
        outcomes = yield Round(tuple(moves_to(stop, now.parents, seeds, kernel, guide)), plan | _latest(notes))
        final = stop == steps
        if rise == "adaptive" and not final:
            lam_k[k] = _affordable(pay, outcomes, now, lam_k[k - 1] if k else 0.0, lam, kappa)
        now = _weighed(diff if final else pay, lam_k[k], outcomes, now)
        notes["lambda"].append(lam_k[k])
        notes["ess"].append(now.weights.ess)
        if not final:
            parting = any(stop <= j < at[k + 1] for j in noisy)
            ancestors = None
            if sizes[k + 1] < sizes[k] or ((parting or prune) and now.weights.ess < threshold * len(now.weights)):
                now, ancestors = _resampled(draw, now, stream(seed, k), sizes[k + 1], prune or not parting)
            notes["ancestors"].append(ancestors)
    log_w = tuple(now.weights.log_w.tolist())
    found = {**notes, "n": n, "roots": len(set(now.root.tolist())), "nan": now.weights.nans}
    return Result(tuple(outcomes), argbest(rewards(outcomes).tolist()), log_w, now.weights.log_z, found)


def _due(pay: Pay, lam: float, outcomes: Sequence[Outcome], now: Population) -> tuple[np.ndarray, ...]:
    """Increment of the log-weights, what lineages have then paid, and the memory."""
    with np.errstate(invalid="ignore"):  # -inf - -inf of the dead
        due, memory = pay(lam, rewards(outcomes), now)
        return due - now.paid + np.array([o.log_ratio for o in outcomes]), due, memory


def _weighed(pay: Pay, lam: float, outcomes: Sequence[Outcome], now: Population) -> Population:
    delta, due, memory = _due(pay, lam, outcomes, now)
    return replace(now, parents=tuple(handles(outcomes)), weights=now.weights.add(delta), paid=due, memory=memory)


def _affordable(pay: Pay, outcomes: Sequence[Outcome], now: Population, low: float, high: float, kappa: float) -> float:
    return adaptive(now.weights, lambda lam: _due(pay, lam, outcomes, now)[0], low, high, kappa)


def _resampled(
    draw: Scheme, now: Population, rng: np.random.Generator, m: int, prune: bool
) -> tuple[Population, list[int]]:
    """The population after resampling to m, and the ancestors; pruned, each survivor once."""
    a, weights = draw(now.weights, rng, m), now.weights.resampled(m)
    if prune:
        a, offspring = np.unique(a, return_counts=True)
        weights = now.weights.pruned(offspring)
    parents = tuple(now.parents[i] for i in a)
    return Population(parents, weights, now.paid[a], now.memory[a], now.root[a]), a.tolist()


def _sizes(n: int, last: int | None, at: Sequence[int]) -> list[int]:
    return funnel(n, n if last is None else min(last, n), len(at))


def _cost(sizes: Sequence[int], at: Sequence[int]) -> int:
    return sum(size * (stop - start) for size, start, stop in zip(sizes, [0, *at], at, strict=False))


def _latest(notes: dict[str, list]) -> dict[str, object]:
    return {name: values[-1] for name, values in notes.items() if values}
