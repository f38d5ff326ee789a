"""Noise levels at which a flow model is called: sigma after a share of the steps, by the name in `generator.times`.

A flow path is x = (1 - sigma) x0 + sigma eps. The variance-preserving (VP) path of Song et al. 2021 (2011.13456) has
a = exp(-T / 2), s = sqrt(1 - a^2) at time r, with T = (B - b) r^2 / 2 + b r. A point of it is a point of the flow path
with sigma = s / (a + s), rescaled; so steps that are even in r are a table of sigma (RBF, 2503.19385, section 4.2).
"""

from __future__ import annotations

import math
from collections.abc import Callable

BETA = (0.1, 20.0)  # b and B


def even(share: float) -> float:
    """sigma falls evenly."""
    return 1 - share


def warped(share: float) -> float:
    """sigma = sqrt(1 - share^2), the time warp of RBF: small steps first, large ones at the end."""
    return math.sqrt(1 - share * share)


def vp(share: float) -> float:
    """The time r of the VP path falls evenly."""
    return vp_sigma(1 - share)


def vp_warped(share: float) -> float:
    """r = sqrt(1 - share^2): the VP path with the time warp, as RBF samples."""
    return vp_sigma(warped(share))


TIMES: dict[str, Callable[[float], float]] = {"even": even, "warped": warped, "vp": vp, "vp_warped": vp_warped}


def vp_sigma(r: float) -> float:
    """sigma of the point of the flow path with the signal-to-noise ratio of VP time r in [0, 1]; 1 is pure noise."""
    if r >= 1:
        return 1.0
    b, big = BETA
    t = (big - b) * r * r / 2 + b * r
    a, s = math.exp(-t / 2), math.sqrt(-math.expm1(-t))
    return s / (a + s)
