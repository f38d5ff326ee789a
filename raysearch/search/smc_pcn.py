"""SMC, then Markov chains on its particles: resample-move at the end of a run (Gilks & Berzuini 2001).

A run of `smc` is resampled to equal weights, and each particle then moves by steps that leave p(x) exp(lambda r(x))
invariant: copies part again, and what the run lacked can be found. A step keeps the beginning of a particle's path and
draws the rest anew from the generator: of the initial noise it keeps sqrt(1 - beta^2) z + beta*eps (pCN), of a state
at a read everything. Both are reversible under the law of the path, so a proposal is accepted with probability
min(1, exp(lambda (r' - r) + log-ratio' - log-ratio)), the log-ratios being those of a guide along the path.

Invariants: the run has the Moves of `smc` with the same seed; Z_hat times the mean over the particles is an unbiased
estimate of the integral of any function, before and after every step.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

import numpy as np

from raysearch.errors import UsageError
from raysearch.moves import Guide, Kernel, Move, Outcome, Result, Round, Search, Seed, argbest
from raysearch.options import Choice, Count, Fraction, PositiveFraction, Strength
from raysearch.search.common import (
    NOISY,
    accepted,
    acting,
    afford,
    evaluations,
    moves_to,
    ranked,
    relayed,
    rewards,
    stochastic_steps,
    stream,
)
from raysearch.search.resampling import SCHEMES
from raysearch.search.schedules import READS, RISES, inverse_temperature, stops
from raysearch.search.smc import POTENTIALS, smc
from raysearch.search.weights import Weights

LISTED = 3.2


@dataclass(frozen=True)
class Path:
    """A finished particle.

    Attributes:
        video: Outcome of its last state.
        states: of the steps where a path can be kept, the handle and the log-ratio up to there.
        log_ratio: of the whole path.
        root: address of its first noise.
    """

    video: Outcome
    states: dict[int, tuple[str, float]]
    log_ratio: float
    root: Seed


@dataclass
class Lineage:
    """The Moves of a run by the handle they made, and the log-ratio up to there."""

    moves: dict[str, tuple[Move, float]] = field(default_factory=dict)

    def record(self, round_: Round, outcomes: Sequence[Outcome]) -> None:
        """Take note of a Round and its Outcomes."""
        for move, o in zip(round_.moves, outcomes, strict=True):
            before = 0.0 if move.parent is None else self.moves[move.parent][1]
            self.moves[o.key] = move, before + o.log_ratio

    def path(self, video: Outcome) -> Path:
        """The path of a final state, from its end back to its root; without the noise at step 0."""
        key, states = video.key, {}
        move, log_ratio = self.moves[key]
        while move.parent is not None:
            key = move.parent
            move, ratio = self.moves[key]
            states[move.to] = key, ratio
        return Path(video, states, log_ratio, move.seed)


def smc_pcn(
    seed: int,
    steps: int,
    *,
    n: Count = 8,
    rounds: Count = 2,
    beta: PositiveFraction = 0.3,
    keep: Sequence[Fraction] = (0.4,),
    lam: Strength = 10.0,
    rise: Annotated[str, Choice((*RISES, "adaptive"))] = "constant",
    kappa: PositiveFraction = 0.9,
    potential: Annotated[str, Choice(POTENTIALS)] = "diff",
    threshold: Fraction = 0.5,
    scheme: Annotated[str, Choice(SCHEMES)] = "systematic",
    reads: Sequence[Fraction] = READS,
    prune: bool = False,
    kernel: Kernel = NOISY,
    guide: Guide | None = None,
    budget: Count | None = None,
) -> Search:
    """Run SMC, then move its particles by Metropolis-Hastings: copies part again, log Z stays as it was.

    The result holds the last state of each particle with equal weights, and the best video seen; that one has weight
    zero if its particle has left it.

    Args:
        n: number of particles; `budget` sets it instead.
        rounds: proposals for each particle after the run.
        beta: size of a proposal that begins at the initial noise; 1 proposes independent noise.
        keep: how much of its path a proposal keeps, as fractions of the steps, taken in turn round by round. 0 changes
            the initial noise by `beta` and draws the whole path again; else the path up to the last read at or before
            the fraction stays.
        lam: inverse temperature lambda of the target, or {sd: 1.9} as of `smc`.
        rise: how lambda grows from read to read.
        kappa: with rise = adaptive, the conditional ESS that each read keeps, as a share of N.
        potential: how the rewards of the reads enter the weights on the way; the target is the same for all.
        threshold: resample where ESS < threshold * N.
        scheme: how ancestors are drawn.
        reads: where to stop and score, as fractions of the steps.
        prune: in the run, drop particles and let fresh ones join, and copy none; for kernels without noise.

    Raises:
        UsageError: as `smc` does, for a kernel without noise and for a guide that the weights cannot correct.

    Paper: Gilks & Berzuini 2001, JRSSB 63(1) (resample-move); pCN: Cotter et al. 2013, arXiv 1202.0709
    """
    noisy, at, strength = stochastic_steps(kernel, steps), stops(steps, reads), inverse_temperature(lam)[0]
    at = acting(at, noisy) if threshold > 0 and not prune else at  # where a run of smc stops
    starts = _starts(keep, at, noisy, rounds, prune)
    each = steps + sum(evaluations(start, steps, steps) for start in starts)
    n = afford(n, budget, lambda m: m * each)
    options: dict[str, Any] = {
        "n": n, "lam": lam, "rise": rise, "kappa": kappa, "potential": potential, "threshold": threshold,
        "scheme": scheme, "reads": reads, "prune": prune, "kernel": kernel, "guide": guide,
    }  # fmt: skip
    lineage, plan = Lineage(), {"nfe": n * each}

    def of_all(round_: Round) -> Round:  # the rounds of the run are not those of the whole search
        return Round(round_.moves, {k: v for k, v in round_.note.items() if k != "rounds"} | plan)

    run = yield from relayed(smc(seed, steps, **options), of_all, lineage.record)
    origin = run.finals[0].key  # differs between prompts
    survivors = SCHEMES[scheme](Weights(np.array(run.log_weights)), stream(origin, seed, 0, 0, 2), n).tolist()
    seen = [lineage.path(video) for video in run.finals]
    rates: list[float] = []
    paths = [seen[i] for i in survivors]
    if 0 in starts:
        paths = yield from _with_noises(paths)
    for k, start in enumerate(starts, start=1):
        proposals = yield from _proposed(paths, start, sorted({*starts, steps}), (seed, k), beta, kernel, guide)
        gains = [_gain(strength, old, new) for old, new in zip(paths, proposals, strict=True)]
        taken = [accepted(gain, stream(origin, seed, k, i, 3).random()) for i, gain in enumerate(gains)]
        paths = [new if t else old for t, new, old in zip(taken, proposals, paths, strict=True)]
        seen, rates = [*seen, *proposals], [*rates, sum(taken) / n]
    of_run = {name: value for name, value in run.notes.items() if name != "families"}  # those of its own finals
    notes = {**of_run, "survivors": survivors, "keep": starts, "acceptance": rates}
    return _result(paths, seen, run.log_z, notes)


def _starts(keep: Sequence[float], at: Sequence[int], noisy: Sequence[int], rounds: int, prune: bool) -> list[int]:
    """The step at which the proposals of each round leave the path of their particle."""
    steps = at[-1]
    kept = [max((stop for stop in at[:-1] if stop <= round(share * steps)), default=0) for share in keep]
    if not kept:
        raise UsageError("search.keep=(): give at least one fraction of the steps, such as 0 or 0.4")
    for share, start in zip(keep, kept, strict=True):
        if start and not any(k >= start for k in noisy):
            raise UsageError(
                f"search.keep={tuple(keep)}: at {share} a proposal keeps the path up to step {start} of {steps}, and "
                "the kernel has no noise later: choose a stochastic kernel or an earlier read, or 0, which takes any "
                "kernel (the ode with prune = true)"
            )
        if start and prune:
            raise UsageError(
                f"search.keep={tuple(keep)}: with prune particles join on the way, not all have a state at {share}; "
                "give 0"
            )
    return [kept[k % len(kept)] for k in range(rounds)]


def _with_noises(paths: Sequence[Path]) -> Generator[Round, list[Outcome], list[Path]]:
    """The paths with the handles of their initial noises, which a run of `smc` does not stop at."""
    roots = list(dict.fromkeys(path.root for path in paths))
    noises = yield Round(tuple(Move(None, root, 0, score=False) for root in roots))
    of = {root: (o.key, 0.0) for root, o in zip(roots, noises, strict=True)}
    return [replace(path, states={0: of[path.root], **path.states}) for path in paths]


def _proposed(
    paths: Sequence[Path], start: int, marks: Sequence[int], address: Seed, beta: float, kernel: Kernel,
    guide: Guide | None,
) -> Generator[Round, list[Outcome], list[Path]]:  # fmt: skip
    """New paths that keep the beginning of the given ones up to step `start`, with their states at the marks."""
    now = [path.states[start] for path in paths]
    if start == 0:
        seeds = [(*address, i, 0) for i in range(len(paths))]
        mutants = yield Round(tuple(moves_to(0, [z for z, _ in now], seeds, Kernel(), None, mutate=beta, score=False)))
        now = [(o.key, 0.0) for o in mutants]
    states = [
        {k: v for k, v in path.states.items() if k < start} | {start: p} for path, p in zip(paths, now, strict=True)
    ]
    for stop in (mark for mark in marks if mark > start):
        seeds = [(*address, i, stop) for i in range(len(paths))]
        moves = moves_to(stop, [key for key, _ in now], seeds, kernel, guide, score=stop == marks[-1])
        outcomes = yield Round(tuple(moves))
        now = [(o.key, ratio + o.log_ratio) for o, (_, ratio) in zip(outcomes, now, strict=True)]
        for entries, point in zip(states, now, strict=True):
            entries[stop] = point
    return [
        Path(o, entries, ratio, path.root)
        for o, entries, (_, ratio), path in zip(outcomes, states, now, paths, strict=True)
    ]


def _gain(lam: float, old: Path, new: Path) -> float:
    """log of the ratio of the target at two paths over that of the law from which proposals are drawn."""
    with np.errstate(invalid="ignore"):
        return float(lam * np.subtract(new.video.reward, old.video.reward)) + new.log_ratio - old.log_ratio


def _result(paths: Sequence[Path], seen: Sequence[Path], log_z: float | None, notes: Mapping[str, Any]) -> Result:
    best = seen[ranked(rewards([path.video for path in seen]))[0]]
    log_w, finals = [-math.log(len(paths))] * len(paths), list(paths)
    if best.video.key not in {path.video.key for path in paths}:
        finals, log_w = [*finals, best], [*log_w, -math.inf]
    videos = tuple(path.video for path in finals)
    notes = {**notes, "roots": len({path.root for path in finals})}
    return Result(videos, argbest(rewards(videos).tolist()), tuple(log_w), log_z, notes)
