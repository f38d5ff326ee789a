"""Best-of-n curves: the expected value of the chosen among n draws, for every n, from one pool of draws per prompt.

The estimate is unbiased (order statistics, see `raysearch.search.best_of_n.expected_best`); intervals are those of
`statistics`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from raysearch.moves import Result
from raysearch.report.statistics import Measure, interval, scored
from raysearch.search.best_of_n import expected_best


@dataclass(frozen=True)
class Curve:
    """Expected value of the chosen among n independent draws, against n.

    Attributes:
        measure: The measure.
        n: The K numbers of draws.
        mean: Expected value of the chosen, (K,), a mean over prompts.
        low: Lower end, (K,), of the 95 % interval of the difference from n = 1, around the mean; paired over prompts,
            so that what all candidates of a prompt have in common does not widen it.
        high: Upper end, (K,).
        oracle: Expected value of the best by this measure, (K,).
        prompts: Number of prompts.
        short: Number of prompts left out because too few of their draws were scored.
    """

    measure: Measure
    n: tuple[int, ...]
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    oracle: np.ndarray
    prompts: int
    short: int


def curve(results: Sequence[Result], m: Measure) -> Curve | None:
    """Best-of-n over the pools of independent draws of all prompts; None where no pool has two draws.

    A prompt in which less than half of the draws were scored or measured is left out.
    """
    pools = [scored(r, m) for r in results]
    kept = [(r, v) for r, v in pools if np.isfinite(v).sum() * 2 >= max(len(v), 1)]
    top = min((len(v) for _, v in kept), default=0)
    if top < 2:
        return None
    ns = tuple(sorted({2**k for k in range(top.bit_length())} | {top}))
    mean = np.array([[expected(r, n, v) for n in ns] for r, v in kept])
    oracle = np.array([[expected((m.better or 1) * v, n, v) for n in ns] for _, v in kept])
    low, high = interval(mean - mean[:, :1])
    start = mean[:, 0].mean()
    return Curve(m, ns, mean.mean(0), start + low, start + high, oracle.mean(0), len(kept), len(pools) - len(kept))


def expected(reward: np.ndarray, n: int, value: np.ndarray) -> float:
    """`expected_best` where some draws have no value: those rank last, and sets of n with nothing else do not count."""
    known = np.isfinite(value)
    total, blind = math.comb(len(value), n), math.comb(int((~known).sum()), n)
    ranked = np.where(known, reward, math.nan).tolist()
    return expected_best(ranked, n, np.where(known, value, 0.0).tolist()) * total / (total - blind)
