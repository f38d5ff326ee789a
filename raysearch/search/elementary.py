"""Elementary functions and sums that give the same bits on every processor.

numpy computes exp, log and products of vectors with the instructions that it finds (AVX2, AVX-512, NEON) and rounds
differently with each; weights, and with them hashes of results, would depend on the machine. The standard library's
functions take one number at a time, and its sums are correctly rounded (Shewchuk 1997).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

__all__ = ["dot", "exp", "log"]


def exp(values: Iterable[float] | np.ndarray) -> np.ndarray:
    """e to the power of each of N numbers, (N,) fp64. Raises OverflowError above 709."""
    return np.array([math.exp(v) for v in _numbers(values)])


def log(values: Iterable[float] | np.ndarray) -> np.ndarray:
    """Natural logarithm of each of N numbers, (N,) fp64; that of 0 is -inf. Raises ValueError for negative ones."""
    return np.array([math.log(v) if v else -math.inf for v in _numbers(values)])


def dot(a: Sequence[float] | np.ndarray, b: Sequence[float] | np.ndarray) -> float:
    """The sum of the products of two vectors, (N,) each: the products rounded once, their sum once."""
    return math.fsum(x * y for x, y in zip(_numbers(a), _numbers(b), strict=True))


def _numbers(values: Iterable[float] | np.ndarray) -> Iterable[float]:
    """As plain floats, which the standard library handles fastest."""
    return values.tolist() if isinstance(values, np.ndarray) else values
