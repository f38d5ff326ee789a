"""Sequential Monte Carlo (Feynman-Kac steering): sample videos from p(x) exp(lambda r(x)), and estimate Z without bias.

After read k the log-weight of a lineage contains L_k, the log of its product of potentials. The last read raises it to
L_T = lambda r(x_T) whatever the potentials before, so the target is right and E[Z_hat] = Z, also where lambda adapts to
the particles. Weights, L_k and the memory of the potential are state: they are carried where resampling is skipped and
follow the ancestors where it is not. Particles are copied only where noise makes the copies differ before the next
read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from operator import gt
from typing import Annotated, Any

import numpy as np

from raysearch.errors import UsageError
from raysearch.moves import Guide, Kernel, Outcome, Result, Search
from raysearch.options import Choice, Count, Fraction, Natural, NonNegative, PositiveFraction, Strength
from raysearch.search.common import (
    NOISY,
    acting,
    afford,
    evaluations,
    handles,
    living,
    looked,
    moves_to,
    refuse_copies,
    refuse_uncorrected,
    rewards,
    stochastic_steps,
    stream,
)  # fmt: skip
from raysearch.search.genealogy import Genealogy, Previews
from raysearch.search.population import Population, Schedule, halved, shrinking
from raysearch.search.resampling import DISTINCT, SCHEMES, Scheme
from raysearch.search.schedules import READS, RISES, adaptive, inverse_temperature, lambdas, tempered
from raysearch.search.schedules import stops as stops_of

LISTED = 3


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
    lam: Strength = 10.0,
    rise: Annotated[str, Choice((*RISES, "adaptive"))] = "constant",
    kappa: PositiveFraction = 0.9,
    slopes: Sequence[NonNegative] | None = None,
    temper: bool = False,
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

    A read after which no noise parts the copies of a particle before the next one cannot act: it is left out, and the
    notes say which (`left_out`). Particles of weight zero, whose reward was NaN or -inf, are replaced by halves of the
    heaviest one, or dropped where halves would stay identical.

    Args:
        n: number of particles; `budget` sets it instead.
        lam: inverse temperature lambda of the target, reached at the last read; or {sd: 1.9} for 1.9 over the spread of
            the reward within a prompt, which `raysearch run` measures in the first round unless `spread` gives it.
        rise: how lambda grows from read to read.
        kappa: with rise = adaptive, the conditional ESS that each read keeps, as a share of N.
        slopes: lambda at each read but the last as a multiple of lam, in place of `rise`; the notes tell the slopes of
            the final reward on those of the reads, which are the best multiples where both are normal.
        temper: let the scale of the guide rise with lambda, to scale * lambda_k / lam on the way to read k (DAS); with
            rise = adaptive lambda is that of the read before.
        potential: how the rewards of the reads enter the weights on the way; the target is the same for all.
        threshold: resample where ESS < threshold * N; with prune it has no part.
        scheme: how ancestors are drawn.
        reads: where to stop and score, as fractions of the steps.
        last: size to which the population shrinks on the way; defaults to n.
        lookahead: at each read, score a particle after this many further ode steps, which are then thrown away.
        prune: copy no particle. Half of the population remains after each read, each with its weight over the chance
            that it was kept, and what that saves is spent on fresh particles; with `last` the population only shrinks.

    Raises:
        UsageError: where copies would stay identical because the kernel has no noise, unless prune or threshold = 0,
            and for a guide that the weights cannot correct.

    Paper: Singhal et al. 2025, arXiv 2501.06848 (FK steering); log-weights and correction as Wu et al. 2023, 2306.17775
    """
    at, (pay, memory) = stops_of(steps, reads), POTENTIALS[potential]
    noisy = stochastic_steps(kernel, steps)
    if prune and scheme not in DISTINCT:
        raise UsageError(f"search.scheme={scheme}: prune keeps distinct particles; use {' or '.join(DISTINCT)}")
    if (n > 1 or budget) and len(at) > 1 and (threshold > 0 or last is not None) and not prune:
        refuse_copies(kernel, steps, at[0])
    refuse_uncorrected(guide, kernel, steps)
    wanted = at
    if not prune and last is None and threshold > 0:
        at = acting(at, noisy)
    ahead = [min(stop + lookahead, steps) for stop in at]
    looks = [evaluations(stop, look, steps) if look > stop else 0 for stop, look in zip(at, ahead, strict=True)]
    schedule = _schedule(n, last, at, looks, prune, budget)
    if scheme == "killing" and schedule.sizes[-1] < schedule.sizes[0]:
        raise UsageError("search.scheme=killing keeps the size of the population: with last use systematic or ssp")
    lam, spread = inverse_temperature(lam)
    lam_k, saved, origin = lambdas(rise, lam, at), 0, ""
    if slopes is not None:
        lam_k = [slope * lam for slope, stop in zip(_fitting(slopes, wanted, rise), wanted, strict=True) if stop in at]
    read = Previews()
    now = Population.fresh(schedule.sizes[0], memory)
    notes: dict[str, list[Any]] = {"lambda": [], "ess": [], "roots_left": [], "ancestors": []}
    told: dict[str, Any] = {}
    genealogy = Genealogy(independent=scheme == "multinomial")
    plan = {"rounds": len(at) + sum(map(gt, ahead, at)), "nfe": schedule.nfe}
    for k, stop in enumerate(at):
        seeds = [(seed, k, i) for i in range(len(now.parents))]
        lam_on_the_way = lam_k[k] if rise != "adaptive" else lam_k[k - 1] if k else 0.0
        steer = tempered(guide, lam_on_the_way, lam) if temper else guide
        moves = moves_to(stop, now.parents, seeds, kernel, steer)
        outcomes = yield from looked(moves, ahead[k], plan | _latest(notes) | told)
        origin, final = origin or outcomes[0].key, stop == steps
        if rise == "adaptive" and not final:
            lam_k[k] = _affordable(pay, outcomes, now, lam_k[k - 1] if k else 0.0, lam, kappa)
        now = _weighed(diff if final else pay, lam_k[k], outcomes, now)
        notes["lambda"].append(lam_k[k])
        notes["ess"].append(now.weights.ess)
        notes["roots_left"].append(len(set(now.root[np.isfinite(now.weights.lw)].tolist())))
        ended = now.weights.W
        told = {"weights": ended.tolist()}
        if not final:
            copies = not prune and any(stop <= j < at[k + 1] for j in noisy)
            draw = SCHEMES[scheme if copies or scheme in DISTINCT else DISTINCT[0]]
            now, ancestors = _selected(now, draw, stream(origin, seed, k), schedule.survivors[k], copies, threshold)
            if fresh := schedule.fresh[k]:
                spared = evaluations(stop, at[k + 1], steps) + looks[k + 1]
                saved += (schedule.survivors[k] - len(now.parents)) * spared
                more, saved = divmod(saved, evaluations(0, at[k + 1], steps) + looks[k + 1])
                now = now.joined(fresh + more, schedule.share(k), memory)
            read.follow(outcomes, ancestors, len(now.weights))
            if ancestors is not None:
                genealogy.end(ended, ancestors, len(now.weights) - len(ancestors))
            notes["ancestors"].append(ancestors)
    genealogy.end(ended)
    report = {**notes, "n": schedule.sizes[0], "roots": notes["roots_left"][-1], "nan": now.weights.nans,
              "reads": at, "slopes": read.slopes(rewards(outcomes)), **genealogy.report()}  # fmt: skip
    if spread is not None:
        report["spread"] = spread
    if left_out := sorted({*wanted} - {*at}):
        report["left_out"] = left_out
    log_w = tuple(now.weights.log_w.tolist())
    return Result(tuple(outcomes), living(rewards(outcomes), now.weights.lw), log_w, now.weights.log_z, report)


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


def _selected(
    now: Population, draw: Scheme, rng: np.random.Generator, m: int, copies: bool, threshold: float
) -> tuple[Population, list[int] | None]:
    """The population after a read, m particles at the most, and its ancestors; None where nothing changes.

    copies: whether noise parts copies before the next read; without it every particle stands once.
    """
    n = len(now.weights)
    if m < n and not copies:
        return now.pruned(draw, rng, m)
    if m < n or (copies and now.weights.ess < threshold * n):
        return now.resampled(draw, rng, m)
    if not np.isfinite(now.weights.lw).all():
        return now.replaced(copies)
    return now, None


def _fitting(slopes: Sequence[float], at: Sequence[int], rise: str) -> list[float]:
    """The slopes of these reads and 1 for the last; raises UsageError where they cannot be meant."""
    if len(slopes) != len(at) - 1 or rise != "constant":
        raise UsageError(
            f"search.slopes={list(slopes)}: give one for each of the {len(at) - 1} reads before the last, without rise"
        )
    return [*slopes, 1.0]


def _schedule(
    n: int, last: int | None, at: Sequence[int], looks: Sequence[int], prune: bool, budget: int | None
) -> Schedule:
    """The sizes of the population, known before the first reward."""
    if prune and last is None:
        each = at[-1] + sum(looks)
        n = afford(n, budget, lambda m: m * each)
        return halved(n, at, budget or n * each, looks)
    n = afford(n, budget, lambda m: shrinking(m, last or m, at, looks).nfe)
    return shrinking(n, last or n, at, looks)


def _latest(notes: dict[str, list[Any]]) -> dict[str, object]:
    return {name: values[-1] for name, values in notes.items() if values}
