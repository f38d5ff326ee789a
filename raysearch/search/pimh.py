"""Particle independent Metropolis-Hastings: a Markov chain whose proposals are whole SMC runs.

A run proposes its weighted population and is accepted with probability min(1, Z_hat' / Z_hat). As every run of `smc`
estimates Z without bias, the chain leaves p(x) exp(lambda r(x)) exactly invariant for any number of particles, under
every potential, scheme, rise, funnel and guide; so more runs of few particles take the place of one run of many.

Invariants: run 0 has the Moves of `smc` with the same seed; a run is final when it ends, so any number of runs is a
result; the mean of the Z_hat of all runs estimates Z without bias.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np

from raysearch.moves import Guide, Kernel, Result, Round, Search, argbest
from raysearch.options import Choice, Count, Fraction, PositiveFraction, Strength
from raysearch.search.common import NOISY, accepted, afford, relayed, rewards, stream, sub_seed
from raysearch.search.elementary import exp
from raysearch.search.resampling import SCHEMES
from raysearch.search.schedules import READS, RISES
from raysearch.search.smc import POTENTIALS, smc

LISTED = 3.1


def pimh(
    seed: int,
    steps: int,
    *,
    n: Count = 8,
    runs: Count = 4,
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
    """Repeat SMC runs and accept each by its estimate of Z: a sampler that can go on for ever.

    The result holds the populations of all runs. A run weighs as many times as the chain was at it, its particles share
    that by their own weights, and a run at which the chain never was has weight zero. The chain begins at run 0 and not
    in its stationary law, so averages are exact in the limit of many runs; log Z is unbiased for any number.

    Args:
        n: number of particles of each run.
        runs: number of SMC runs; `budget` sets it instead.
        lam: inverse temperature lambda of the target, the same for all runs, or {sd: 1.9} as of `smc`.
        rise: how lambda grows from read to read.
        kappa: with rise = adaptive, the conditional ESS that each read keeps, as a share of N.
        potential: how the rewards of the reads enter the weights on the way; the target is the same for all.
        threshold: resample where ESS < threshold * N.
        scheme: how ancestors are drawn.
        reads: where to stop and score, as fractions of the steps.
        budget: the largest number of network function evaluations (NFE) to spend, instead of the number of runs.
        prune: in the runs, drop particles and let fresh ones join, and copy none; for kernels without noise.

    Raises:
        UsageError: as `smc` does, for a kernel without noise and for a guide that the weights cannot correct.

    Paper: Andrieu, Doucet & Holenstein 2010, JRSSB 72(3) (PIMH, theorem 6); Middleton et al. 2019, arXiv 1902.01781
    """
    options: dict[str, Any] = {
        "n": n, "lam": lam, "rise": rise, "kappa": kappa, "potential": potential, "threshold": threshold,
        "scheme": scheme, "reads": reads, "prune": prune, "kernel": kernel, "guide": guide,
    }  # fmt: skip
    runs = afford(runs, budget, lambda m: m * n * steps)
    done: list[Result] = []
    visits, now = np.zeros(runs), 0
    for k in range(runs):
        run = yield from relayed(smc(sub_seed(seed, k), steps, **options), lambda r: _noted(r, runs, len(done)))
        done.append(run)
        origin = done[0].finals[0].key  # differs between prompts
        if k and accepted(_log_z(run) - _log_z(done[now]), stream(origin, seed, k, 1).random()):
            now = k
        visits[now] += 1
    return _pooled(done, visits, n)


def _noted(round_: Round, runs: int, run: int) -> Round:
    """The Round of a run with a note that speaks of all runs."""
    total = {name: round_.note[name] * runs for name in ("rounds", "nfe") if name in round_.note}
    return Round(round_.moves, {**round_.note, **total, "run": run})


def _pooled(done: Sequence[Result], visits: np.ndarray, n: int) -> Result:
    """The populations of all runs, each weighted by how often the chain was at its run."""
    finals = tuple(o for run in done for o in run.finals)
    share = [math.log(v / visits.sum()) if v else -math.inf for v in visits.tolist()]
    log_w = tuple(s + w for s, run in zip(share, done, strict=True) for w in run.log_weights or ())
    log_z = np.array([_log_z(run) for run in done])
    z = exp(log_z - log_z.max())
    notes: dict[str, Any] = {
        "n": n, "runs": len(done), "log_z": log_z.tolist(), "visits": visits.astype(int).tolist(),
        "acceptance": (np.count_nonzero(visits) - 1) / max(len(done) - 1, 1),
        "ess_of_runs": [run.notes["ess"][-1] for run in done], "roots": sum(run.notes["roots"] for run in done),
        "nan": sum(run.notes["nan"] for run in done),
    }  # fmt: skip
    if len(done) > 1:  # of the log of the mean over independent runs
        notes["log_z_error"] = float(z.std(ddof=1) / z.mean() / math.sqrt(len(done)))
    if "spread" in done[0].notes:
        notes["spread"] = done[0].notes["spread"]
    pooled = float(log_z.max() + math.log(math.fsum(z.tolist()) / len(done)))
    return Result(finals, argbest(rewards(finals).tolist()), log_w, pooled, notes)


def _log_z(run: Result) -> float:
    assert run.log_z is not None
    return run.log_z
