"""The final choice beside the search's own: how they differ, prompt by prompt, where a job says `choose`."""

from __future__ import annotations

import math
from typing import Any

from raysearch.moves import Result
from raysearch.report import statistics
from raysearch.report.components import grid, section
from raysearch.report.markup import NONE, Html, count, el, number
from raysearch.report.reading import Run


def choice(run: Run) -> Html | None:
    """A row for every prompt; None where the search had the last word itself."""
    found = [(e.name, e.result) for e in run.entries if e.result is not None and "choose" in e.result.notes]
    if not found:
        return None
    rows, differ = [], 0
    for name, result in found:
        note = result.notes["choose"]
        own, reward = int(note["argmax"]), statistics.measure(None).of(result)
        differ += own != result.best
        left = sum(not math.isnan(s) for s in note["scores"])
        rows.append([
            name, f"{result.best}", f"{own}", "same" if own == result.best else "another",
            *(number(float(reward[k]), 4) for k in (result.best, own)), number(float(note["scores"][result.best]), 4),
            number(float(note["scores"][own]), 4, missing=NONE), f"{left} of {len(result.finals)}",
        ])  # fmt: skip
    heads = ["Prompt", "Chosen slot", "Search's own", "", "Reward, chosen", "Reward, own", "Score, chosen",
             "Score, own", "Candidates"]  # fmt: skip
    text = (
        f"After the search, the video of every prompt was chosen among its candidates by {_way(found[0][1])}; the "
        f"search by itself would have kept another one for {differ} of {count(len(found), 'prompt')}. Slots count from "
        "0. Candidates: how many were measured and within the bounds."
    )
    shown: Any = grid(heads, rows, "Final choice and the search's own", "choice")
    return section(
        "Final choice", el("p", text), shown if len(rows) <= 12 else el("details", el("summary", "All prompts"), shown)
    )


def _way(result: Result) -> str:
    """How, and by which parts."""
    note = result.notes["choose"]
    parts = [name if weight == 1 else f"{weight:g} x {name}" for name, weight in note["parts"]]
    return note["how"] if parts == [note["how"]] else f"{note['how']} of {', '.join(parts)}"
