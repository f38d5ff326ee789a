"""What votes say: wins, ties, losses; intervals over prompts; a sign test; agreement; strengths of many systems.

Prompts, not votes, are the independent units: annotators look at the same videos. The bootstrap therefore draws prompts
with all their votes, and the sign test takes one majority per prompt.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from raysearch.errors import UsageError
from raysearch.evals.preference.items import Vote


def compare(votes: Sequence[Vote], system: str, against: str, resamples: int = 4000, seed: int = 0) -> dict[str, Any]:
    """`system` against another: W, T, L of votes, (W + T/2)/n with its 95 % interval, W/(W + L), sign test.

    Raises UsageError if nobody compared the two.
    """
    values: dict[str, list[float]] = {}
    for v in votes:
        if {v.a, v.b} == {system, against}:
            won = v.answer != "tie" and (v.a if v.answer == "a" else v.b) == system
            values.setdefault(v.pair, []).append(0.5 if v.answer == "tie" else float(won))
    if not values:
        raise UsageError(f"no vote compares {system!r} and {against!r}")
    every = [x for xs in values.values() for x in xs]
    wins, ties, losses = (sum(x == w for x in every) for w in (1.0, 0.5, 0.0))
    low, high = _bootstrap([np.array(v) for v in values.values()], resamples, seed)
    majorities = [sum(xs) / len(xs) for xs in values.values()]
    above, below = sum(m > 0.5 for m in majorities), sum(m < 0.5 for m in majorities)
    return {
        "system": system, "against": against, "votes": len(every), "prompts": len(values),
        "wins": wins, "ties": ties, "losses": losses, "share": (wins + ties / 2) / len(every),
        "interval": [low, high], "share_without_ties": wins / (wins + losses) if wins + losses else None,
        "prompts_won": above, "prompts_lost": below, "p": sign_test(above, below),
    }  # fmt: skip


def sign_test(wins: int, losses: int) -> float:
    """Two-sided exact binomial test of even chances; ties take no part. 1 for no data."""
    n, k = wins + losses, min(wins, losses)
    tail: int = sum(math.comb(n, i) for i in range(k + 1))
    return min(1.0, float(2 * tail / 2**n))


def krippendorff(votes: Sequence[Vote]) -> float:
    """Nominal alpha of the answers (a, b, tie) over pairs: 1 perfect agreement, 0 chance; NaN if there is nothing to
    compare (no pair answered twice, or one answer throughout). Krippendorff 2011."""
    units: dict[tuple[str, str], list[str]] = {}
    for v in votes:
        units.setdefault((v.pair, v.question), []).append(v.answer)
    kept = [u for u in units.values() if len(u) > 1]
    names = sorted({a for u in kept for a in u})
    pairs = np.zeros((len(names), len(names)))
    for unit in kept:
        counts = np.array([unit.count(n) for n in names], float)
        pairs += (np.outer(counts, counts) - np.diag(counts)) / (len(unit) - 1)
    totals = pairs.sum(1)
    n = totals.sum()
    expected = (n * n - (totals**2).sum()) / (n - 1) if n > 1 else 0.0
    return float(1 - (n - np.trace(pairs)) / expected) if expected else math.nan


def bradley_terry(votes: Sequence[Vote], tolerance: float = 1e-10, most: int = 10_000) -> dict[str, float]:
    """Strengths of all systems, log scale, mean 0: P(i beats j) = 1 / (1 + exp(s_j - s_i)); a tie is half a win each.

    Minorise-maximise iteration of Hunter 2004. Raises UsageError if some group of systems never lost to the rest, or
    was never compared with it: then no finite strengths exist.
    """
    names = sorted({n for v in votes for n in (v.a, v.b)})
    won = np.zeros((len(names), len(names)))
    for v in votes:
        i, j = names.index(v.a), names.index(v.b)
        won[i, j] += {"a": 1.0, "tie": 0.5, "b": 0.0}[v.answer]
        won[j, i] += {"b": 1.0, "tie": 0.5, "a": 0.0}[v.answer]
    _connected(won, names)
    met, total, strength = won + won.T, won.sum(1), np.ones(len(names))
    for _ in range(most):
        new = total / (met / (strength[:, None] + strength[None])).sum(1)
        new /= np.exp(np.log(new).mean())
        done = np.abs(np.log(new / strength)).max() < tolerance
        strength = new
        if done:
            break
    return {n: float(s) for n, s in zip(names, np.log(strength), strict=True)}


def report(votes: Sequence[Vote], resamples: int = 4000) -> dict[str, Any]:
    """All of the above for a study, every pair of systems once."""
    pairs = sorted({tuple(sorted((v.a, v.b))) for v in votes})
    found: dict[str, Any] = {
        "votes": len(votes), "annotators": len({v.annotator for v in votes}),
        "comparisons": [compare(votes, b, a, resamples) for a, b in pairs], "alpha": krippendorff(votes),
    }  # fmt: skip
    if len({n for p in pairs for n in p}) > 2:
        try:
            found["bradley_terry"] = bradley_terry(votes)
        except UsageError as error:
            found["bradley_terry"] = {"error": str(error)}
    return found


def _bootstrap(groups: list[np.ndarray], resamples: int, seed: int) -> tuple[float | None, float | None]:
    if len(groups) < 2:
        return None, None
    sums, counts = np.array([g.sum() for g in groups]), np.array([len(g) for g in groups])
    times = np.random.default_rng(seed).multinomial(len(groups), np.full(len(groups), 1 / len(groups)), resamples)
    low, high = np.quantile((times @ sums) / (times @ counts), [0.025, 0.975])
    return float(low), float(high)


def _connected(won: np.ndarray, names: list[str]) -> None:
    """Every system must be reachable from every other along wins (Ford 1957)."""
    reach = (won > 0) | np.eye(len(names), dtype=bool)
    for k in range(len(names)):
        reach |= reach[:, k : k + 1] & reach[k : k + 1]
    if not reach.all():
        i, j = (int(x[0]) for x in np.nonzero(~reach))
        raise UsageError(
            f"{names[i]!r} never won, directly or through others, against {names[j]!r}; strengths need more votes"
        )
