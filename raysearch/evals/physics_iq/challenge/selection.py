"""What choosing among candidates is worth, from stored scores: curves over N, random, oracle, other selectors.

Expectations over which n of the pool are drawn are exact, not sampled. The original score is a ratio of averages; its
curve puts the expected averages in. Only pools of independent draws (best of N) allow such statements.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from raysearch.evals.physics_iq import score
from raysearch.evals.physics_iq.challenge.candidates import Scored
from raysearch.report.statistics import interval, spearman
from raysearch.search.best_of_n import expected_best

ORACLE = "oracle"
Terms = Mapping[str, tuple[float, float]]  # by name: of the clip, of the two real takes


def sizes(pools: Sequence[Scored]) -> list[int]:
    """1, 2, 4 ... and the smallest pool."""
    top = min(len(p.result.finals) for p in pools)
    return sorted({2**k for k in range(top.bit_length())} | {top})


def curves(pools: Sequence[Scored]) -> dict[str, Any]:
    """By selector, by N: both scores. Selectors: every measured reward, and the oracle, who sees the Verified score."""
    views = [[score.terms(p.measure(o)) for o in p.result.finals] for p in pools]
    totals = [[score.of_view(t)["total"] for t in view] for view in views]
    by = {name: [[r[name] for r in _rewards(p)] for p in pools] for name in selectors(pools)} | {ORACLE: totals}
    ns = sizes(pools)
    found: dict[str, Any] = {"n": ns}
    for name, rewards in by.items():
        each = np.array([[expected_best(r, n, t) for n in ns] for r, t in zip(rewards, totals, strict=True)])
        low, high = interval(_by_scenario(pools, each))
        found[name] = {
            "verified": (100 * each.mean(0)).tolist(),
            "low": _plain(100 * low), "high": _plain(100 * high),
            "original": [_original(pools, views, rewards, n) for n in ns],
        }  # fmt: skip
    return found


def selectors(pools: Sequence[Scored]) -> list[str]:
    """Rewards that every candidate has; details (name.detail) are not selectors."""
    names = [dict(o.rewards) for p in pools for o in p.result.finals]
    return [n for n in names[0] if "." not in n and all(math.isfinite(r.get(n, math.nan)) for r in names)]


def correlations(pools: Sequence[Scored]) -> dict[str, Any]:
    """By selector: rank correlation of reward and Verified score within views, averaged over views that have one."""
    found = {}
    for name in selectors(pools):
        each = []
        for p in pools:
            total = [score.of_view(score.terms(p.measure(o)))["total"] for o in p.result.finals]
            each.append(spearman(np.array([r[name] for r in _rewards(p)]), np.array(total)))
        known = np.array([r for r in each if math.isfinite(r)])
        low, high = interval(known) if len(known) else (np.array(math.nan), np.array(math.nan))
        found[name] = {"mean": float(known.mean()) if len(known) else None, "views": len(known),
                       "low": _plain(low), "high": _plain(high)}  # fmt: skip
    return found


def table(pools: Sequence[Scored], slot: int | None = None) -> dict[tuple[str, str], Mapping[str, Any]]:
    """The table of measures of what was chosen, or of the candidate in that slot of every view."""
    chosen = [p.result.winner if slot is None else p.result.finals[slot] for p in pools]
    return {(p.view.scenario, p.view.view): p.measure(o) for p, o in zip(pools, chosen, strict=True)}


def gain(of: Mapping[str, float], over: Mapping[str, float]) -> dict[str, Any]:
    """Mean difference of scores by scenario, and its 95 % interval, scenarios paired."""
    both = np.array([of[s] - over[s] for s in of if s in over])
    low, high = interval(both)
    return {"mean": float(both.mean()), "interval": [_plain(low), _plain(high)]}


def _rewards(pool: Scored) -> list[Mapping[str, float]]:
    return [o.rewards for o in pool.result.finals]


def _original(
    pools: Sequence[Scored],
    views: Sequence[Sequence[Mapping[str, tuple[float, float]]]],
    rewards: Sequence[Sequence[float]],
    n: int,
) -> float:
    mean = {}
    for t in score.TERMS:
        of = [expected_best(r, n, [c[t][0] for c in view]) for r, view in zip(rewards, views, strict=True)]
        by = [view[0][t][1] for view in views]
        both = [_by_scenario(pools, np.array(x)).mean() for x in (of, by)]
        mean[t] = float(both[0]), float(both[1])
    return score.combine(mean)["score"]


def _by_scenario(pools: Sequence[Scored], values: np.ndarray) -> np.ndarray:
    """Averages over the views of each scenario, whose outcomes hang together."""
    names = [p.view.scenario for p in pools]
    return np.stack([values[[i for i, n in enumerate(names) if n == s]].mean(0) for s in dict.fromkeys(names)])


def _plain(values: Any) -> Any:
    """NaN, where there is no interval, as None."""
    return [_plain(v) for v in values] if np.ndim(values) else float(values) if math.isfinite(values) else None
