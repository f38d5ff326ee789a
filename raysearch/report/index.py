"""The index of a run: a line for each prompt, to be sorted and searched, each with a link to its videos."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from raysearch.moves import Result
from raysearch.report import statistics
from raysearch.report.components import grid
from raysearch.report.markup import NONE, Html, count, decimals, el, number
from raysearch.report.reading import Run, SearchRecord
from raysearch.report.statistics import ERROR, MOTION, Measure

FEW = 4  # prompts up to which the page needs no index
TEXT = 80  # characters of a prompt that the index shows


def flags(result: Result) -> list[str]:
    """What a reader should know of the candidates of a prompt, in a few words each."""
    said = []
    if (share := statistics.frozen(result)) is not None:
        said.append(f"Nearly still: moves {number(100 * share, 0)} % as much as the median candidate")
    if nan := statistics.unscored(result):
        said.append(f"{count(nan, 'candidate')} not scored")
    return said


def index(run: Run) -> Html | None:
    """The table; None for a handful of prompts."""
    entries = [e for e in run.entries if e.result is not None]
    if len(entries) <= FEW:
        return None
    known = [statistics.measure(key, run.reward) for key in (None, ERROR, MOTION) if key != run.reward]
    shown = [m for m in known if any(e.result is not None and np.isfinite(m.of(e.result)).any() for e in entries)]
    heads = ["Prompt", "Text"]
    for m in shown:
        name = "Reward" if m.key is None else m.label.capitalize()
        heads += [name if m.key in (None, MOTION) else f"{name}, {m.unit}", "Change"]
    rows = [_row(e, shown) for e in entries]
    caption = "All prompts; Change: of the chosen from the mean candidate"
    return grid([*heads, "NFE", "Flags"], rows, caption, "index", sort=True, find="Find prompts, e.g. ball, still")


def _row(entry: SearchRecord, shown: list[Measure]) -> list[Any]:
    result = entry.result
    assert result is not None
    text = entry.prompt.text or entry.prompt.image or entry.prompt.video or ""
    row: list[Any] = [
        el("a", entry.name, href=f"#prompt-{entry.name}"), text if len(text) <= TEXT else f"{text[:TEXT].rstrip()} …",
    ]  # fmt: skip
    for m in shown:
        values = m.of(result)
        chosen = float(values[result.best])
        change = chosen - float(np.nanmean(values)) if math.isfinite(chosen) else math.nan
        places = decimals([chosen], change)
        row += [number(chosen, places, missing=NONE), number(change, places, sign=True, missing=NONE)]
    return [*row, f"{entry.cost.nfe:,}", "; ".join(flags(result))]
