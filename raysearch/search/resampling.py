"""Resampling schemes: (weights, rng) -> ancestors, an int array in which slot j descends from particle a[j].

Every scheme is unbiased: particle i has m*W_i offspring on average (m = N unless a funnel asks for fewer or more).
Survivors keep their slot, a[i] = i wherever i survives, so that as few states as possible are copied.
Guards: fp64, cumulative sums in slot order divided by the last entry, indices clamped to a particle of weight > 0, sums
within rounding of an integer snapped to it (equal weights are then kept exactly as they are).
Survey: Chopin & Papaspiliopoulos (2020), chapter 9; Gerber, Chopin & Whiteley (2019) for ssp.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from raysearch.names import lookup
from raysearch.search.elementary import log
from raysearch.search.weights import Weights

Scheme = Callable[..., np.ndarray]  # (weights, rng, m=None) -> ancestors


def multinomial(weights: Weights | Sequence[float], rng: np.random.Generator, m: int | None = None) -> np.ndarray:
    """m independent draws; the scheme with the largest variance."""
    W, m = _normalised(weights, m)
    return _placed(_counted(_inverse_cdf(rng.random(m), W), W), m)


def residual(weights: Weights | Sequence[float], rng: np.random.Generator, m: int | None = None) -> np.ndarray:
    """floor(m W) offspring for certain, the remainder multinomial (Liu & Chen 1998)."""
    W, m = _normalised(weights, m)
    counts = np.floor(_snapped(m * W, len(W) * m))
    left = m - int(counts.sum())
    if left:
        rest = np.maximum(m * W - counts, 0.0)
        counts += _counted(_inverse_cdf(rng.random(left), rest / math.fsum(rest)), W)
    return _placed(counts, m)


def stratified(weights: Weights | Sequence[float], rng: np.random.Generator, m: int | None = None) -> np.ndarray:
    """One uniform in each of m strata (Kitagawa 1996)."""
    W, m = _normalised(weights, m)
    return _placed(_strata(W, rng.random(m)), m)


def systematic(weights: Weights | Sequence[float], rng: np.random.Generator, m: int | None = None) -> np.ndarray:
    """One uniform for all strata: floor or ceil of m W offspring, the identity at equal weights."""
    W, m = _normalised(weights, m)
    return _placed(_strata(W, np.full(m, rng.random())), m)


def ssp(weights: Weights | Sequence[float], rng: np.random.Generator, m: int | None = None) -> np.ndarray:
    """Srinivasan sampling process: floor or ceil of m W offspring, negatively associated, robust to the order."""
    W, m = _normalised(weights, m)
    mean = _snapped(m * W, len(W) * m)
    counts, u = np.floor(mean), rng.random(len(W)).tolist()
    p = (mean - counts).tolist()
    i = 0  # the particle whose fractional share is not settled yet
    for j in range(1, len(p)):
        up, down = min(1 - p[i], p[j]), min(p[i], 1 - p[j])
        if u[j] * (up + down) < down:
            p[i], p[j] = (1.0, p[j] - up) if 1 - p[i] <= p[j] else (p[i] + up, 0.0)
        else:
            p[i], p[j] = (0.0, p[j] + down) if p[i] <= 1 - p[j] else (p[i] - down, 1.0)
        settled, i = (i, j) if p[i] in (0.0, 1.0) else (j, i)
        counts[settled] += p[settled]
    counts[i] += round(m - counts.sum())  # the last share is an integer up to rounding
    return _placed(counts, m)


def killing(weights: Weights | Sequence[float], rng: np.random.Generator, m: int | None = None) -> np.ndarray:
    """Keep i with probability W_i / max W, redraw the killed multinomially (Del Moral 2004); only m = N."""
    W, m = _normalised(weights, m)
    if m != len(W):
        raise ValueError(f"scheme killing keeps the population at {len(W)}, {m} were asked for: use systematic or ssp")
    killed = rng.random(m) * W.max() >= W
    drawn = _inverse_cdf(rng.random(int(killed.sum())), W)
    return _placed(np.where(killed, 0.0, 1.0) + _counted(drawn, W), m)


SCHEMES: dict[str, Scheme] = {
    f.__name__: f for f in (multinomial, residual, stratified, systematic, ssp, killing)
}  # fmt: skip


def scheme(name: str) -> Scheme:
    """The scheme of that name. Raises UsageError that names the nearest one."""
    return lookup("scheme", name, SCHEMES)


DISTINCT = ("systematic", "ssp")  # schemes that give floor or ceil of m W offspring, so no two where m W <= 1


def kept(
    weights: Weights, rng: np.random.Generator, m: int, draw: Scheme = systematic
) -> tuple[np.ndarray, np.ndarray]:
    """m distinct particles, chosen so that a weight over the chance to be kept is unbiased with the least error.

    Weights above c are kept for certain, the others with probability W / c, where c makes the probabilities sum to m.
    The sum of the weights over their probabilities is always that of all weights.

    Args:
        weights: of the population, N.
        rng: of the draw among the smaller weights.
        m: how many to keep; where fewer have weight, all of them are kept.
        draw: a scheme of DISTINCT.

    Returns:
        Slots of the kept, in order, and the probability with which each was kept.

    Source: Fearnhead & Clifford 2003, section 3 (optimal resampling)
    """
    order = np.argsort(-weights.W, kind="stable")
    order = order[: int(np.count_nonzero(weights.W))]
    if m >= len(order):
        return np.sort(order), np.ones(len(order))
    W, large = weights.W[order], 0
    while W[large] * (m - large) > math.fsum(W[large:]):
        large += 1
    small = np.sort(order[large:])
    chance = np.minimum(weights.W * (m - large) / math.fsum(W[large:]), 1.0)
    drawn = small[np.unique(draw(Weights(log(weights.W[small])), rng, m - large))]
    a = np.sort(np.append(order[:large], drawn))
    chance[order[:large]] = 1.0
    return a, chance[a]


def _normalised(weights: Weights | Sequence[float] | np.ndarray, m: int | None) -> tuple[np.ndarray, int]:
    """(W summing to 1, m). Raises ValueError for weights that are negative, not finite or all zero, and for m < 1."""
    W = weights.W if isinstance(weights, Weights) else np.asarray(weights, dtype=np.float64)
    if W.ndim != 1 or not W.size or not np.isfinite(W).all() or (W < 0).any() or not W.any():
        raise ValueError(f"weights {W} must be finite, not negative and not all zero")
    if m is not None and m < 1:
        raise ValueError(f"m = {m} offspring: at least 1 must remain")
    return W / math.fsum(W), len(W) if m is None else m


def _inverse_cdf(points: np.ndarray, W: np.ndarray) -> np.ndarray:
    """For each point in [0, 1) the particle whose interval of the cumulative weights contains it."""
    upto = np.cumsum(W)
    places: np.ndarray = np.searchsorted(upto / upto[-1], points, side="right")
    particles: np.ndarray = np.minimum(places, np.flatnonzero(W)[-1])
    return particles


def _strata(W: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Offspring counts when stratum j holds the point j + u_j, u_j in [0, 1), of m = len(u), the sum of the weights."""
    m = len(u)
    upto = _snapped(m * np.cumsum(W) / np.cumsum(W)[-1], len(W) * m)
    upto[np.flatnonzero(W)[-1] :] = m
    whole = np.floor(upto).astype(np.int64)
    below = whole + (u[np.minimum(whole, m - 1)] < upto - whole)  # compared within the stratum: j + u would round
    return np.diff(below, prepend=0)


def _counted(ancestors: np.ndarray, W: np.ndarray) -> np.ndarray:
    return np.bincount(ancestors, minlength=len(W)).astype(np.float64)


def _snapped(values: np.ndarray, size: int) -> np.ndarray:
    """Values within rounding of an integer become that integer."""
    whole = np.round(values)
    return np.where(np.abs(values - whole) < 4 * np.finfo(np.float64).eps * size, whole, values)


def _placed(counts: np.ndarray, m: int) -> np.ndarray:
    """Ancestors from offspring counts: survivors stay in their slot, surplus copies fill the free slots in order."""
    counts = counts.astype(np.int64)
    ancestors = np.full(m, -1)
    home = np.flatnonzero(counts[:m])
    ancestors[home] = home
    counts[home] -= 1
    ancestors[ancestors < 0] = np.repeat(np.arange(len(counts)), counts)
    return ancestors
