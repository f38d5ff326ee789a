"""Models whose normalising constants and moments are known exactly, in numpy fp64.

The step coefficients are those of raysearch.sampling.kernels, so a chain here is the very one that the kernels produce.
Each has draw(rng, n), advance(x, k, rng) -> (x', log p - log q), preview(x, step) and reward(x, step) on arrays (n,).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from raysearch.moves import Kernel
from raysearch.sampling.kernels import coefficients
from raysearch.search.schedules import fraction

DDPM = Kernel("ddim_eta", 1.0)


def flow_grid(steps: int, shift: float = 3.0) -> np.ndarray:
    """sigma of the shifted flow path, from 1 to 0, (steps + 1,)."""
    s = np.linspace(1, 0, steps + 1)
    return shift * s / (1 + (shift - 1) * s)


@cache
def schedule(kernel: Kernel, steps: int) -> np.ndarray:
    """(sigma, cx, c0, sd) of every step on the shifted flow path, (steps, 4)."""
    grid, rows = flow_grid(steps), []
    for k in range(steps):
        s, s1 = float(grid[k]), float(grid[k + 1])
        row = coefficients(kernel, (1 - s, s, 1 - s1, s1), fraction(k, steps))
        rows.append([s, *(float(v) for v in row)])
    return np.array(rows)


@dataclass(frozen=True)
class LinearGaussian:
    """1-D data N(mu, s2) on the flow path, its exact denoiser, and the reward -(x - c)^2 / (2 tau2).

    Every kernel is affine here, x' = A x + B + S z: the law of the chain, the tilted law and log Z are exact.
    """

    kernel: Kernel = DDPM
    steps: int = 20
    mu: float = 1.0
    s2: float = 0.5
    c: float = 2.0
    tau2: float = 0.25
    lam: float = 1.0
    affine: np.ndarray = field(init=False, repr=False)  # (steps, 3): A, B, S

    def __post_init__(self) -> None:
        rows = []
        for sigma, cx, c0, sd in schedule(self.kernel, self.steps):
            b = self._gain(sigma)
            rows.append([cx + c0 * b, c0 * self.mu * (1 - b * (1 - sigma)), sd])
        object.__setattr__(self, "affine", np.array(rows))

    def _gain(self, sigma: float) -> float:
        return (1 - sigma) * self.s2 / ((1 - sigma) ** 2 * self.s2 + sigma**2)

    def moments(self) -> tuple[float, float]:
        """Mean and variance of the last state, by the affine recursion from N(0, 1)."""
        m, p = 0.0, 1.0
        for a, b, s in self.affine:
            m, p = a * m + b, a * a * p + s * s
        return m, p

    def exact(self) -> tuple[float, float, float]:
        """log Z, mean and variance of the tilted law."""
        m, p = self.moments()
        precision = 1 / p + self.lam / self.tau2
        gap = self.tau2 + self.lam * p
        log_z = -0.5 * math.log(1 + self.lam * p / self.tau2) - self.lam * (m - self.c) ** 2 / (2 * gap)
        return log_z, (m / p + self.lam * self.c / self.tau2) / precision, 1 / precision

    def draw(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        return rng.standard_normal(n), np.zeros(n)

    def advance(self, x: np.ndarray, k: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        a, b, s = self.affine[k]
        return a * x + b + (s * rng.standard_normal(len(x)) if s else 0.0), np.zeros(len(x))

    def preview(self, x: np.ndarray, step: int) -> np.ndarray:
        """x0_hat at this step; the state itself at the end."""
        sigma = flow_grid(self.steps)[step]
        return self.mu + self._gain(sigma) * (x - (1 - sigma) * self.mu)

    def reward(self, x: np.ndarray, step: int) -> np.ndarray:
        return -((self.preview(x, step) - self.c) ** 2) / (2 * self.tau2)


@dataclass(frozen=True)
class Twisted(LinearGaussian):
    """The same chain with its optimal proposal: weights are constant, so log Z_hat has no variance at all.

    psi_k, the exact look-ahead exp(-q x^2 / 2 + l x + h), is computed backward; the reward of a read is log psi_k.
    """

    twist: np.ndarray = field(init=False, repr=False)  # (steps + 1, 3): q, l, h

    def __post_init__(self) -> None:
        super().__post_init__()
        q, l, h = self.lam / self.tau2, self.lam * self.c / self.tau2, -self.lam * self.c**2 / (2 * self.tau2)
        rows = [(q, l, h)]
        for b, a, s in self.affine[::-1]:  # x' = a + b x + s z
            d = 1 + q * s * s
            h += -0.5 * math.log(d) + (-0.5 * q * a * a + l * a + 0.5 * l * l * s * s) / d
            q, l = q * b * b / d, (l * b - q * a * b) / d
            rows.append((q, l, h))
        object.__setattr__(self, "twist", np.array(rows[::-1]))

    def draw(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        return self._propose(np.zeros(n), 1.0, 0, rng)

    def advance(self, x: np.ndarray, k: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        a, b, s = self.affine[k]
        return self._propose(a * x + b, s, k + 1, rng) if s else (a * x + b, np.zeros(len(x)))

    def _propose(self, mean: np.ndarray, s: float, k: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """A draw from N(mean, s^2) psi_k, and log p - log q of it."""
        q, l, _ = self.twist[k]
        v = 1 / (1 / s**2 + q)
        centre = v * (mean / s**2 + l)
        x = centre + math.sqrt(v) * rng.standard_normal(len(mean))
        log_p = -0.5 * (x - mean) ** 2 / s**2 - math.log(s)
        return x, log_p + 0.5 * (x - centre) ** 2 / v + 0.5 * math.log(v)

    def reward(self, x: np.ndarray, step: int) -> np.ndarray:
        q, l, h = self.twist[step]
        return -0.5 * q * x * x + l * x + h


@dataclass(frozen=True)
class Mixture:
    """Two Gaussians with the exact denoiser of the mixture; the chain is not Gaussian, so exact means quadrature."""

    kernel: Kernel = DDPM
    steps: int = 20
    share: tuple[float, ...] = (0.3, 0.7)
    mean: tuple[float, ...] = (-1.0, 1.5)
    var: tuple[float, ...] = (0.2, 0.4)
    c: float = 2.0
    tau2: float = 0.25
    lam: float = 1.0
    rows: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", schedule(self.kernel, self.steps))

    def data(self) -> tuple[float, float]:
        """Z and the posterior mean for the data law itself, which the chain approaches with many steps."""
        z = mean = 0.0
        for share, m, v in zip(self.share, self.mean, self.var, strict=True):
            precision = 1 / v + self.lam / self.tau2
            gap = self.tau2 + self.lam * v
            part = share / math.sqrt(gap / self.tau2) * math.exp(-self.lam * (m - self.c) ** 2 / (2 * gap))
            z, mean = z + part, mean + part * (m / v + self.lam * self.c / self.tau2) / precision
        return z, mean / z

    def exact(self, cells: int = 800) -> tuple[float, float]:
        """log Z and the tilted mean of the discretised chain, by quadrature of its kernels on a grid."""
        x = np.linspace(-7, 7, cells)
        density = np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
        for k, (_, cx, c0, sd) in enumerate(self.rows[:-1]):
            mean = cx * x + c0 * self.preview(x, k)
            kernel = np.exp(-0.5 * ((x[:, None] - mean) / sd) ** 2) / (sd * math.sqrt(2 * math.pi))
            density = kernel @ density * (x[1] - x[0])
        last = self.preview(x, self.steps - 1)
        tilted = density * np.exp(-self.lam * (last - self.c) ** 2 / (2 * self.tau2)) * (x[1] - x[0])
        return math.log(tilted.sum()), float((tilted * last).sum() / tilted.sum())

    def draw(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        return rng.standard_normal(n), np.zeros(n)

    def advance(self, x: np.ndarray, k: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        _, cx, c0, sd = self.rows[k]
        return cx * x + c0 * self.preview(x, k) + sd * rng.standard_normal(len(x)), np.zeros(len(x))

    def preview(self, x: np.ndarray, step: int) -> np.ndarray:
        sigma = flow_grid(self.steps)[step]
        if sigma == 0:
            return x
        log_share, means = [], []
        for share, m, v in zip(self.share, self.mean, self.var, strict=True):
            spread = (1 - sigma) ** 2 * v + sigma**2
            off = x - (1 - sigma) * m
            log_share.append(math.log(share) - 0.5 * math.log(spread) - 0.5 * off**2 / spread)
            means.append(m + (1 - sigma) * v / spread * off)
        weight = np.exp(np.array(log_share) - np.max(log_share, axis=0))
        return (weight * np.array(means)).sum(0) / weight.sum(0)

    def reward(self, x: np.ndarray, step: int) -> np.ndarray:
        return -((self.preview(x, step) - self.c) ** 2) / (2 * self.tau2)
