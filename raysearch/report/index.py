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
    columns = [column for m in shown for column in _columns(entries, m)]
    said = ["; ".join(flags(e.result)) if e.result is not None else "" for e in entries]
    rows = [[*_named(e), *values, f"{e.cost.nfe:,}", *([flag] if any(said) else [])]
            for e, values, flag in zip(entries, zip(*columns, strict=True), said, strict=True)]  # fmt: skip
    heads += ["NFE", *(["Flags"] if any(said) else [])]
    caption = "All prompts; Change: of the chosen from the mean candidate"
    class_ = "index flagged" if any(said) else "index"
    return grid(heads, rows, caption, class_, sort=True, find="Find prompts, e.g. ball, still")


def _named(entry: SearchRecord) -> list[Any]:
    """The name of a prompt, which leads to its videos, and the beginning of its text."""
    text = entry.prompt.text or entry.prompt.image or entry.prompt.video or ""
    return [
        el("a", entry.name, href=f"#prompt-{entry.name}"), text if len(text) <= TEXT else f"{text[:TEXT].rstrip()} …",
    ]  # fmt: skip


def _columns(entries: list[SearchRecord], m: Measure) -> list[list[str]]:
    """The chosen's value of a measure and its change, for every prompt with as many decimals."""
    pairs = []
    for e in entries:
        assert e.result is not None
        values = m.of(e.result)
        chosen = float(values[e.result.best])
        pairs.append((chosen, chosen - float(np.nanmean(values)) if math.isfinite(chosen) else math.nan))
    changes = [abs(c) for _, c in pairs if math.isfinite(c) and c]
    places = decimals([v for v, _ in pairs], float(np.median(changes)) if changes else math.nan)
    return [[number(v, places, missing=NONE) for v, _ in pairs],
            [number(c, places, sign=True, missing=NONE) for _, c in pairs]]  # fmt: skip
