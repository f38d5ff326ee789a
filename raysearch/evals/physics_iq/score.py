"""From the table of measures to the two scores, in per cent: the original and the Verified one.

The original divides averages over the data set by those of the two real takes, so its terms have no upper limit; the
Verified one divides within each view, clips there, and averages. Both round values of frames to 4 decimals first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from raysearch.errors import UsageError
from raysearch.evals.physics_iq.table import Table

TERMS = {  # official names: (of the model, of the two takes)
    "spatial": ("spatial_iou_v1", "variance_spatial"),
    "spatiotemporal": ("spatiotemporal_iou_v1", "variance_spatiotemporal_iou"),
    "weighted_spatial": ("weighted_spatial_iou_v1", "variance_weighted_spatial"),
    "mse": ("v1_mse", "variance_mse"),
}
TINY = 1e-8


def summary(table: Table, categories: Mapping[str, str] | None = None, resamples: int = 2000) -> dict[str, Any]:
    """Everything that a table of measures says.

    Args:
        table: Measures by (scenario, view).
        categories: Category of each scenario, for scores by category.
        resamples: Resamples of the bootstrap over scenarios.

    Returns:
        Both scores with their parts, by perspective, by scenario, by category, and their 95 % intervals.

    Raises:
        UsageError: The table is empty.
    """
    if not table:
        raise UsageError("there is no scored clip; a score needs at least one view")
    each = per_view(table)
    result: dict[str, Any] = {
        "verified": verified(table), "original": original(table),
        "by_perspective": {
            view: scores({k: m for k, m in table.items() if k[1] == view}) for view in sorted({v for _, v in table})
        },
        "by_scenario": {
            s: float(100 * np.mean([t["total"] for k, t in each.items() if k[0] == s]))
            for s in dict.fromkeys(s for s, _ in table)
        },
        "interval": interval(table, resamples),
        "views": len(table), "scenarios": len({s for s, _ in table}),
    }  # fmt: skip
    if categories:
        names = sorted({categories[s] for s, _ in table})
        result["by_category"] = {c: scores({k: m for k, m in table.items() if categories[k[0]] == c}) for c in names}
    return result


def scores(table: Table) -> dict[str, float]:
    """Both scores of a table, in per cent."""
    return {"verified": verified(table)["score"], "original": original(table)["score"]}


def original(table: Table) -> dict[str, float]:
    """Equation of Motamed et al. 2025: ratios of averages over scenarios. score: 0 to 100, 2 decimals as published."""
    return combine({t: (_over(table, of), _over(table, by)) for t, (of, by) in TERMS.items()})


def combine(mean: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    """The original score from the averages of each term: of the model, and of the two takes."""
    rounded = {t: round(by, 5 if t == "spatial" else 4) for t, (_, by) in mean.items()}
    parts = {t: _ratio(mean[t][0], rounded[t]) for t in TERMS if t != "mse"}
    raw = sum(parts.values()) / 3 - (mean["mse"][0] - rounded["mse"])
    plain = sum(_ratio(*mean[t]) for t in parts) / 3 - (mean["mse"][0] - mean["mse"][1])
    values = {t: 100 * p for t, p in parts.items()} | {"mse": mean["mse"][0]}
    return {"score": round(100 * min(max(raw, 0.0), 1.0), 2), "unrounded": 100 * min(max(plain, 0.0), 1.0), **values}


def verified(table: Table) -> dict[str, float]:
    """Physics-IQ Verified: mean over views of four clipped ratios. score and each part: 0 to 100."""
    each = list(per_view(table).values())
    return {"score" if t == "total" else t: float(100 * np.mean([e[t] for e in each])) for t in ("total", *TERMS)}


def per_view(table: Table) -> dict[tuple[str, str], dict[str, float]]:
    """The Verified score of each view and its parts, in [0, 1]."""
    return {key: of_view(terms(m)) for key, m in table.items()}


def terms(m: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """Averages of each term over the frames of a view: of the model, and of the two takes."""
    return {t: (_mean(m[of]), _mean(m[by])) for t, (of, by) in TERMS.items()}


def of_view(mean: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    """The Verified score of one view, `total`, and its parts, in [0, 1]."""
    parts = {t: _clip(mean[t][0] / (mean[t][1] + TINY)) for t in TERMS if t != "mse"}
    ratio = mean["mse"][0] / (mean["mse"][1] + TINY)
    parts["mse"] = _clip(1 / ratio) if ratio else 1.0
    return {"total": sum(parts.values()) / 4, **parts}


def interval(table: Table, resamples: int) -> dict[str, list[float]]:
    """95 % percentile bootstrap of both scores over scenarios; empty for a single one."""
    names = list(dict.fromkeys(s for s, _ in table))
    if len(names) < 2:
        return {}
    rng = np.random.default_rng(0)
    times = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamples)
    of = {s: {k: m for k, m in table.items() if k[0] == s} for s in names}
    sums = np.array([sum(e["total"] for e in per_view(of[s]).values()) for s in names])
    counts = np.array([len(of[s]) for s in names])
    means = {c: np.array([_over(of[s], c) for s in names]) for pair in TERMS.values() for c in pair}
    of_all = {c: times @ v / len(names) for c, v in means.items()}
    parts = [
        np.divide(of_all[of], of_all[by], out=np.zeros(resamples), where=of_all[by] > 0)
        for t, (of, by) in TERMS.items() if t != "mse"
    ]  # fmt: skip
    plain = (sum(parts) / 3 - (of_all["v1_mse"] - of_all["variance_mse"])).clip(0, 1)
    draws = {"verified": 100 * (times @ sums) / (times @ counts), "original": 100 * plain}
    return {n: [float(q) for q in np.quantile(d, [0.025, 0.975])] for n, d in draws.items()}


def _over(table: Table, column: str) -> float:
    """Mean over scenarios of the mean over their views."""
    by: dict[str, list[float]] = {}
    for (scenario, _), m in table.items():
        by.setdefault(scenario, []).append(_mean(m[column]))
    return float(np.mean([np.mean(v) for v in by.values()]))


def _mean(value: Any) -> float:
    """Of a list, after rounding its values to 4 decimals as the official scorer does; a number stays as it is."""
    return float(np.mean(np.round(value, 4))) if isinstance(value, list) else float(value)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _clip(value: float) -> float:
    return min(max(value, 0.0), 1.0)
