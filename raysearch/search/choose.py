"""The final choice among the candidates a search ends with, by several measurements or by what they have in common.

A search goes by one reward; population verifiers need all candidates at once and come after it:

    sum        sum_i w_i r_i
    zscore     sum_i w_i (r_i - mean) / sd, mean and sd (population) over the candidates; a constant r_i counts nothing
    rank       rank-sum: sum_i w_i rank_i / n, ranks from 1 (lowest) to n, ties at their mean rank (Borda 1781)
    consensus  the medoid: the candidate with the smallest mean distance to the others (Kaufman & Rousseeuw 1987), as in
               minimum-Bayes-risk decoding (Kumar & Byrne 2004); can also be one part of the others

Invariants: a pure function of recorded numbers, so that replay chooses the same; the population and its weights stay as
the search left them, only `best` moves, and notes["choose"] keeps the search's own; without a reward nothing is chosen.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from raysearch.errors import UsageError
from raysearch.moves import Outcome, Result, Search
from raysearch.names import lookup

CONSENSUS, FEATURES = "consensus", "vjepa2_features"
HOW = ("sum", "zscore", "rank", CONSENSUS)
KEYS = ("how", "parts", "features", "at_least", "at_least_of_median")


@dataclass(frozen=True)
class Part:
    """A measurement by its recorded name, or `consensus`, and its weight: negative where lower is better."""

    name: str
    weight: float = 1.0


def chosen(search: Search, options: Mapping[str, Any]) -> Search:
    """The search, with another last word: what the job's `choose` says, if it says anything."""
    result = yield from search
    return choose(result, options) if options else result


def check(options: Mapping[str, Any], measured: Iterable[str]) -> None:
    """Raise UsageError for ways, parts or bounds that cannot be; `measured` are the labels of reward and watch."""
    if not options:
        return
    known = dict.fromkeys([*measured, CONSENSUS])
    for key in options:
        lookup("choose: key", str(key), dict.fromkeys(KEYS))
    how = lookup("choose.how:", str(options.get("how")), dict(zip(HOW, HOW, strict=True)))
    if how == CONSENSUS and options.get("parts") is not None:
        raise UsageError("choose.parts: consensus alone has none; name it as a part of how: rank to combine it")
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


def parts_of(options: Mapping[str, Any]) -> list[Part]:
    """The parts, each given by its name or as {name, weight}. Raises UsageError for anything else, and for none."""
    if options["how"] == CONSENSUS:
        return [Part(CONSENSUS)]
    found, given = [], options.get("parts")
    if not isinstance(given, Sequence) or isinstance(given, str) or not given:
        raise UsageError(
            f"choose.parts={given!r}: give a list of measurements, e.g. [vjepa2, {{name: motion, weight: 0.2}}]"
        )
    for k, item in enumerate(given):
        item = {"name": item} if isinstance(item, str) else item
        if not isinstance(item, Mapping) or "name" not in item or set(item) - {"name", "weight"}:
            raise UsageError(f"choose.parts[{k}]={item!r}: give a name, or {{name: motion, weight: 0.2}}")
        found.append(Part(str(item["name"]), _number(f"choose.parts[{k}].weight", item.get("weight", 1.0))))
    return found


def choose(result: Result, options: Mapping[str, Any]) -> Result:
    """The result with `best` chosen anew; ties go to the higher search reward, then to the lowest slot.

    Bounds leave candidates out unless all would be. Raises ValueError where no candidate has all measurements.
    """
    finals, parts = result.finals, parts_of(options)
    able = [i for i, o in enumerate(finals) if not math.isnan(o.reward)]
    of = {p.name: _values(finals, p.name, options) for p in parts}
    able = [i for i in able if all(math.isfinite(v[i]) for v in of.values())]
    if not able:
        raise UsageError(
            f"choose: no candidate has a reward and {', '.join(of)}; see the journal for what was measured"
        )
    left = _within(finals, able, options) or able
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
    """The values of one measurement, (N,), made comparable: as they are, as z-scores or as ranks / N in (0, 1]."""
    if how == "zscore":
        spread = values.std()
        return (values - values.mean()) / spread if spread > 1e-12 * (1 + abs(values).max()) else np.zeros(len(values))
    if how == "rank":
        _, where, times = np.unique(values, return_inverse=True, return_counts=True)
        return (np.cumsum(times) - (times - 1) / 2)[where] / len(values)
    return values


def consensus(points: np.ndarray) -> np.ndarray:
    """Minus the mean Euclidean distance of each of (N, D) points to the others, (N,); 0 for a single one."""
    apart = np.sqrt(np.maximum(((points[:, None] - points[None]) ** 2).sum(-1), 0))
    return -apart.sum(1) / max(len(points) - 1, 1)


def _values(finals: Sequence[Outcome], name: str, options: Mapping[str, Any]) -> np.ndarray:
    """A measurement of all finals, (N,), NaN where it is missing; of the consensus, among those that have features."""
    if name != CONSENSUS:
        if not any(name in o.rewards for o in finals):
            there = sorted({k for o in finals for k in o.rewards if "._" not in k})
            raise UsageError(f"choose: {name!r} was not recorded; there are: {', '.join(there)}")
        return np.array([_plain(o.rewards.get(name)) for o in finals])
    start = f"{options.get('features', FEATURES)}._"
    names = sorted({k for o in finals for k in o.rewards if k.startswith(start)}, key=lambda k: int(k[len(start) :]))
    points = np.array([[_plain(o.rewards.get(k)) for k in names] for o in finals])
    known = np.isfinite(points).all(1) & np.array([not math.isnan(o.reward) for o in finals])
    found = np.full(len(finals), math.nan)
    if names and known.any():
        found[known] = consensus(points[known])
    return found


def _within(finals: Sequence[Outcome], able: Sequence[int], options: Mapping[str, Any]) -> list[int]:
    """Those of `able` that keep every bound; a bound on the median counts the able ones."""
    left = list(able)
    for name, bound in (options.get("at_least") or {}).items():
        values = _values(finals, name, options)
        left = [i for i in left if values[i] >= bound]
    for name, share in (options.get("at_least_of_median") or {}).items():
        values = _values(finals, name, options)
        known = [values[i] for i in able if math.isfinite(values[i])]
        left = [i for i in left if known and values[i] >= share * float(np.median(known))]
    return left


def _plain(value: Any) -> float:
    """NaN for what is missing and for a reason why it is."""
    return float(value) if isinstance(value, (int, float)) else math.nan


def _number(key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise UsageError(f"{key}={value!r}: must be a number")
    return float(value)
