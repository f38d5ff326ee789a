"""`python -m benchmarks.samplers`: the samplers at equal network evaluations, on chains whose posterior is known.

The chain of the oracles at two strengths of lambda; the posterior mean lies 1.0 and 1.6 prior sd away.
Over runs: RMSE and bias of the posterior mean, the mean of the best reward found, the sd of log Z_hat.
"""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

from examples.exact.drivers import replicate
from examples.exact.models import DDPM, LinearGaussian
from raysearch.search import strategy

BUDGET, RUNS = 640, 400
SEARCHES: dict[str, tuple[str, dict[str, Any]]] = {
    "smc": ("smc", {}),
    "smc, lookahead 2": ("smc", {"lookahead": 2}),
    "smc, lookahead 4": ("smc", {"lookahead": 4}),
    "pimh, runs of 4": ("pimh", {"n": 4}),
    "pimh, runs of 8": ("pimh", {"n": 8}),
    "pimh, runs of 16": ("pimh", {"n": 16}),
    "smc_pcn, 2 rounds, keep .4": ("smc_pcn", {"keep": (0.4,)}),
    "smc_pcn, 2 rounds, keep .6": ("smc_pcn", {"keep": (0.6,)}),
    "smc_pcn, 2 rounds, keep 0": ("smc_pcn", {"keep": (0.0,)}),
    "smc_pcn, 6 rounds, keep .4": ("smc_pcn", {"keep": (0.4,), "rounds": 6}),
}


def row(name: str, options: dict[str, Any], model: LinearGaussian, runs: int) -> dict[str, float]:
    """What a search makes of the chain within the budget, over `runs` runs."""
    given = {"lam": model.lam, "kernel": DDPM, "budget": BUDGET, **options}
    done = replicate(model, lambda i: strategy(name)(i, model.steps, **given), runs, 0)
    off = np.array([np.exp(r.log_weights) @ x for r, x in done]) - model.exact()[1]
    log_z = np.array([r.log_z for r, _ in done])
    return {"rmse": math.sqrt((off**2).mean()), "bias": off.mean(), "se": off.std(ddof=1) / math.sqrt(runs),
            "best": float(np.mean([r.winner.reward for r, _ in done])), "sd_log_z": log_z.std(ddof=1)}  # fmt: skip


def main(runs: int = RUNS) -> None:
    """Print the table."""
    print(f"{BUDGET} NFE, {runs} runs{'':<12}{'lambda':>7}{'RMSE':>8}{'bias':>9}{'SE':>7}{'best':>9}{'sd log Z^':>11}")
    for lam in (1.0, 10.0):
        model = LinearGaussian(lam=lam)
        for label, (name, options) in SEARCHES.items():
            v = row(name, options, model, runs)
            print(f"{label:<30}{lam:7.0f}{v['rmse']:8.3f}{v['bias']:+9.3f}{v['se']:7.3f}{v['best']:9.4f}"
                  f"{v['sd_log_z']:11.2f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
