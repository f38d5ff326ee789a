"""Several verifiers as one: weights fitted to the truth, judged on scenes that were left out, or not at all.

Scores and truth become normal scores of their ranks within the prompt; a ridge regression gives the weights, with
l = 1 below 12 scenes and .3 from there (in units of a standardised verifier), nothing below 6. A gate first leaves out
candidates that move less than a share of the prompt's median. What is reported is always the choice in scenes that the
weights have not seen. Equal rank-sums are offered of verifiers that each rank above chance alone: one bad member ruins
them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from raysearch.evals.calibrate import statistics
from raysearch.evals.calibrate.statistics import Grouped, Interval

LEAST, SEVERAL = 6, 12  # scenes for any fit, and for the weaker ridge
GATE = 0.9  # of the prompt's median motion
QUANTILES = 9


@dataclass(frozen=True)
class Fusion:
    """One way to choose by several verifiers.

    Attributes:
        name: What it is.
        share: Share of the oracle's gain, in scenes that were left out.
        more: By how much more than the first verifier alone takes, paired over scenes, in the same unit.
        weights: By verifier, fitted to all scenes; empty for the gate alone.
        gate: Share of the prompt's median motion below which a candidate is left out; None for no gate.
        choose: The final choice as a job writes it.
        fuse: The same as a reward, candidate by candidate, as a job writes it.
    """

    name: str
    share: Interval
    more: Interval
    weights: Mapping[str, float] = field(default_factory=dict)
    gate: float | None = None
    choose: Mapping[str, Any] = field(default_factory=dict)
    fuse: Mapping[str, Any] = field(default_factory=dict)


def fusions(
    verifiers: Mapping[str, Grouped], truth: Grouped, scenes: Sequence[str], first: str, motion: Grouped | None,
    above: Sequence[str] = (), specs: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[Fusion]:  # fmt: skip
    """Every way, judged; empty below 6 scenes or without a second verifier.

    Args:
        verifiers: Scores by name.
        truth: Of each prompt, (N,).
        scenes: The scene of each prompt.
        first: The verifier that was declared beforehand, to which the others are compared.
        motion: The amount of motion; None for no gate.
        above: Verifiers that each rank above chance.
        specs: What a job writes for each verifier, for `fuse`.
    """
    _, y, left = statistics.measured(truth, truth, scenes)
    scores = {n: statistics.measured(s, truth, scenes)[0] for n, s in verifiers.items()}
    moves = statistics.measured(motion, truth, scenes)[0] if motion is not None else None
    if len(set(left)) < LEAST:
        return []
    gates: list[float | None] = [None, GATE] if moves is not None else [None]
    alone = _chosen(_weighted({first: scores[first]}, {first: 1.0}), y, _within(moves, None, y))
    found = []
    for gate in gates:
        inside = _within(moves, gate, y)
        ways: list[tuple[str, list[str]]] = [] if gate is None else [(f"{first}", [first])]
        ways += [("ridge", list(scores))] if len(scores) > 1 else []
        ways += [("equal rank-sum", list(above))] if len(above) > 1 else []
        for way, names in ways:
            own = {n: _normal(scores[n], inside) for n in names}
            fit = _ridge if way == "ridge" else _equal
            target = _normal(y, inside)
            total = _held_out(own, target, left, fit)
            weights = fit(own, target, left)
            name = way + (f", gated by motion >= {gate:g} of the median" if gate else "")
            found.append(_judged(name, total, y, left, inside, alone, weights, gate, scores, moves, specs or {}))
    return found


def recommended(found: Sequence[Fusion]) -> Fusion | None:
    """The one with the largest share among those that take clearly more than the first verifier; None for none."""
    better = [f for f in found if f.more.above]
    return max(better, key=lambda f: f.share.value, default=None)


def _judged(
    name: str, total: Grouped, truth: Grouped, scenes: Sequence[str], inside: Grouped, alone: np.ndarray,
    weights: Mapping[str, float], gate: float | None, scores: Mapping[str, Grouped], motion: Grouped | None,
    specs: Mapping[str, Mapping[str, Any]],
) -> Fusion:  # fmt: skip
    chosen = _chosen(total, truth, inside)
    random, oracle = (np.array([float(f(y)) for y in truth]) for f in (np.mean, np.max))
    over = [statistics.per_scene((a - b).tolist(), scenes)
            for a, b in ((chosen, random), (chosen, alone), (oracle, random))]  # fmt: skip
    kept = {n: round(w, 3) for n, w in weights.items() if abs(w) >= 5e-4}
    choose: dict[str, Any] = {"how": "normal", "parts": [{"name": n, "weight": w} for n, w in kept.items()]}
    if gate is not None:
        choose["at_least_of_median"] = {"motion": gate}
    fuse = _as_reward(kept, gate, scores, motion, specs)
    return Fusion(
        name, statistics.ratio(over[0], over[2]), statistics.ratio(over[1], over[2]), kept, gate, choose, fuse
    )


def _as_reward(
    weights: Mapping[str, float], gate: float | None, scores: Mapping[str, Grouped], motion: Grouped | None,
    specs: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:  # fmt: skip
    """The same as a fuse, which sees one candidate at a time: quantiles over all candidates stand for the ranks."""
    parts = []
    for name, weight in weights.items():
        values = np.concatenate(scores[name])
        levels = (np.arange(QUANTILES) + 0.5) / QUANTILES
        quantiles = sorted({float(f"{q:.6g}") for q in np.quantile(values[np.isfinite(values)], levels)})
        if name not in specs or len(quantiles) < 2:
            return {}
        parts.append({**specs[name], "weight": weight, "quantiles": quantiles})
    made: dict[str, Any] = {"name": "fuse", "how": "normal", "parts": parts}
    if gate is not None and motion is not None:
        if "motion" not in weights:
            parts.append({"name": "motion", "weight": 0})
        made["at_least"] = {"motion": float(f"{gate * np.median([np.median(m) for m in motion]):.4g}")}
    return made


def _held_out(own: Mapping[str, Grouped], target: Grouped, scenes: Sequence[str], fit: Any) -> Grouped:
    """The fused scores of every prompt, by weights fitted to the other scenes."""
    total: list[np.ndarray] = [np.zeros(0)] * len(target)
    for scene in dict.fromkeys(scenes):
        train = [i for i, s in enumerate(scenes) if s != scene]
        weights = fit({n: [g[i] for i in train] for n, g in own.items()}, [target[i] for i in train],
                      [scenes[i] for i in train])  # fmt: skip
        for i, s in enumerate(scenes):
            if s == scene:
                total[i] = np.asarray(sum(w * own[n][i] for n, w in weights.items()))
    return total


def _ridge(own: Mapping[str, Grouped], target: Grouped, scenes: Sequence[str]) -> dict[str, float]:
    """argmin_w |target - F w|^2 / n + l |w|^2 over all candidates; every verifier has about unit variance."""
    features = np.stack([np.concatenate(list(g)) for g in own.values()], 1)
    wanted, strength = np.concatenate(list(target)), 1.0 if len(set(scenes)) < SEVERAL else 0.3
    kept = np.isfinite(wanted)
    features, wanted = features[kept], wanted[kept]
    gram = features.T @ features / len(wanted) + strength * np.eye(features.shape[1])
    return dict(zip(own, np.linalg.solve(gram, features.T @ wanted / len(wanted)).tolist(), strict=True))


def _equal(own: Mapping[str, Grouped], target: Grouped, scenes: Sequence[str]) -> dict[str, float]:
    return dict.fromkeys(own, 1.0)


def _normal(values: Grouped, inside: Grouped) -> list[np.ndarray]:
    """Normal scores among the candidates within the gate, NaN for the others."""
    found = []
    for v, keep in zip(values, inside, strict=True):
        scores = np.full(len(v), np.nan)
        scores[keep] = statistics.normal_scores(v[keep])
        found.append(scores)
    return found


def _within(motion: Grouped | None, gate: float | None, truth: Grouped) -> list[np.ndarray]:
    """Which candidates of each prompt move enough."""
    if motion is None or gate is None:
        return [np.ones(len(y), bool) for y in truth]
    return [m >= gate * np.nanmedian(m) for m in motion]


def _weighted(scores: Mapping[str, Grouped], weights: Mapping[str, float]) -> Grouped:
    return [
        np.asarray(sum(weights[n] * scores[n][i] for n in weights)) for i in range(len(next(iter(scores.values()))))
    ]


def _chosen(total: Grouped, truth: Grouped, inside: Grouped) -> np.ndarray:
    """The truth of the chosen candidate of each prompt, (P,); the mean of those that tie."""
    values = [np.where(np.isnan(t) | ~k, -np.inf, t) for t, k in zip(total, inside, strict=True)]
    return np.array([float(y[v == v.max()].mean()) for v, y in zip(values, truth, strict=True)])
