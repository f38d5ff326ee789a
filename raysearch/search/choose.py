"""The final choice among the candidates of a finished search, by several measurements or by their consensus.

A search maximises one reward. Verifiers that compare the candidates with each other come after it:

    sum        sum_i w_i r_i
    zscore     sum_i w_i (r_i - mean) / sd, mean and sd (population) over the candidates; a constant r_i adds nothing
    rank       rank-sum: sum_i w_i rank_i / n, ranks from 1 (lowest) to n, ties at their mean rank (Borda 1781)
    normal     sum_i w_i z_i, normal scores: the normal quantile of (rank - 1/2) / n; what `raysearch calibrate` fits
    consensus  the medoid: the candidate with the smallest mean distance to the others (Kaufman & Rousseeuw 1987), as in
               minimum-Bayes-risk decoding (Kumar & Byrne 2004); it can also be a part of the others

Invariants: a pure function of recorded numbers, so that a replay chooses the same; the population and its weights stay
as the search left them, only `best` changes, and notes["choose"] keeps the index that the search chose; candidates
without a reward are never chosen.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np

from raysearch.errors import UsageError
from raysearch.moves import Outcome, Result, Search
from raysearch.names import lookup

CONSENSUS, FEATURES = "consensus", "vjepa2_features"
HOW = ("sum", "zscore", "rank", "normal", CONSENSUS)
KEYS = ("how", "parts", "features", "at_least", "at_least_of_median")


@dataclass(frozen=True)
class Term:
    """A term of the final choice: the recorded name of a measurement, or `consensus`, and its weight.

    The weight is negative for measurements of which lower is better.
    """

    name: str
    weight: float = 1.0


def chosen(search: Search, options: Mapping[str, Any]) -> Search:
    """The search with the final choice that the job's `choose` describes; unchanged where that is empty."""
    result = yield from search
    return choose(result, options) if options else result


def check(options: Mapping[str, Any], measured: Iterable[str]) -> None:
    """Check the job's `choose`.

    Args:
        options: the mapping, with keys how, parts, features, at_least and at_least_of_median; may be empty.
        measured: labels of the reward and of the watched rewards.

    Raises:
        UsageError: for unknown keys, ways and measurements, and for bounds that are not numbers.
    """
    if not options:
        return
    known = dict.fromkeys([*measured, CONSENSUS])
    for key in options:
        lookup("choose: key", str(key), dict.fromkeys(KEYS))
    how = lookup("choose.how:", str(options.get("how")), dict(zip(HOW, HOW, strict=True)))
    if how == CONSENSUS and options.get("parts") is not None:
        raise UsageError("choose.parts: how: consensus takes no parts; to combine it, name it as a part of how: rank")
    parts = parts_of(options)
    for part in parts:
        lookup("choose.parts: measurement", part.name.split(".")[0], known)
    features = str(options.get("features", FEATURES))
    if any(p.name == CONSENSUS for p in parts) and features not in known:
        raise UsageError(f"choose: consensus compares what {features} recorded; add {features} to watch")
    for key in ("at_least", "at_least_of_median"):
        bounds = options.get(key) or {}
        if not isinstance(bounds, Mapping):
            raise UsageError(f"choose.{key}={bounds!r}: give bounds by measurement, e.g. {{motion: 0.5}}")
        for name, bound in bounds.items():
            lookup(f"choose.{key}: measurement", str(name).split(".")[0], known)
            _number(f"choose.{key}.{name}", bound)


def parts_of(options: Mapping[str, Any]) -> list[Term]:
    """The terms, each given by its name or as {name, weight}. Raises UsageError for anything else, and for none."""
    if options["how"] == CONSENSUS:
        return [Term(CONSENSUS)]
    terms, given = [], options.get("parts")
    if not isinstance(given, Sequence) or isinstance(given, str) or not given:
        raise UsageError(
            f"choose.parts={given!r}: give a list of measurements, e.g. [vjepa2, {{name: motion, weight: 0.2}}]"
        )
    for k, item in enumerate(given):
        item = {"name": item} if isinstance(item, str) else item
        if not isinstance(item, Mapping) or "name" not in item or set(item) - {"name", "weight"}:
            raise UsageError(f"choose.parts[{k}]={item!r}: give a name, or {{name: motion, weight: 0.2}}")
        terms.append(Term(str(item["name"]), _number(f"choose.parts[{k}].weight", item.get("weight", 1.0))))
    return terms


def choose(result: Result, options: Mapping[str, Any]) -> Result:
    """The result with `best` chosen anew; ties go to the higher search reward, then to the lowest slot.

    Bounds exclude candidates, unless they would exclude all. Raises UsageError where no candidate has all measurements.
    """
    finals, parts = result.finals, parts_of(options)
    usable = [i for i, o in enumerate(finals) if not math.isnan(o.reward)]
    of = {p.name: _values(finals, p.name, options) for p in parts}
    usable = [i for i in usable if all(math.isfinite(v[i]) for v in of.values())]
    if not usable:
        raise UsageError(
            f"choose: no candidate has a reward and {', '.join(of)}; see the journal for what was measured"
        )
    left = _within(finals, usable, options) or usable
    how, total = options["how"], np.zeros(len(left))
    for p in parts:
        total += p.weight * scaled(of[p.name][left], "sum" if how == CONSENSUS else how)
    slots = sorted(range(len(left)), key=lambda k: (-total[k], -finals[left[k]].reward, left[k]))
    scores = [math.nan] * len(finals)
    for i, score in zip(left, total.tolist(), strict=True):
        scores[i] = score
    note = {"how": how, "parts": [[p.name, p.weight] for p in parts], "argmax": result.best, "scores": scores}
    return replace(result, best=left[slots[0]], notes={**result.notes, "choose": note})


def scaled(values: np.ndarray, how: str) -> np.ndarray:
    """The values of one measurement, (N,), unchanged (sum), as z-scores, ranks / N in (0, 1] or normal scores."""
    if how == "zscore":
        spread = float(values.std())
        centred: np.ndarray = values - values.mean()
        return centred / spread if spread > 1e-12 * (1 + abs(values).max()) else np.zeros(len(values))
    if how in ("rank", "normal"):
        _, where, times = np.unique(values, return_inverse=True, return_counts=True)
        shares: np.ndarray = (np.cumsum(times) - (times - 1) / 2)[where] / len(values)
        if how == "rank":
            return shares
        return np.array([NormalDist().inv_cdf(s - 0.5 / len(values)) for s in shares.tolist()])
    return values


def consensus(points: np.ndarray) -> np.ndarray:
    """Minus the mean Euclidean distance of each of (N, D) points to the others, (N,); 0 for a single one."""
    apart = np.sqrt(np.maximum(((points[:, None] - points[None]) ** 2).sum(-1), 0))
    total: np.ndarray = apart.sum(1)
    return -total / max(len(points) - 1, 1)


def _values(finals: Sequence[Outcome], name: str, options: Mapping[str, Any]) -> np.ndarray:
    """A measurement of all finals, (N,), NaN where it is missing; the consensus is taken among those with features."""
    if name != CONSENSUS:
        if not any(name in o.rewards for o in finals):
            recorded = sorted({k for o in finals for k in o.rewards if "._" not in k})
            raise UsageError(f"choose: {name!r} was not recorded; there are: {', '.join(recorded)}")
        return np.array([_plain(o.rewards.get(name)) for o in finals])
    start = f"{options.get('features', FEATURES)}._"
    names = sorted({k for o in finals for k in o.rewards if k.startswith(start)}, key=lambda k: int(k[len(start) :]))
    points = np.array([[_plain(o.rewards.get(k)) for k in names] for o in finals])
    known = np.isfinite(points).all(1) & np.array([not math.isnan(o.reward) for o in finals])
    values = np.full(len(finals), math.nan)
    if names and known.any():
        values[known] = consensus(points[known])
    return values


def _within(finals: Sequence[Outcome], usable: Sequence[int], options: Mapping[str, Any]) -> list[int]:
    """The usable candidates within every bound; medians are taken over the usable candidates."""
    left = list(usable)
    for name, bound in (options.get("at_least") or {}).items():
        values = _values(finals, name, options)
        left = [i for i in left if values[i] >= bound]
    for name, share in (options.get("at_least_of_median") or {}).items():
        values = _values(finals, name, options)
        known = [values[i] for i in usable if math.isfinite(values[i])]
        left = [i for i in left if known and values[i] >= share * float(np.median(known))]
    return left


def _plain(value: Any) -> float:
    """The number, or NaN for a missing value and for the text of an error."""
    return float(value) if isinstance(value, (int, float)) else math.nan


def _number(key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise UsageError(f"{key}={value!r}: must be a number")
    return float(value)
