"""The errors of a sampler from one run: the variance of Z_hat and of averages, from who descends from whom.

Particles with a common ancestor are no independent evidence. The sum of the weights of each family, squared and
summed, estimates the relative variance of Z_hat from a single run (Chan & Lai 2013; Lee & Whiteley 2018, Theorem 1:
without bias where every generation is drawn by the multinomial scheme, which the tests check over all outcomes; Du
& Guyader 2021 for resampling by ESS). Where few ancestors are left the estimate runs into 1 whatever the truth. So
contributions of early generations are read from families that have lived for at most `lag` generations (Olsson &
Douc 2019), the longest lag that leaves enough families of comparable weight. One generation lasts from one
resampling to the next.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from raysearch.moves import Outcome
from raysearch.search.elementary import dot, exp

ENOUGH = 3.0  # effective number of families below which a lag is too long ...
SHARE = 0.25  # ... and their share of the particles


@dataclass
class Genealogy:
    """The generations of a run, one from each resampling to the next.

    Attributes:
        weights: normalised weights of each generation at its end, (N_g,).
        ancestors: of each generation but the first, slots in the one before; -1 of a fresh particle.
        independent: whether its slots were drawn independently, as by the multinomial scheme.
    """

    weights: list[np.ndarray] = field(default_factory=list)
    ancestors: list[np.ndarray] = field(default_factory=list)
    independent: bool = False

    def end(self, weights: np.ndarray, ancestors: Sequence[int] | None = None, fresh: int = 0) -> None:
        """A generation has ended with these weights; the next one descends from `ancestors`, and `fresh` join it."""
        self.weights.append(weights)
        if ancestors is not None:
            self.ancestors.append(np.append(np.asarray(ancestors, dtype=int), np.full(fresh, -1)))

    def families(self, since: int, until: int) -> np.ndarray:
        """Of each particle of generation `until` the number of its family: its ancestor in generation `since`."""
        family = np.arange(len(self.weights[since]))
        for a in self.ancestors[since:until]:
            new = np.flatnonzero(a < 0)
            later = family[a]
            later[new] = family.max() + 1 + np.arange(len(new))
            family = later
        return family

    def variance(self, lag: int) -> float:
        """Estimate of Var(Z_hat / Z), from families of at most `lag` generations; NaN for a single particle."""
        last = len(self.weights) - 1
        until = [min(g + lag, last) for g in range(last + 1)]
        return math.fsum(self._spread(g, m) - self._spread(g + 1, m) for g, m in enumerate(until))

    def lag(self) -> int:
        """The longest lag at which families are enough and the variance is positive; 0, each particle alone, else."""
        last = len(self.weights) - 1
        for lag in range(last, 0, -1):
            enough = all(self._enough(g, min(g + lag, last)) for g in range(last + 1))
            if enough and self.variance(lag) > 0:
                return lag
        return 0

    def report(self) -> dict[str, Any]:
        """`log_z_error`, the standard error of log Z (that of Z_hat / Z); the `lag`; the `families` at that lag."""
        lag, last = self.lag(), len(self.weights) - 1
        variance = self.variance(lag)
        return {
            "log_z_error": math.sqrt(max(variance, 0.0)), "lag": lag,
            "families": self.families(last - lag, last).tolist(),
        }  # fmt: skip

    def _shares(self, since: int, until: int) -> np.ndarray:
        return np.bincount(self.families(since, until), weights=self.weights[until])

    def _enough(self, since: int, until: int) -> bool:
        effective = 1 / float((self._shares(since, until) ** 2).sum())
        return effective >= max(ENOUGH, SHARE * len(self.weights[until]))

    def _spread(self, since: int, until: int) -> float:
        """Relative variance that the draws from generation `since` on have brought until the end of `until`."""
        if since > until:
            return 0.0
        drawn = range(since, until + 1) if self.independent else (since,)
        sizes = [len(self.weights[g]) for g in drawn]
        if 1 in sizes:
            return math.nan
        factor = math.prod(size / (size - 1) for size in sizes)
        return 1 - factor * (1 - float((self._shares(since, until) ** 2).sum()))


@dataclass
class Previews:
    """The rewards that the lineages of a population had at its reads, each (N,); NaN of a lineage that began later."""

    rewards: list[np.ndarray] = field(default_factory=list)

    def follow(self, outcomes: Sequence[Outcome], ancestors: Sequence[int] | None, n: int) -> None:
        """A read has ended, and n particles go on: the offspring of these ancestors, or all, then fresh ones."""
        self.rewards.append(np.array([o.reward for o in outcomes], dtype=float))
        if ancestors is not None:
            a = np.asarray(ancestors, dtype=int)
            self.rewards = [np.append(r[a], np.full(n - len(a), math.nan)) for r in self.rewards]

    def slopes(self, finals: np.ndarray) -> list[float | None]:
        """Of each read cov(y, s) / var(s), y the final rewards (N,) and s those of the read; None for too few.

        Where both are normal given the prompt, exp(lambda * slope * s) is the expectation of exp(lambda * y) given s up
        to a constant, so that slope * lambda is the best lambda of that read. Selection by s leaves the slope unbiased.
        """
        found: list[float | None] = []
        for s in self.rewards:
            both = np.isfinite(s) & np.isfinite(finals)
            off = s[both] - s[both].mean() if both.any() else np.zeros(0)
            square = dot(off, off)
            several = len(np.unique(s[both])) > 2 and square > 0
            found.append(dot(off, finals[both]) / square if several else None)
        return found


def averages(
    finals: Sequence[Outcome], log_weights: Sequence[float], families: Sequence[int] | None = None
) -> Mapping[str, Any]:
    """Self-normalised averages sum W f of every measure over the population, each with its standard error.

    Args:
        finals: of the population, N.
        log_weights: normalised, (N,).
        families: which particles have a common ancestor; each counts alone by default.

    Returns:
        (average, standard error) by name of the measure; particles without a finite value of it are left out. The error
        is NaN where all of them are one family.

    Source: Lee & Whiteley 2018, section 3 (families); without families the delta method (Owen 2013, section 9.2).
    """
    W = exp(log_weights)
    family = np.arange(len(W)) if families is None else np.asarray(families)
    found = {}
    for name in dict.fromkeys(key for outcome in finals for key in outcome.rewards):
        f = np.array([outcome.rewards.get(name, math.nan) for outcome in finals], dtype=float)
        here = np.isfinite(f) & (W > 0)
        if here.any():
            w = W[here] / math.fsum(W[here])
            mean = dot(w, f[here])
            off = np.bincount(family[here], weights=w * (f[here] - mean))
            several = len(np.unique(family[here])) > 1
            found[name] = (mean, math.sqrt(math.fsum(off**2)) if several else math.nan)
    return found


def pooled(log_z: Sequence[float]) -> tuple[float, float]:
    """log of the mean of independent unbiased estimates of Z, and its standard error by the delta method.

    The error is the standard error of the mean of Z_hat over that mean; NaN for a single estimate.
    """
    top = max(log_z)
    z = exp(np.array(log_z) - top)
    mean = float(z.mean())
    error = float(z.std(ddof=1)) / math.sqrt(len(z)) / mean if len(z) > 1 else math.nan
    return top + math.log(mean), error
