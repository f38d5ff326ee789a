"""Search chunk by chunk: choose among candidates of a chunk before anything is conditioned on it.

A chunked generator finishes chunks one after the other. Here a search stops wherever one is finished, scores that chunk
alone with the true chunks before it as context, and goes on from what it keeps. The noise of the chunks to come is
drawn anew for every child, so that children differ also where the kernel has no noise. The last chunk is scored with
the whole video, so rewards of the result compare with those of other searches.

Over the chunks it is best-of-n, beam search or SMC. The target of SMC is p(x) exp(lambda r(x)) with the reward of the
whole video, and the mean reward of the chunks so far is what is paid on the way; E[Z_hat] = Z holds as in `smc`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Annotated, Any

import numpy as np

from raysearch.errors import UsageError
from raysearch.moves import Guide, Kernel, Move, Outcome, Result, Round, Search
from raysearch.options import Choice, Count, Fraction, Natural, NonNegative
from raysearch.search.common import (
    ODE,
    afford,
    evaluations,
    handles,
    living,
    ranked,
    refuse_copies,
    refuse_uncorrected,
    rewards,
    stream,
)
from raysearch.search.resampling import systematic
from raysearch.search.schedules import funnel
from raysearch.search.schedules import stops as stops_of
from raysearch.search.weights import Weights
from raysearch.search.within import inner, within

LISTED = 4.5


def chunkwise(
    seed: int,
    steps: int,
    *,
    over: Annotated[str, Choice(("best_of_n", "beam", "smc"))] = "best_of_n",
    n: Count = 8,
    last: Count | None = None,
    width: Count = 2,
    lam: NonNegative = 10.0,
    threshold: Fraction = 0.5,
    context: Natural = 1,
    inside: Mapping[str, Any] | None = None,
    ends: Sequence[Fraction] = (),
    kernel: Kernel = ODE,
    guide: Guide | None = None,
    budget: Count | None = None,
) -> Search:
    """Choose chunk by chunk among n candidates each, scored on the finished chunk with its true past.

    Args:
        over: how chunks are chosen: `best_of_n` keeps the best candidate, `beam` the `width` best, `smc` resamples.
        n: candidates of the first chunk; `budget` sets it instead.
        last: candidates of the last chunk; those between follow in equal ratios. Early chunks matter most, since what
            fails there is passed on. Defaults to n.
        width: of a beam, how many candidates go on.
        lam: of smc, inverse temperature of the target.
        threshold: of smc, resample where ESS < threshold * n.
        context: finished or given chunks before a chunk that are scored with it.
        inside: a search within each chunk, {name: halving, ...}: its candidates take the place of independent draws.
            Not with smc, whose weights could not correct it.
        ends: where chunks are finished, as fractions of the steps; a job takes them from the generator.

    Raises:
        UsageError: for smc where chunks overlap in time and the kernel has no noise, since copies would stay identical.

    Paper: MAGI-1, arXiv 2505.13211 (the generator); smc over reads: Singhal et al. 2025, 2501.06848
    """
    at = stops_of(steps, ends)
    overlapping = any(b - a < at[0] for a, b in pairwise(at))
    renewed = over != "smc" or not overlapping
    plan = _Plan(seed, steps, tuple(at), context, kernel, guide, 1.0 if renewed else 0.0)
    n = afford(n, budget, lambda m: plan.nfe(funnel(m, min(last or m, m), len(at))))
    sizes = funnel(n, min(last or n, n), len(at))
    if inside is not None and over == "smc":
        raise UsageError(f"search.inside={dict(inside)}: the weights of smc cannot correct it; set over=beam")
    if over == "smc":
        refuse_uncorrected(guide, kernel, steps)
        if overlapping and len(at) > 1:
            refuse_copies(kernel, steps, at[0])
        return (yield from _smc(plan, sizes, lam, threshold))
    search = inner(inside, kernel, guide) if inside is not None else None
    return (yield from _beam(plan, sizes, width if over == "beam" else 1, search))


@dataclass(frozen=True)
class _Plan:
    """What the searches over chunks have in common; `at` are the steps at which chunks are finished."""

    seed: int
    steps: int
    at: tuple[int, ...]
    context: int
    kernel: Kernel
    guide: Guide | None
    renew: float

    def start(self, c: int) -> int:
        return self.at[c - 1] if c else 0

    def view(self, c: int) -> tuple[int, int] | None:
        """The chunks with which chunk c is scored; None for the whole video."""
        return None if c == len(self.at) - 1 else (c - self.context, c + 1)

    def moves(self, c: int, parents: Sequence[str | None]) -> tuple[Move, ...]:
        """A candidate of chunk c from each parent, with new noise for the chunks to come."""
        return tuple(
            Move(p, (self.seed, c, i), self.at[c], self.kernel, self.guide,
                 mutate=0.0 if p is None else self.renew, chunks=self.view(c))
            for i, p in enumerate(parents)
        )  # fmt: skip

    def nfe(self, sizes: Sequence[int]) -> int:
        """Network function evaluations with so many candidates of each chunk."""
        legs = zip(sizes, [0, *self.at], self.at, strict=False)
        return sum(n * evaluations(a, b, self.steps, changed=bool(self.renew)) for n, a, b in legs)

    def note(self, sizes: Sequence[int]) -> dict[str, Any]:
        return {"rounds": len(self.at), "nfe": self.nfe(sizes)}


@dataclass
class _Kept:
    """What goes on after a chunk: states, the sum of the chunk rewards behind each, its root, and the history."""

    parents: list[str | None]
    total: np.ndarray
    root: list[int]
    ancestors: list[list[int]] = field(default_factory=list)


def _beam(plan: _Plan, sizes: Sequence[int], width: int, inside: Any) -> Search:
    """Keep the `width` candidates of the highest mean reward of their chunks."""
    width = min(width, min(sizes))
    now, outcomes = _Kept([None], np.zeros(1), [0]), list[Outcome]()
    for c, size in enumerate(sizes):
        if inside is None:
            owner = [i % len(now.parents) for i in range(size)]
            outcomes = yield Round(plan.moves(c, [now.parents[i] for i in owner]), plan.note(sizes) if not c else {})
        else:
            share = max(1, size // len(now.parents))
            outcomes, owner = yield from within(
                inside, now.parents, share, plan.seed, c, (plan.start(c), plan.at[c], plan.steps), plan.view(c)
            )
        final = c == len(sizes) - 1
        value = rewards(outcomes) if final else now.total[owner] + rewards(outcomes)
        root = list(range(len(outcomes))) if not c else [now.root[i] for i in owner]
        kept = ranked(value)[: len(outcomes) if final else width]
        if not final:
            if all(math.isnan(value[i]) for i in kept):
                raise UsageError(_unscored(c, outcomes))
            kept = [i for i in kept if not math.isnan(value[i])]
            now = _Kept([outcomes[i].key for i in kept], value[kept], [root[i] for i in kept], [*now.ancestors, kept])
    return Result.of_best(outcomes, n=sizes[0], sizes=list(sizes), ancestors=now.ancestors, roots=len(set(root)))


def _smc(plan: _Plan, sizes: Sequence[int], lam: float, threshold: float) -> Search:
    """Resample by the reward of each chunk; the last read raises every log-weight to lambda r(x)."""
    n = sizes[0]
    weights, paid = Weights.uniform(n), np.zeros(n)
    now, origin, outcomes = _Kept([None] * n, np.zeros(n), list(range(n))), "", list[Outcome]()
    ess: list[float] = []
    for c, size in enumerate(sizes):
        outcomes = yield Round(plan.moves(c, now.parents), plan.note(sizes) if not c else {"ess": ess[-1]})
        origin, final, read = origin or outcomes[0].key, c == len(sizes) - 1, rewards(outcomes)
        total = now.total + read
        due = lam * (read if final else total / (c + 1))
        with np.errstate(invalid="ignore"):  # -inf - -inf of particles of weight zero
            weights = weights.add(due - paid + np.array([o.log_ratio for o in outcomes]))
        ess.append(weights.ess)
        a = np.arange(len(weights))
        if not final:
            fewer = sizes[c + 1] < size
            if fewer or weights.ess < threshold * size or not np.isfinite(weights.lw).all():
                a = systematic(weights, stream(origin, plan.seed, c), sizes[c + 1])
                weights = weights.resampled(len(a))
            keys = handles(outcomes)
            now = _Kept([keys[i] for i in a], total[a], [now.root[i] for i in a], [*now.ancestors, a.tolist()])
            paid = due[a]
    notes = {"n": n, "sizes": list(sizes), "ess": ess, "ancestors": now.ancestors, "roots": len(set(now.root))}
    best = living(rewards(outcomes), weights.lw)
    return Result(tuple(outcomes), best, tuple(weights.log_w.tolist()), weights.log_z, notes)


def _unscored(c: int, outcomes: Sequence[Outcome]) -> str:
    why = next((o.why for o in outcomes if o.why), "every reward is NaN")
    return f"search.context: no candidate of chunk {c + 1} could be scored ({why}); score more chunks with it"
