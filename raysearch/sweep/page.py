"""The page of a sweep: the result in a sentence, reward and truth against N and NFE, every point, every search.

Whiskers are the 95 % interval of the gain over one random draw, paired by prompt, where a best_of_n pool gives that
draw; else the interval of the mean. Axes of N and NFE are in powers of two. A line keeps its colour on the whole page.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from raysearch.report.components import card, cards, colour, grid, header, links, notices, range_of, section, settings
from raysearch.report.components import small as small_print
from raysearch.report.document import asset, document
from raysearch.report.markup import NONE, Html, count, decimals, el, number
from raysearch.report.plots import COLOURS, Series, against
from raysearch.report.statistics import FEW, Measure, step
from raysearch.sweep import log_z
from raysearch.sweep.story import headline
from raysearch.sweep.table import Cell, Estimate, Row, leading, name_of

FILES = {"table.csv": "table.csv", "sweep.json": "sweep.json", "config.yaml": "config.yaml"}
OF_FIRST = "Settings are those of the first point; the axes of the grid stand in the tables above."


@dataclass(frozen=True)
class SweepFacts:
    """What a page tells of the sweep beside its results.

    Attributes:
        config: The settings that all points share, and those of the first point.
        text: config.yaml.
        versions: Versions of the libraries.
    """

    config: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)


def page(cells: Sequence[Cell], found: Sequence[Measure], table: Sequence[Row], about: SweepFacts | None = None) -> str:
    """The page of a sweep.

    Args:
        cells: All searches of the grid, finished or not.
        found: The measures, as `table.rows` returns them.
        table: The rows, as `table.rows` returns them.
        about: Settings and versions.

    Returns:
        The HTML document.
    """
    about = about or SweepFacts()
    done, failed = sum(c.result is not None for c in cells), sum(c.error is not None for c in cells)
    shown, colours = leading(found), {label: i for i, label in enumerate(dict.fromkeys(row.label for row in table))}
    text = f"{done} of {count(len(cells), 'search')} done" + (f", {failed} failed" if failed else "")
    prompts = len({c.prompt for c in cells if c.result is not None})
    sentences = [
        "One random draw (N = 1) is the baseline: a gain is the difference from it, paired by prompt. Best of N is, at "
        "every N, the unbiased estimate from one pool of draws; the seeds of a prompt are averaged.",
        "The best point was picked on these same prompts: a claim needs others.",
    ]
    few = [f"Only {count(prompts, 'prompt')}: the intervals say little."] if prompts < FEW else []
    if done < len(cells):
        few.append(f"Not all searches are finished ({text}): these numbers will change.")
    drawn = cards([_panel(m, table, by_nfe, colours) for by_nfe in (False, True) for m in shown])
    panels = section("Quality against cost", drawn, id="curves") if drawn else None
    parts = {**({"Curves": "curves"} if panels else {}), "All points": "points", "Searches": "searches",
             "Settings": "configuration"}  # fmt: skip
    title = headline(table, shown)
    body = el(
        "main", header(["raysearch sweep", text], title, sentences, links(FILES), parts), notices(few),
        panels, _table(shown, table, colours), log_z.table(cells), _searches(cells, shown),
        settings(about.config, about.text, about.versions, OF_FIRST),
    )  # fmt: skip
    return document(f"raysearch sweep: {title}", body, scripts=[asset("raysearch.report", "tables.js")])


def _panel(m: Measure, table: Sequence[Row], by_nfe: bool, colours: Mapping[str, int]) -> Html | None:
    lines: dict[str, Series] = {}
    for row in table:
        e = row.values.get(name_of(m))
        if e is None:
            continue
        low, high = _whisker(e)
        at = row.nfe if by_nfe else float(row.n)
        if at > 0:
            lines.setdefault(row.label, []).append((at, e.mean, low, high))
    if not lines:
        return None
    x = "network function evaluations per search, NFE" if by_nfe else "particles, N"
    text = f"{m.label[:1].upper()}{m.label[1:]} against {'NFE' if by_nfe else 'N'}"
    note = "Whiskers: 95 % interval over prompts, of the gain over one random draw where that is known."
    if len(lines) > COLOURS:
        note += f" Colours repeat after {COLOURS} lines."
    return card(text, against(lines, x, m, colours), note)


def _whisker(e: Estimate) -> tuple[float, float]:
    if math.isfinite(e.gain_low):
        return e.mean - e.gain + e.gain_low, e.mean - e.gain + e.gain_high
    return e.low, e.high


def _table(shown: Sequence[Measure], table: Sequence[Row], colours: Mapping[str, int]) -> Html:
    titles: list[Any] = ["Search", "N", "NFE", "Done"]
    for m in shown:
        titles += [_head(m), "Gain", "95 % interval"]
    lines = []
    for row in table:
        line: list[Any] = [colour(colours[row.label], row.label), row.n, number(row.nfe, 0), f"{row.done}/{row.asked}"]
        for m in shown:
            e = row.values.get(name_of(m))
            line += _estimate(e) if e else [NONE, NONE, NONE]
        lines.append(line)
    text = (
        "Gain: over one random draw, paired by prompt; its interval is a percentile bootstrap over prompts. Without a "
        "best_of_n of the same settings there is no draw to compare with. NFE: network function evaluations a search."
    )
    shown_grid = grid(titles, lines, "All points of the grid", "figures", sort=True)
    return section("All points", shown_grid, small_print(text), id="points")


def _estimate(e: Estimate) -> list[str]:
    places = decimals([e.mean], step(e.gain, e.gain_low, e.gain_high))
    gain = number(e.gain, places, sign=True, missing=NONE)
    return [number(e.mean, places), gain, range_of(e.gain_low, e.gain_high, places, sign=True)]


def _searches(cells: Sequence[Cell], shown: Sequence[Measure]) -> Html:
    """Every search by itself: the single runs of the grid."""
    keys = list(dict.fromkeys(key for c in cells for key in c.settings))
    heads: list[Any] = [name[:1].upper() + name[1:] for name in (*(keys[:1] or ["search"]), "prompt", *keys[1:])]
    columns = [_column(cells, m) for m in shown]
    rows = []
    for c, of in zip(cells, zip(*columns, strict=True) if columns else [()] * len(cells), strict=True):
        values = [str(c.settings.get(k, NONE)) for k in keys] or [c.strategy]
        result = c.result
        state = "failed" if c.error else "done" if result is not None else "not yet"
        nfe, name = (f"{c.nfe:,}", result.digest()[:12]) if result is not None else (NONE, NONE)
        rows.append([values[0], c.prompt, *values[1:], nfe, *of, c.error or state, name])
    heads += ["NFE", *(_head(m) for m in shown), "State", "Hash"]
    text = (
        "A point by itself, with its videos, is a run: raysearch run config.yaml with these settings and another run=."
    )
    listed = grid(heads, rows, "Every search", "searches", sort=True, find="Find searches, e.g. smc 8")
    return section("Searches", listed, small_print(text), id="searches")


def _column(cells: Sequence[Cell], m: Measure) -> list[str]:
    """A measure of the chosen of every search, all with as many decimals."""
    values = [float(m.of(c.result)[c.result.best]) if c.result is not None else math.nan for c in cells]
    places = decimals(values)
    return [number(v, places, missing=NONE) for v in values]


def _head(m: Measure) -> list[Any]:
    """What a column of it is called, above its unit and which direction is better."""
    return [m.label[:1].upper() + m.label[1:], el("small", m.scale) if m.scale else None]
