"""Means, gains and intervals of the rows, paired by scene: bootstrap over scenes, and over trainings where several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.results.arms import ARMS, FIRST_ARMS, JUDGES, LABELS, POOL
from benchmarks.results.collect import TRUTH, Row
from raysearch.report.statistics import spearman
from raysearch.search.best_of_n import expected_best

SIZES = tuple(2**k for k in range(POOL.bit_length()) if 2**k <= POOL)
SHOWN = ("reward", *TRUTH, "motion")
HIGHER = {"reward", "motion", "spatiotemporal_iou"}
ERROR, TOP, DRAWS, SUBSETS = "trajectory_error", 16, 4000, 100
GATE = 0.9  # of the median motion of the scene's candidates
PLAIN = {"V-JEPA 2": "reward", "VideoMAE": "videomae", "geometry": "geometry", "LikePhys": "likephys",
         "motion": "motion", "smoothness": "smoothness", "flicker": "flicker",
         "V-JEPA 2, random weights": "random_weights"}  # fmt: skip
Values = np.ndarray  # one value a scene, in the order of Table.cases


def gated(finals: dict[str, Any], at: np.ndarray) -> int:
    """The highest reward among those of the candidates `at` that move at least GATE times as much as their median."""
    moved, reward = np.array(finals["motion"])[at], np.array(finals["reward"])[at]
    return int(at[np.argmax(np.where(moved >= GATE * np.median(moved), reward, -np.inf))])


def summed(finals: dict[str, Any], at: np.ndarray) -> int:
    """The lowest sum of the ranks by reward and by motion among the candidates `at`."""
    ranks = sum(np.argsort(np.argsort(np.array(finals[m])[at])) for m in ("reward", "motion"))
    return int(at[np.argmax(ranks)])


CHOICES: dict[str, Callable[[dict[str, Any], np.ndarray], int]] = {
    "V-JEPA 2, gated by motion": gated, "V-JEPA 2 and motion, sum of ranks": summed,
}  # fmt: skip


@dataclass(frozen=True)
class Change:
    """A mean over scenes with its 95 % interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:+.3f} [{self.low:+.3f}, {self.high:+.3f}]"

    @property
    def shown(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


class Table:
    """The rows by arm and case, where a case is one scene of one training, and what follows from them."""

    def __init__(self, rows: Sequence[Row]):
        self.arms = [arm for arm in ARMS if any(row["arm"] == arm for row in rows)]
        timed = [row["cpu_s"] for row in rows if row["arm"] == "seconds"]
        self.seconds = {arm: float(np.mean([each[arm] for each in timed])) for arm in ARMS} if timed else {}
        rows = [row for row in rows if row["arm"] != "seconds"]
        self.rows = {(row["pair"], row["scene"], row["arm"]): row for row in rows}
        self.cases = sorted({(row["pair"], row["scene"]) for row in rows})
        self.pairs = sorted({pair for pair, _ in self.cases})
        rng = np.random.default_rng(0)
        self._draws = self._resampled(rng)

    def of(self, arm: str) -> list[Row]:
        """The rows of an arm, a case each."""
        rows = [self.rows[pair, scene, arm] for pair, scene in self.cases]
        if arm != "pool":
            return rows
        own = [self.rows[pair, scene, "likephys"]["finals"]["likephys"] for pair, scene in self.cases]
        return [{**row, "finals": {**row["finals"], "likephys": values}} for row, values in zip(rows, own, strict=True)]

    def cost(self, arm: str) -> tuple[float, float]:
        """NFE and CPU seconds of one search, these where all arms were timed in turn, if they were."""
        rows = self.of(arm)
        seconds = self.seconds.get(arm) or float(np.mean([r["cpu_s"] for r in rows]))
        return float(np.mean([r["nfe"] for r in rows])), seconds

    def best_of(self, n: int, measure: str, by: str = "reward", arm: str = "pool") -> Values:
        """The expected value of the best of n candidates of each case, chosen by one of the measures.

        Of a measure that was taken of the first candidates alone, the best of n of these.
        """
        judged = [(r["finals"][by], r["finals"][measure]) for r in self.of(arm)]
        return np.array([expected_best(values, n, worth[: len(values)]) for values, worth in judged])

    def judged(self, by: str) -> int:
        """How many candidates of a case a measure was taken of."""
        return min(len(r["finals"][by]) for r in self.of("pool"))

    def oracle(self, n: int, measure: str) -> Values:
        """The same, chosen by the measure itself."""
        sign = 1 if measure in HIGHER else -1
        return np.array([sign * expected_best(list(sign * np.array(r["finals"][measure])), n) for r in self.of("pool")])

    def picked(self, n: int, measure: str, choice: Callable[[dict[str, Any], np.ndarray], int]) -> Values:
        """The mean over SUBSETS random subsets of n candidates, chosen by a rule that looks at all of a subset."""
        if n == 1:
            return self.best_of(1, measure)  # there is nothing to choose from
        rng, found = np.random.default_rng(1), []
        for row in self.of("pool"):
            subsets = [rng.permutation(POOL)[:n] for _ in range(SUBSETS if n < POOL else 1)]
            found.append(np.mean([row["finals"][measure][choice(row["finals"], at)] for at in subsets]))
        return np.array(found)

    def result(self, arm: str, measure: str) -> Values:
        """What the search of an arm chose."""
        return np.array([r["finals"][measure][r["best"]] for r in self.of(arm)])

    def change(self, values: Values, base: Values) -> Change:
        """The mean difference with its interval."""
        return self.ratio(values - base, np.ones(len(base)))

    def ratio(self, above: Values, below: Values) -> Change:
        """A ratio of two means with its interval."""
        each = above[self._draws].mean(1) / below[self._draws].mean(1)
        return Change(float(above.mean() / below.mean()), *(float(q) for q in np.quantile(each, (0.025, 0.975))))

    def _resampled(self, rng: np.random.Generator) -> np.ndarray:
        """Cases of every bootstrap draw: trainings and, in all of them alike, scenes, both with replacement."""
        scenes = sorted({scene for _, scene in self.cases})
        at = {case: k for k, case in enumerate(self.cases)}
        draws = []
        for _ in range(DRAWS):
            pairs = [self.pairs[k] for k in rng.integers(0, len(self.pairs), len(self.pairs))]
            picks = [scenes[k] for k in rng.integers(0, len(scenes), len(scenes))]
            draws.append([at[p, s] for p in pairs for s in picks])
        return np.array(draws)


def whole(rows: Sequence[Row], arms: Sequence[str]) -> list[Row]:
    """The rows of these arms of the scenes that have all of them in every training."""
    rows = [row for row in rows if row["arm"] in arms]
    wanted = {(row["pair"], row["arm"]) for row in rows}
    had: dict[str, set[tuple[str, str]]] = {}
    for row in rows:
        had.setdefault(row["scene"], set()).add((row["pair"], row["arm"]))
    return [row for row in rows if had[row["scene"]] == wanted]


def tables(rows: Sequence[Row]) -> dict[str, Any]:
    """Everything that the page shows.

    Choosing and halving are of the scenes that have these two, searching of those that have every arm.

    Raises:
        ValueError: if no scene has been searched by every arm yet.
    """
    times = [row for row in rows if row["arm"] == "seconds"]
    found = [Table([*whole(rows, arms), *times]) for arms in (FIRST_ARMS, list(ARMS))]
    if not all(table.cases for table in found):
        raise ValueError("no scene has been searched by every arm yet: let `make results` go on")
    pools, searches = found
    count = [len({scene for _, scene in table.cases}) for table in found]
    return {"scenes": count[0], "searched": count[1], "pairs": pools.pairs, "sizes": SIZES,
            "choosing": choosing(pools), "searching": searching(searches), "halving": halved(pools)}  # fmt: skip


def choosing(table: Table) -> list[dict[str, Any]]:
    """A row for every way of choosing: the error by N, its change from a random choice, its share of the oracle's."""
    best = table.oracle(TOP, ERROR)
    ways: dict[str, Callable[[int], Values]] = {
        name: lambda n, by=by: table.best_of(n, ERROR, by) for name, by in PLAIN.items()  # type: ignore[misc]
    }  # fmt: skip
    ways |= {name: lambda n, rule=rule: table.picked(n, ERROR, rule) for name, rule in CHOICES.items()}  # type: ignore[misc]
    ways["the truth itself (oracle)"] = lambda n: table.oracle(n, ERROR)
    alone, found = ways["V-JEPA 2"](TOP), []
    for name, way in ways.items():
        values, most = way(TOP), table.judged(PLAIN.get(name, "reward"))
        base = table.best_of(1, ERROR, PLAIN.get(name, "reward"))  # of the same candidates
        found.append({
            "way": name, "error": {n: float(way(n).mean()) for n in SIZES if n <= most},
            "change": table.change(values, base), "share": table.ratio(base - values, base - best),
            "against": table.change(values, alone),
            "rho": _rho(table, PLAIN.get(name)),
        })  # fmt: skip
    return found


def _rho(table: Table, by: str | None) -> Change | None:
    """The rank correlation with the truth within a scene, which an absent variation makes 0."""
    if by is None:
        return None
    judged = [(np.array(r["finals"][by]), -np.array(r["finals"][ERROR])) for r in table.of("pool")]
    rhos = [spearman(values, worth[: len(values)]) for values, worth in judged]
    values = np.nan_to_num(np.array(rhos))
    return table.change(values, np.zeros(len(values)))


def searching(table: Table) -> list[dict[str, Any]]:
    """A row for every search: its cost, what it chose, and its change from best-of-n at equal NFE and equal seconds."""
    base = {m: table.best_of(1, m) for m in SHOWN}
    nfe, seconds = (v / POOL for v in table.cost("pool"))
    found = []
    for n in SIZES:
        values = {m: table.best_of(n, m) for m in SHOWN}
        found.append(_row(table, "no search" if n == 1 else f"best of {n}", (n * nfe, n * seconds), values, base))
    for arm in table.arms:
        if arm in JUDGES:
            continue
        each = len(table.of(arm)[0]["finals"]["reward"])
        independent = ARMS[arm]["name"] == "best_of_n"
        for n in [n for n in (1, 2, 4) if n <= each] if independent else [each]:
            values = {m: table.best_of(n, m, arm=arm) if independent else table.result(arm, m) for m in SHOWN}
            spent = tuple(v * n / each for v in table.cost(arm)) if independent else table.cost(arm)
            label = f"{LABELS.get(arm, arm)}, best of {n}" if independent and n > 1 else LABELS.get(arm, arm)
            row = _row(table, label, (spent[0], spent[1]), values, base)
            row["gradients"] = sum(r["gradients"] for r in table.of(arm))
            for kind, cost in (("nfe", spent[0] / nfe), ("seconds", spent[1] / seconds)):
                other = min(POOL, max(1, round(cost)))
                row[f"equal_{kind}"] = {"n": other, **{m: table.change(values[m], table.best_of(other, m))
                                                      for m in ("reward", ERROR)}}  # fmt: skip
            found.append(row)
    return found


def _row(
    table: Table, label: str, cost: tuple[float, float], values: dict[str, Values], base: dict[str, Values]
) -> dict[str, Any]:
    means = {m: float(v.mean()) for m, v in values.items()}
    return {
        "search": label,
        "nfe": cost[0],
        "cpu_s": cost[1],
        **means,
        "change": table.change(values[ERROR], base[ERROR]),
    }


def halved(table: Table) -> list[dict[str, Any]]:
    """How often halving ends with the best of the candidates it began with, and at which share of the NFE."""
    found = []
    for arm in [a for a in table.arms if ARMS[a]["name"] == "halving"]:
        n, same = ARMS[arm]["n"], []
        for row, pool in zip(table.of(arm), table.of("pool"), strict=True):
            same.append(max(pool["finals"]["reward"][:n]) == row["finals"]["reward"][row["best"]])
        share = table.cost(arm)[0] / (table.cost("pool")[0] * n / POOL)
        found.append({"n": n, "same": int(sum(same)), "of": len(same), "nfe_share": share})
    return found
