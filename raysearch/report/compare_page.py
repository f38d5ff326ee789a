"""The page of two runs side by side: headline, table, prompts, videos of both, settings that differ."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from raysearch import storage
from raysearch.report import films, gallery, statistics
from raysearch.report.compare import RunPair, headline
from raysearch.report.components import grid, header, links, notices, range_of, section, small
from raysearch.report.document import asset, document
from raysearch.report.markup import NONE, Html, count, decimals, el, number
from raysearch.report.reading import SearchRecord
from raysearch.report.statistics import FEW
from raysearch.runs import REPORT


def write(found: RunPair, path: Path) -> None:
    """Write the page, whole or not at all."""
    beside = {}
    for run, name in zip((found.a, found.b), found.names, strict=True):
        if (run.folder / REPORT).is_file():
            beside[f"report of {name}"] = quote(os.path.relpath(run.folder / REPORT, path.parent))
    storage.write(str(path), page(found, beside=beside))


def page(found: RunPair, limit: float = films.LIMIT, beside: Mapping[str, str] | None = None) -> str:
    """The page as HTML.

    Args:
        found: The pair.
        limit: Bytes of base64 video that the page may hold.
        beside: Files that it links to, by what they are called.
    """
    one, two = found.names
    nfe = [sum(e[k].cost.nfe for e in found.pairs) for k in (0, 1)]
    sentences = [
        f"Differences are {two} minus {one}, paired over {count(len(found.pairs), 'prompt')}, with 95 % intervals.",
        f"{one} took {nfe[0]:,} network evaluations, {two} {nfe[1]:,}.",
    ]
    if found.a.reward != found.b.reward:
        sentences.append(
            f"{one} searched by {found.a.reward}, {two} by {found.b.reward}: their rewards are not compared."
        )
    few = f"{count(len(found.pairs), 'prompt')} only: below {FEW}, intervals over prompts mean little."
    room = films.Room(limit)
    rows = [_row(found, a, b, room) for a, b in found.pairs]
    left = f"Videos of {count(room.omitted, 'prompt')} are left out to keep this page below {limit / 1e6:,.3g} MB."
    parts = {"Measures": "measures", "Videos": "videos", "Settings that differ": "settings"}
    top = header(["raysearch comparison", f"{one} and {two}"], headline(found), sentences, links(beside or {}), parts)
    shown = [
        _prompts(found),
        films.tools(),
        *notices([left] if room.omitted else []),
        el("div", rows, style=gallery.shape(found.b)),
    ]
    body = el(
        "main", top, notices([few] if len(found.pairs) < FEW else []), _table(found),
        section("Videos", *shown, id="videos"), _settings(found),
    )  # fmt: skip
    scripts = [asset("raysearch.report", name) for name in ("tables.js", "script.js")]
    return document(f"{two} against {one}", body, scripts=scripts, media="data:")


def _table(found: RunPair) -> Html:
    one, two = found.names
    rows: list[list[Any]] = []
    for r in found.rows:
        places = decimals([r.before, r.after], r.step)
        label = [r.measure.label, el("span", f" {r.measure.scale}", class_="unit")]
        verdict = el("span", r.verdict, class_=f"verdict {r.verdict}") if r.verdict else None
        wins = f"{r.better} of {r.prompts}" + (f", {r.equal} equal" if r.equal else "") if r.measure.better else NONE
        rows.append([
            label, el("b", number(r.after, places)), number(r.change, places, sign=True),
            range_of(r.low, r.high, places, sign=True), verdict, number(r.before, places), wins,
        ])  # fmt: skip
    heads = ["Measure of the chosen", two, "Change", "95 % interval", "", one, f"{two} better in"]
    text = (
        "The interval is a percentile bootstrap over prompts of the paired difference (10,000 resamples, fixed seed)."
    )
    return section("Measures", grid(heads, rows, "Both runs", "measures"), small(text), id="measures")


def _row(found: RunPair, a: SearchRecord, b: SearchRecord, room: films.Room) -> Html:
    one, two = found.names
    generator = found.b.config.get("generator")
    fps = generator.get("fps") if isinstance(generator, dict) else None
    tiles, told = [], _lines(a, b)
    for run, entry, name, lines in ((found.a, a, one, told[0]), (found.b, b, two, told[1])):
        assert entry.result is not None
        kind = "chosen" if run is found.b else "first"
        tiles.append((run, replace(films.candidate(run, entry, entry.result.best, name, kind), lines=lines)))
    if not room.full:
        tiles += [(found.b, t) for t in films.scene_of(b, float(fps or 8)) if t.kind == "true"]
    embed = room.take(tiles)
    control = films.control(b.name) if embed and any(t.film is not None for _, t in tiles) else None
    shown = [films.figure(run, t, b.name, embed, room.embedded <= films.AUTOPLAY, False) for run, t in tiles]
    return el(
        "article", el("h3", b.name, el("span", b.prompt.text, class_="text")), el("div", shown, class_="tiles"),
        el("div", control, class_="below"), class_="row", id=f"prompt-{b.name}",
    )  # fmt: skip


def _lines(a: SearchRecord, b: SearchRecord) -> list[tuple[tuple[str, str], ...]]:
    """The (name, value) pairs below the videos of a prompt, for each run, with as many digits in both."""
    each: list[list[tuple[str, str]]] = [[], []]
    for name, key in (("reward", None), ("error", statistics.ERROR), ("motion", statistics.MOTION)):
        m = statistics.measure(key)
        values = [float(m.of(e.result)[e.result.best]) if e.result else math.nan for e in (a, b)]
        if any(map(math.isfinite, values)):
            places, unit = decimals(values, values[1] - values[0]), f" {m.unit}" if key == statistics.ERROR else ""
            for lines, value in zip(each, values, strict=True):
                lines.append((name, number(value, places, missing=NONE) + (unit if math.isfinite(value) else "")))
    return [tuple(lines) for lines in each]


def _prompts(found: RunPair) -> Html | None:
    """A line for each prompt, by the measure of the headline, with a link to its videos; None for a handful."""
    if len(found.pairs) < FEW or not found.rows:
        return None
    m, (one, two) = found.rows[0].measure, found.names
    values = [[float(m.of(e.result)[e.result.best]) if e.result else math.nan for e in pair] for pair in found.pairs]
    places = decimals([v for pair in values for v in pair])
    rows = [
        [el("a", b.name, href=f"#prompt-{b.name}"), b.prompt.text, *(number(v, places, missing=NONE) for v in pair),
         number(pair[1] - pair[0], places, sign=True, missing=NONE)]
        for (_, b), pair in zip(found.pairs, values, strict=True)
    ]  # fmt: skip
    heads = ["Prompt", "Text", one, two, "Change"]
    text = small(f"{m.label[:1].upper()}{m.label[1:]}{f' ({m.scale})' if m.scale else ''} of the chosen video.")
    return el("div", text, grid(heads, rows, "All prompts", "index", sort=True, find="Find prompts, e.g. ball"))


def _settings(found: RunPair) -> Html:
    one, two = found.names
    rows = [list(row) for row in found.settings]
    what = grid(["Setting", one, two], rows, "Settings that differ", "settings") if rows else el("p", "None differs.")
    return section("Settings that differ", what, small("Cluster and folder are left out."), id="settings")
