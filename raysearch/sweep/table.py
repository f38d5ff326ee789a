"""What a sweep found: one table (terminal, CSV, JSON) and one page of plots, from the cells that are finished.

A row is a grid point with its seeds pooled. The unit of every interval is the prompt: a prompt's value is the mean over
its seeds, intervals are bootstrap over prompts (`statistics.interval`). best_of_n at n is the unbiased order-statistic
estimate from the largest pool of draws of the same settings, so that curves do not depend on which draws came first.
Nothing measured in seconds enters: the same journal gives the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from raysearch.moves import Result, digest
from raysearch.report import curves, statistics
from raysearch.report.statistics import Measure

PARTICLES = ("particles", "search.n")
Values = dict[str, list[float]]  # by prompt, over seeds


@dataclass
class Cell:
    """One search of the grid.

    Attributes:
        name: Its name.
        settings: Values of the axes, by key.
        strategy: Name of the strategy.
        n: Number of particles; None where the job leaves it to the strategy.
        seed: Seed of the run.
        prompt: Id of the prompt.
        reward: Name of the reward.
        result: Its result; None until it is finished.
        error: Why it failed.
        nfe: Network function evaluations of all its Moves.
    """

    name: str
    settings: dict[str, Any]
    strategy: str
    n: int | None
    seed: int
    prompt: str
    reward: str
    result: Result | None = None
    error: str | None = None
    nfe: int = 0

    @property
    def particles(self) -> int:
        """N of the search: as the job says, else as its result does."""
        if self.n is not None:
            return self.n
        assert self.result is not None
        return int(self.result.notes.get("n", len(self.result.finals)))

    @property
    def series(self) -> dict[str, Any]:
        """What tells one line of the plot from another: all settings but N and the seed."""
        left_out = {*PARTICLES, "seed"}
        return {"search": self.strategy} | {k: v for k, v in self.settings.items() if k not in left_out}


@dataclass(frozen=True)
class Estimate:
    """A mean over prompts. Values are NaN where they cannot be known.

    Attributes:
        mean: The mean.
        low: Lower end of its 95 % interval; NaN for a single prompt.
        high: Upper end.
        gain: Difference from one random draw, paired by prompt; NaN without a best_of_n pool to draw from.
        gain_low: Lower end of the 95 % interval of the gain.
        gain_high: Upper end.
    """

    mean: float
    low: float
    high: float
    gain: float
    gain_low: float
    gain_high: float


@dataclass(frozen=True)
class Row:
    """One line of the table: a point of the grid, its seeds pooled.

    Attributes:
        series: The settings that tell its line in a plot from others.
        n: Number of particles.
        nfe: Network function evaluations per search, a mean.
        prompts: Number of prompts.
        seeds: Number of seeds.
        done: Finished searches.
        asked: Searches in all.
        pool: Draws that the estimate is made from; 0 for a plain mean.
        values: Estimate of each measure, by name.
    """

    series: dict[str, Any]
    n: int
    nfe: float
    prompts: int
    seeds: int
    done: int
    asked: int
    pool: int
    values: dict[str, Estimate] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The name of the row's line in plots."""
        return label(self.series)


def label(series: Mapping[str, Any]) -> str:
    """The name of a line in plots: the strategy, and the other settings that tell lines apart."""
    return " ".join([str(series["search"]), *(f"{k}={v}" for k, v in series.items() if k != "search")])


def rows(cells: Sequence[Cell]) -> tuple[list[Measure], list[Row]]:
    """The measures found and a row for every grid point in which a search has finished."""
    done = [c for c in cells if c.result is not None]
    rewards = sorted({c.reward for c in cells})
    found = statistics.measures([c.result for c in done if c.result], " or ".join(rewards))
    pools = _pools(done)
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        asked = cell.n if cell.n is not None else -1
        groups.setdefault(digest([cell.series, asked]), []).append(cell)
    made = [_row(group, pools, found) for group in groups.values() if any(c.result for c in group)]
    return found, sorted(made, key=lambda row: (row.label, row.n))


def leading(found: Sequence[Measure]) -> list[Measure]:
    """What is plotted: the search reward, and the truth or else the first other measure with a better direction."""
    others = [m for m in found if m.key is not None and m.better]
    truth = [m for m in others if m.truth] or others
    return [*found[:1], *truth[:1]]


def _pools(done: Sequence[Cell]) -> dict[str, Cell]:
    """The largest finished best_of_n of every series, seed and prompt."""
    pools: dict[str, Cell] = {}
    for cell in done:
        if cell.strategy == "best_of_n":
            key = _pool(cell)
            if key not in pools or cell.particles > pools[key].particles:
                pools[key] = cell
    return pools


def _pool(cell: Cell, **changed: Any) -> str:
    return digest([{**cell.series, **changed}, cell.seed, cell.prompt])


def _row(group: Sequence[Cell], pools: Mapping[str, Cell], found: Sequence[Measure]) -> Row:
    done = [c for c in group if c.result is not None]
    own = [pools[_pool(c)] for c in done] if done[0].strategy == "best_of_n" else []
    values = {}
    for m in found:
        chosen: Values = {}
        random: Values = {}
        for cell in done:
            chosen.setdefault(cell.prompt, []).append(_chosen(cell, pools, m))
            pool = pools.get(_pool(cell, search="best_of_n"))
            random.setdefault(cell.prompt, []).append(math.nan if pool is None else _best_of(pool, 1, m))
        if (estimate := _estimate(chosen, random)) is not None:
            values[name_of(m)] = estimate
    return Row(
        done[0].series, done[0].particles, float(np.mean([c.nfe for c in done])), len({c.prompt for c in done}),
        len({c.seed for c in done}), len(done), len(group), min((p.particles for p in own), default=0), values,
    )  # fmt: skip


def _chosen(cell: Cell, pools: Mapping[str, Cell], m: Measure) -> float:
    assert cell.result is not None
    if cell.strategy == "best_of_n":
        return _best_of(pools[_pool(cell)], cell.particles, m)
    return float(m.of(cell.result)[cell.result.best])


def _best_of(pool: Cell, n: int, m: Measure) -> float:
    """Expected value of the chosen of n draws of the pool; NaN where fewer than half of the draws were measured."""
    assert pool.result is not None
    reward, value = statistics.scored(pool.result, m)
    if np.isfinite(value).sum() * 2 < len(value) or not len(value):
        return math.nan
    return curves.expected(reward, min(n, len(value)), value)


def _estimate(chosen: Values, random: Values) -> Estimate | None:
    pairs = [(np.mean(v), np.mean(random[p])) for p, v in sorted(chosen.items()) if np.isfinite(v).all()]
    if not pairs:
        return None
    value, base = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    low, high = statistics.interval(value)
    gain = value - base
    gain_low, gain_high = statistics.interval(gain) if np.isfinite(gain).all() else (math.nan, math.nan)
    return Estimate(*(float(x) for x in (value.mean(), low, high, gain.mean(), gain_low, gain_high)))


def name_of(m: Measure) -> str:
    """The name of a measure in tables; the search reward is `reward`."""
    return m.key or "reward"
