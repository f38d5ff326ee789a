"""The page of a sweep: reward and truth against N and against NFE, a line per strategy, with its table. One HTML file.

Whiskers are the 95 % interval of the gain over one random draw, paired by prompt, where a best_of_n pool gives that
draw; else the interval of the mean. Axes of N and NFE are in powers of two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from raysearch.report.markup import Html, count, el, number
from raysearch.report.page import document
from raysearch.report.plots import COLOURS, Series, against
from raysearch.report.statistics import FEW, Measure
from raysearch.sweep import log_z
from raysearch.sweep.table import Cell, Estimate, Row, leading


def page(cells: Sequence[Cell], found: Sequence[Measure], table: Sequence[Row]) -> str:
    """The document. cells: all of the grid, finished or not; found, table: as `grid.rows` gives them."""
    done, failed = sum(c.result is not None for c in cells), sum(c.error is not None for c in cells)
    shown = leading(found)
    told = f"{done} of {count(len(cells), 'search')} done" + (f", {failed} failed" if failed else "")
    prompts = len({c.prompt for c in cells if c.result is not None})
    lede = "Best-of-N at every N is the unbiased estimate from one pool of draws; seeds are pooled within a prompt."
    few = el("p", f"Few prompts ({prompts}): the intervals mean little.", class_="notice") if prompts < FEW else None
    panels = [_panel(m, table, by_nfe) for by_nfe in (False, True) for m in shown]
    body = el(
        "main", el("header", el("p", "raysearch sweep · " + told, class_="kicker"),
        el("h1", "What more particles buy"), el("p", lede, class_="lede")), few,
        el("section", el("div", [p for p in panels if p is not None], class_="plots")),
        _table(shown, table), log_z.table(cells),
    )  # fmt: skip
    return document("raysearch sweep: " + told, body)


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
    told = f"{m.label} against {'NFE' if by_nfe else 'N'}"
    note = "Whiskers: 95 % interval over prompts" + (
        ", of the gain over one random draw where it is known." if m else ""
    )
    if len(lines) > COLOURS:
        note += f" Colours repeat after {COLOURS} lines."
    return el("figure", el("h3", told), against(lines, x, m), el("figcaption", note), class_="card")


def _whisker(e: Estimate) -> tuple[float, float]:
    if math.isfinite(e.gain_low):
        return e.mean - e.gain + e.gain_low, e.mean - e.gain + e.gain_high
    return e.low, e.high


def _table(shown: Sequence[Measure], table: Sequence[Row]) -> Html:
    titles = ["search", "N", "NFE", "done"] + [t for m in shown for t in (m.label, "gain")]
    lines = []
    for row in table:
        cells = [row.n, number(row.nfe, 0), f"{row.done}/{row.asked}"]
        for m in shown:
            e = row.values.get(m.key or "reward")
            cells += [number(e.mean), number(e.gain, sign=True, missing="–")] if e else ["–", "–"]
        lines.append(el("tr", el("th", row.label, scope="row"), [el("td", c) for c in cells]))
    head = el("thead", el("tr", [el("th", t, scope="col") for t in titles]))
    return el("section", el("h2", "All points"), el("div", el("table", head, el("tbody", lines)), class_="scroll"))
