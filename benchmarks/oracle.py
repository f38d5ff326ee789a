"""`python -m benchmarks.oracle`: what the searches estimate, against what is exactly true, in one table.

A row passes within 4 standard errors, a row without a standard error within 1e-12; the mutant must not pass. Exit
code 1 if any row is not as it must be. Under two minutes on one core, seeds fixed.
"""

from __future__ import annotations

import importlib
import itertools
import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch

from examples.exact.drivers import Toy, drive, replicate
from examples.exact.enumeration import STRIDE, enumerated, expected_z, hmm_log_z
from examples.exact.models import DDPM, LinearGaussian, Mixture, Twisted, flow_grid
from raysearch.moves import Kernel
from raysearch.sampling.kernels import needs_noise, step
from raysearch.search import strategy
from raysearch.search.best_of_n import expected_best
from raysearch.search.resampling import SCHEMES
from raysearch.search.smc import POTENTIALS

CHAIN, ODE = LinearGaussian(), Kernel("ode")


@dataclass(frozen=True)
class Row:
    """One claim: `estimate` of `exact` by `runs` runs of `n` particles, with standard error `se` (0: must be equal)."""

    case: str
    n: int
    runs: int
    exact: float
    estimate: float
    se: float = 0.0
    must_fail: bool = False

    @property
    def distance(self) -> float:
        """In standard errors, or, where there is none, in units of 2.5e-13 relative."""
        gap = abs(self.estimate - self.exact)
        return gap / (self.se or 2.5e-13 * max(1.0, abs(self.exact)))

    @property
    def as_it_must(self) -> bool:
        return (self.distance < 4) != self.must_fail

    def __str__(self) -> str:
        se = f"{self.se:.1e}" if self.se else "exact"
        verdict = ("ok" if not self.must_fail else "ok, fails as it must") if self.as_it_must else "WRONG"
        sizes = f"{self.case:<58} {self.n:>5} {self.runs:>6}"
        return f"{sizes} {self.exact:>13.6f} {self.estimate:>13.6f} {se:>9} {self.distance:>6.1f}  {verdict}"


def mean_row(case: str, n: int, values: Iterable[float], exact: float, **more: bool) -> Row:
    values = np.asarray(list(values))
    return Row(case, n, len(values), exact, values.mean(), values.std(ddof=1) / math.sqrt(len(values)), **more)


def run_smc(model, runs: int, seed: int = 0, **options):
    options = {"lam": model.lam, "kernel": model.kernel, **options}
    return replicate(model, lambda i: strategy("smc")(runs * seed + i, model.steps, **options), runs, seed)


def ratio_row(case: str, model, runs: int, seed: int = 0, must_fail: bool = False, **options) -> Row:
    """E[Z_hat] / Z, which is 1 for every N."""
    done = run_smc(model, runs, seed, **options)
    ratio = [math.exp(result.log_z - model.exact()[0]) for result, _ in done]
    return mean_row(f"E[Z^]/Z  {case}", options["n"], ratio, 1.0, must_fail=must_fail)


def kernels() -> Iterator[Row]:
    """Variance of samples moved by `kernels.step` against the affine recursion."""
    generator, count, steps = torch.Generator().manual_seed(0), 100_000, 20
    grid = flow_grid(steps).tolist()
    for kernel in (ODE, *(Kernel(*k) for k in (("ddim_eta", 1.0), ("flow_sde", 0.7), ("cps", 0.9), ("renoise",)))):
        model, x = LinearGaussian(kernel, steps), torch.randn(count, 1, generator=generator)
        for k, (s, s1) in enumerate(itertools.pairwise(grid)):
            x0 = model.mu + model._gain(s) * (x - (1 - s) * model.mu)
            path, at = (1 - s, s, 1 - s1, s1), k / (steps - 1)
            noise = torch.randn(count, 1, generator=generator) if needs_noise(kernel, path, at) else None
            x, _ = step(kernel, x, x0, path, noise, at)
        variance = model.moments()[1]
        se = variance * math.sqrt(2 / count)
        yield Row(f"final variance, kernel {kernel.name} eta {kernel.eta}", 1, count, variance, float(x.var()), se)


def offspring() -> Iterator[Row]:
    W = np.array([0.05, 0.4, 0.0, 0.15, 0.3, 0.1])
    for name, scheme in SCHEMES.items():
        rng = np.random.default_rng(0)
        draws = [np.bincount(scheme(W, rng), minlength=6)[3] for _ in range(4000)]
        yield mean_row(f"E[offspring] = N W, {name}", 6, draws, 6 * W[3])


def linear_gaussian() -> Iterator[Row]:
    """Without resampling the scheme takes no part, and the potentials cancel: one row for all of them."""
    yield ratio_row("any, never resampled", CHAIN, 800, n=16, threshold=0.0)
    for seed, case in enumerate(itertools.product(POTENTIALS, SCHEMES, (0.5, 1.0)), start=1):
        options = dict(zip(("potential", "scheme", "threshold"), case, strict=True))
        yield ratio_row("{}, {}, ESS < {} N".format(*case), CHAIN, 800, seed, n=16, **options)


def posterior() -> Iterator[Row]:
    """Self-normalised estimates are biased by O(1/N): large N, and the weighted draws of all runs pooled."""
    _, mean, variance = CHAIN.exact()
    done = run_smc(CHAIN, 200, n=512)
    means = [np.exp(r.log_weights) @ x for r, x in done]
    yield mean_row("posterior mean", 512, means, mean)
    spread = [np.exp(r.log_weights) @ (x - mean) ** 2 for r, x in done]
    yield mean_row("posterior variance", 512, spread, variance)
    sizes, errors = [16, 32, 64, 128, 256], []
    for n in sizes:  # the max potential: the tails of diff are so heavy that its RMSE needs many more runs
        log_z = np.array([r.log_z for r, _ in run_smc(CHAIN, 400, n, n=n, potential="max", threshold=1.0)])
        errors.append(np.sqrt(np.mean((np.exp(log_z - CHAIN.exact()[0]) - 1) ** 2)))
    slope = np.polyfit(np.log(sizes), np.log(errors), 1)[0]
    yield Row("slope of log RMSE(Z^) in log N, N = 16 ... 256", 256, 400, -0.5, slope, 0.025)


def variants() -> Iterator[Row]:
    yield ratio_row("diff, population 32 -> 8", CHAIN, 800, n=32, last=8)
    yield ratio_row("diff, pruned, kernel ode", LinearGaussian(kernel=ODE), 800, n=16, prune=True, threshold=1.0)
    yield ratio_row("diff, lookahead of 4 steps", CHAIN, 800, n=16, threshold=1.0, lookahead=4)
    yield ratio_row("diff, adaptive lambda", replace(CHAIN, lam=4.0), 300, n=128, rise="adaptive")
    with dropped_weights():
        yield ratio_row("MUTANT: weights reset where resampling is skipped", CHAIN, 400, must_fail=True, n=32)


@contextmanager
def dropped_weights():
    module = importlib.import_module("raysearch.search.smc")
    real = module._weighed
    module._weighed = lambda pay, lam, o, now: real(pay, lam, o, replace(now, weights=now.weights.resampled()))
    try:
        yield
    finally:
        module._weighed = real


def twisted() -> Iterator[Row]:
    log_z = np.array([r.log_z for r, _ in run_smc(Twisted(), 200, n=4, threshold=1.0)])
    yield Row("sd(log Z^), zero-variance twisted chain", 4, 200, 0.0, log_z.std())
    yield Row("log Z^, zero-variance twisted chain", 4, 200, CHAIN.exact()[0], log_z.mean())


def mixture() -> Iterator[Row]:
    model = Mixture()
    log_z, mean = model.exact()
    done = run_smc(model, 800, n=64, rise="linear")
    yield mean_row("E[Z^]/Z  two-mode mixture, quadrature", 64, [math.exp(r.log_z - log_z) for r, _ in done], 1.0)
    pooled = [(math.exp(r.log_z), math.exp(r.log_z) * float(np.exp(r.log_weights) @ x)) for r, x in done]
    z, zx = np.array(pooled).T  # weighting runs by Z^ makes the ratio consistent in the number of runs
    estimate = zx.mean() / z.mean()
    se = np.std(zx - estimate * z, ddof=1) / z.mean() / math.sqrt(len(z))
    yield Row("posterior mean, two-mode mixture", 64, 800, mean, estimate, se)


def hidden_markov() -> Iterator[Row]:
    """Every outcome of every choice, so no standard error."""
    for scheme in SCHEMES:

        def spawn(choices, scheme=scheme):
            SCHEMES["enumerated"] = enumerated(scheme, choices)
            options = {"lam": 1.0, "scheme": "enumerated", "threshold": 1.0, "reads": (0.5,), "kernel": DDPM}
            return strategy("smc")(0, 2 * STRIDE, n=2, **options)

        mean, leaves = expected_z(spawn)
        yield Row(f"E[Z^]/Z  hidden Markov chain, enumerated, {scheme}", 2, leaves, 1.0, mean / math.exp(hmm_log_z(2)))
        del SCHEMES["enumerated"]


def samplers_that_go_on() -> Iterator[Row]:
    """Runs of 2 and 4 particles, which alone are far from the posterior, continued by Markov chains."""
    log_z, mean, _ = CHAIN.exact()
    for name, runs, options in (
        ("pimh", 60, {"n": 4, "runs": 100}),
        ("smc_pcn", 1000, {"n": 4, "rounds": 12, "keep": (0.0,), "beta": 0.5}),
        ("smc_pcn", 1000, {"n": 4, "rounds": 12, "keep": (0.4,)}),
    ):
        done = replicate(CHAIN, lambda i: strategy(name)(i, CHAIN.steps, lam=1.0, kernel=DDPM, **options), runs, 0)  # noqa: B023
        case = name if name == "pimh" else f"{name}, keep {options['keep'][0]:g}"
        yield mean_row(f"E[Z^]/Z  {case}", options["n"], [math.exp(r.log_z - log_z) for r, _ in done], 1.0)
        weighted = [(math.exp(r.log_z) if name != "pimh" else 1.0, np.exp(r.log_weights) @ x) for r, x in done]
        z, m = np.array(weighted).T  # weighting by Z^ makes it consistent in the number of runs
        se = np.std(z * (m - mean), ddof=1) / z.mean() / math.sqrt(runs)
        yield Row(f"posterior mean by {case}", options["n"], runs, mean, (z * m).sum() / z.sum(), se)


def other_searches() -> Iterator[Row]:
    model = LinearGaussian(kernel=ODE)
    toy, n = Toy(model), 600
    result, _ = drive(strategy("pcn")(0, 20, n=n, rounds=12, lam=1.0, beta=0.6), toy.run)
    ends = (toy.states[o.key][0] for o in result.finals[:n])
    yield mean_row("posterior mean by pcn, kernel ode", n, ends, model.exact()[1])
    rng = np.random.default_rng(0)
    pools = rng.standard_normal((400, 32))
    for m, exact in ((4, 1.029375), (16, 1.765991)):
        yield mean_row(f"best of {m} from pools of 32", 32, [expected_best(p.tolist(), m) for p in pools], exact)
    pool = pools[0, :9].tolist()
    brute = np.mean([max(s) for s in itertools.combinations(pool, 4)])
    yield Row("best of 4 of 9 against all subsets", 9, 126, float(brute), expected_best(pool, 4))


CASES: tuple[Callable[[], Iterator[Row]], ...] = (
    kernels, offspring, twisted, hidden_markov, mixture, posterior, variants, samplers_that_go_on, other_searches,
    linear_gaussian,
)  # fmt: skip


def main() -> int:
    torch.set_num_threads(1)
    start, wrong, count = time.perf_counter(), 0, 0
    print(f"{'case':<58} {'N':>5} {'runs':>6} {'exact':>13} {'estimate':>13} {'SE':>9} {'off/SE':>6}")
    for row in itertools.chain.from_iterable(case() for case in CASES):
        print(row, flush=True)
        wrong, count = wrong + (not row.as_it_must), count + 1
    print(f"{count - wrong} of {count} rows as they must be, {time.perf_counter() - start:.0f} s")
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
