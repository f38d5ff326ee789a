"""Immutable log-weights of a population, and its estimate of the log normalising constant so far.

Weights are state: they live in log space, `add` returns new ones, and nothing is dropped when a population is
resampled, because `resampled` adds their log-mean to `log_z`. Sums of exponentials are correctly rounded (math.fsum),
so they depend on neither order nor machine. A NaN increment sets the weight to zero (-inf) and is counted in `nans`.
Notation of Chopin & Papaspiliopoulos, An Introduction to Sequential Monte Carlo (2020), chapters 8 to 10.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from raysearch.search.elementary import dot, exp, log


@dataclass(frozen=True, eq=False)
class Weights:
    """Log-weights of N particles.

    Attributes:
        lw: (N,) fp64, read-only, in slot order; -inf is a particle of weight zero.
        paid: the part of log Z from before the last resampling.
        nans: how many increments have been NaN since the start.
        W: (N,) normalised weights, sum 1.
        log_mean: log of the mean weight.

    Raises:
        ValueError: if N = 0, if a log-weight is +inf or NaN, or if all particles have weight zero.
    """

    lw: np.ndarray
    paid: float = 0.0
    nans: int = 0
    W: np.ndarray = field(init=False, repr=False)
    log_mean: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        lw = np.array(self.lw, dtype=np.float64)
        if lw.ndim != 1 or not lw.size:
            raise ValueError(f"log-weights have shape {lw.shape}: give one number for each of N >= 1 particles")
        if np.isnan(lw).any() or np.isposinf(lw).any():
            slot = int(np.argmax(np.isnan(lw) | np.isposinf(lw)))
            raise ValueError(f"log-weight of slot {slot} is {lw[slot]}: rewards, lambda and log-ratios must be finite")
        top = float(lw.max())
        if top == -math.inf:
            raise ValueError(
                f"all {lw.size} particles have weight zero ({self.nans} by NaN): every reward is NaN or -inf; "
                "look at the rewards of the last round, or lower lambda"
            )
        scaled = exp(lw - top)
        total = math.fsum(scaled)
        W = scaled / total
        for name, array in (("lw", lw), ("W", W)):
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        object.__setattr__(self, "log_mean", top + math.log(total) - math.log(lw.size))

    @staticmethod
    def uniform(n: int) -> Weights:
        """n particles of weight 1."""
        return Weights(np.zeros(n))

    def __len__(self) -> int:
        return len(self.lw)

    def add(self, delta: Sequence[float] | np.ndarray) -> Weights:
        """The weights times exp(delta), (N,). NaN sets a weight to zero and is counted; zero stays zero."""
        delta = np.asarray(delta, dtype=np.float64)
        if delta.shape != self.lw.shape:
            raise ValueError(f"increment has shape {delta.shape}, there are {len(self)} log-weights")
        alive = np.isfinite(self.lw)
        lost = alive & np.isnan(delta)
        lw = np.where(alive & ~lost, self.lw + np.where(alive & ~lost, delta, 0.0), -np.inf)
        return Weights(lw, self.paid, self.nans + int(lost.sum()))

    @property
    def log_z(self) -> float:
        """log of the estimated normalising constant so far; its exponential is unbiased."""
        return self.paid + self.log_mean

    @property
    def log_w(self) -> np.ndarray:
        """Normalised log-weights, (N,), logsumexp 0."""
        return self.lw - (self.log_mean + math.log(len(self)))

    @property
    def ess(self) -> float:
        """Effective sample size 1 / sum W^2, from 1 to N (Kong, Liu & Wong 1994)."""
        return 1.0 / dot(self.W, self.W)

    def cess(self, delta: Sequence[float] | np.ndarray) -> float:
        """Conditional ESS of an increment, N (sum W u)^2 / sum W u^2, u = exp(delta) (Zhou, Johansen & Aston 2016)."""
        delta = np.where(np.isfinite(self.lw) & ~np.isnan(delta), delta, -np.inf)
        top = float(delta.max())
        if top == -math.inf:
            return 0.0
        u = exp(delta - top)
        first, second = dot(self.W, u), dot(self.W * u, u)
        return len(self) * first * first / second if second else 0.0

    def resampled(self, n: int | None = None) -> Weights:
        """Equal weights of n offspring (N by default); the log-mean is kept in `log_z`."""
        return Weights(np.zeros(len(self) if n is None else n), self.log_z, self.nans)

    def branched(self, ancestors: np.ndarray, factor: np.ndarray) -> Weights:
        """The weights of these offspring, each `factor` times its ancestor's, as part of the same sum over N.

        `log_z` stays as it is where the products sum to the weights of the ancestors, and in expectation where they do
        so in expectation.
        """
        return Weights(self.lw[ancestors] + log(factor) + math.log(len(ancestors) / len(self)), self.paid, self.nans)

    def joined(self, m: int, share: float) -> Weights:
        """With m fresh particles of likelihood 1, which make up `share` of the estimate of Z; the others the rest."""
        n = len(self) + m
        old = self.lw + math.log((1 - share) * n / len(self))
        return Weights(np.append(old, np.full(m, math.log(share * n / m) - self.paid)), self.paid, self.nans)
