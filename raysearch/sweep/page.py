"""The page of a sweep: reward and truth against N and against NFE, a line per strategy, with its table. One HTML file.

Whiskers are the 95 % interval of the gain over one random draw, paired by prompt, where a best_of_n pool gives that
draw; else the interval of the mean. Axes of N and NFE are in powers of two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from raysearch.report.components import grid, section
from raysearch.report.document import document
from raysearch.report.markup import NONE, Html, count, el, number
from raysearch.report.plots import COLOURS, Series, against
from raysearch.report.statistics import FEW, Measure
from raysearch.sweep import log_z
from raysearch.sweep.table import Cell, Estimate, Row, leading


def page(cells: Sequence[Cell], found: Sequence[Measure], table: Sequence[Row]) -> str:
    """The page of a sweep.

    Args:
        cells: All searches of the grid, finished or not.
        found: The measures, as `table.rows` returns them.
        table: The rows, as `table.rows` returns them.

    Returns:
        The HTML document.
    """
    done, failed = sum(c.result is not None for c in cells), sum(c.error is not None for c in cells)
    shown = leading(found)
    text = f"{done} of {count(len(cells), 'search')} done" + (f", {failed} failed" if failed else "")
    prompts = len({c.prompt for c in cells if c.result is not None})
    lede = "Best of N is, at every N, the unbiased estimate from one pool of draws; the seeds of a prompt are averaged."
    few = (
        el("p", f"Only {count(prompts, 'prompt')}: the intervals say little.", class_="notice")
        if prompts < FEW
        else None
    )
    panels = [_panel(m, table, by_nfe) for by_nfe in (False, True) for m in shown]
    body = el(
        "main", el("header", el("p", "raysearch sweep · " + text, class_="kicker"),
        el("h1", "What more particles achieve"), el("p", lede, class_="lede")), few,
        el("section", el("div", [p for p in panels if p is not None], class_="plots")), _table(shown, table),
        log_z.table(cells),
    )  # fmt: skip
    return document("raysearch sweep: " + text, body)


def _panel(m: Measure, table: Sequence[Row], by_nfe: bool) -> Html | None:
    lines: dict[str, Series] = {}
    for row in table:
        e = row.values.get(m.key or "reward")
        if e is None:
            continue
        low, high = _whisker(e)
        at = row.nfe if by_nfe else float(row.n)
        if at > 0:
            lines.setdefault(row.label, []).append((at, e.mean, low, high))
    if not lines:
        return None
    x = "network function evaluations per search, NFE" if by_nfe else "particles, N"
    text = f"{m.label} against {'NFE' if by_nfe else 'N'}"
    note = "Whiskers: 95 % interval over prompts, of the gain over one random draw where that is known."
    if len(lines) > COLOURS:
        note += f" Colours repeat after {COLOURS} lines."
    return el("figure", el("h3", text), against(lines, x, m), el("figcaption", note), class_="card")


def _whisker(e: Estimate) -> tuple[float, float]:
    if math.isfinite(e.gain_low):
        return e.mean - e.gain + e.gain_low, e.mean - e.gain + e.gain_high
    return e.low, e.high


def _table(shown: Sequence[Measure], table: Sequence[Row]) -> Html:
    titles = ["search", "N", "NFE", "done"] + [t for m in shown for t in (m.label, "gain")]
    lines = []
    for row in table:
        cells: list[Any] = [row.label, row.n, number(row.nfe, 0), f"{row.done}/{row.asked}"]
        for m in shown:
            e = row.values.get(m.key or "reward")
            cells += [number(e.mean), number(e.gain, sign=True, missing=NONE)] if e else [NONE, NONE]
        lines.append(cells)
    return section("All points", grid(titles, lines, "All points of the grid", "figures"))
