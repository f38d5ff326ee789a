"""log Z of a grid's samplers, pooled over seeds: runs with other seeds are independent unbiased estimates of one Z."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from raysearch.moves import digest
from raysearch.report.components import folded, grid, section, small
from raysearch.report.markup import NONE, Html, number
from raysearch.search.genealogy import pooled
from raysearch.sweep.table import Cell, label


@dataclass(frozen=True)
class Pooled:
    """log of the mean of Z_hat over seeds, for one prompt at one grid point.

    Attributes:
        label: the search and its settings.
        n: particles.
        prompt: id of the prompt.
        seeds: how many estimates are pooled.
        log_z: the pooled estimate.
        error: its standard error, from the differences between seeds; NaN for one seed.
    """

    label: str
    n: int
    prompt: str
    seeds: int
    log_z: float
    error: float


def pools(cells: Sequence[Cell]) -> list[Pooled]:
    """A line for every grid point and prompt of which a sampler's searches have finished; seeds are counted once."""
    groups: dict[str, dict[int, Cell]] = {}
    for cell in cells:
        if cell.result is not None and cell.result.log_z is not None:
            groups.setdefault(digest([cell.series, cell.particles, cell.prompt]), {})[cell.seed] = cell
    lines = []
    for of in groups.values():
        one = next(iter(of.values()))
        log_z, error = pooled([c.result.log_z for c in of.values() if c.result and c.result.log_z is not None])
        lines.append(Pooled(label(one.series), one.particles, one.prompt, len(of), log_z, error))
    return sorted(lines, key=lambda line: (line.prompt, line.label, line.n))


def table(cells: Sequence[Cell]) -> Html | None:
    """The section of the page; None where no search of the grid estimates log Z."""
    lines = pools(cells)
    if not lines:
        return None
    rows = [[x.prompt, x.label, x.n, x.seeds, number(x.log_z, 3), number(x.error, 3, missing=NONE)] for x in lines]
    told = (
        "The log of the mean of Z_hat over seeds, and its standard error from the differences between seeds, which one "
        "seed does not have. Estimates at other numbers of particles are of the same Z where lambda is the same."
    )
    shown = grid(["Prompt", "Search", "N", "Seeds", "log Z", "Error"], rows, "log Z of every point", sort=True)
    return section("log Z, pooled over seeds", folded(shown, len(rows), "All points"), small(told), id="log-z")
