"""Sections of the page that are tables alone: measures, failures, notes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from raysearch.report import plots, statistics
from raysearch.report.components import folded, grid, range_of, section, small
from raysearch.report.markup import NONE, Html, count, decimals, el, number
from raysearch.report.reading import Run
from raysearch.report.statistics import Comparison

# Notes that have sections of their own, or stand in the settings.
_ELSEWHERE = {
    "ancestors", "backtrack", "branch", "choose", "each", "families", "lag", "log_z_error", "n", "reads", "roots_left",
    "slopes", "spread", "width", "wordings",
}  # fmt: skip
_SAMPLED = {"lambda", "ess", "roots", "nan"}  # stand in the section on the sampler
_ROOTS = "roots: how many first draws the finals of a prompt descend from."
_LONG = 160  # characters of a note shown without unfolding


def table(run: Run, rows: Sequence[Comparison]) -> Html | None:
    """Every measure: first, random, chosen, oracle, change with interval, rank correlation."""
    if not rows:
        return None
    heads = ["Measure", "Chosen", "Change", "95 % interval", "", "Random", "First", "Oracle", "Rank corr."]
    text = [
        f"Means over prompts. Chosen: {_last_word(run)}. Change: chosen minus random, with a percentile bootstrap over "
        "prompts (10,000 resamples, fixed seed). Random: the mean candidate, what N = 1 gives in expectation"
        f"{'' if run.independent else ', here of the final population'}. First: the first candidate, N = 1. Oracle: "
        "the best candidate by that measure, for truth only. Rank corr.: Spearman's correlation of search reward "
        "and measure among the candidates of a prompt, mean over prompts; a reward that tracks a measure where lower "
        "is better has a negative one."
    ]
    if any(r.measure.key == statistics.ERROR for r in rows):
        text.append(f" {statistics.TRUTH} is minus the trajectory error and not repeated.")
    if len({r.prompts for r in rows}) > 1:
        text.append(" Where a measure is missing for some prompts, the number of prompts is given below its name.")
    some = len({r.prompts for r in rows}) > 1
    main, parts = ([r for r in rows if _detail(r) == detail] for detail in (False, True))
    shown = grid(heads, [_measure(r, some) for r in main], "Measures over all prompts", "measures")
    folds = None
    if parts:
        inner = grid(heads, [_measure(r, some) for r in parts], "Parts and details of rewards", "measures")
        folds = el("details", el("summary", f"Parts and details of rewards ({len(parts)})"), inner)
    return section("Measures", shown, folds, small(text), id="measures")


def _detail(r: Comparison) -> bool:
    """Whether a measure is a part or a detail of a reward rather than something measured for itself."""
    return r.measure.key is not None and "." in r.measure.key and not r.measure.truth


def _last_word(run: Run) -> str:
    return "by the final choice" if any("choose" in r.notes for r in run.results) else "by the search reward"


def _measure(r: Comparison, counted: bool) -> list[Any]:
    places = decimals([r.first, r.random, r.chosen, r.oracle], r.step)
    m = r.measure
    below = " · ".join(([m.key] if m.key else []) + ([count(r.prompts, "prompt")] if counted else []))
    label = [m.label, el("span", f" {m.scale}", class_="unit"), el("small", below) if below else None]
    verdict = el("span", r.verdict, class_=f"verdict {r.verdict}") if r.verdict else None
    random, first, oracle = (number(v, places, missing=NONE) for v in (r.random, r.first, r.oracle))
    return [
        label, el("b", number(r.chosen, places, missing=NONE)), number(r.change, places, sign=True),
        range_of(r.low, r.high, places, sign=True), verdict, random, first, oracle,
        number(r.rho, 2, sign=True, missing=NONE),
    ]  # fmt: skip


def failures(run: Run) -> Html | None:
    """The searches that failed, each with its reason; None if none did."""
    failed = [(e.name, e.prompt.text or NONE, e.error or "no result") for e in run.entries if e.result is None]
    return section("Failures", grid(["Search", "Prompt", "Reason"], failed, "Searches that failed")) if failed else None


def notes(run: Run) -> Html | None:
    """Whatever the searches wanted known and no other section tells, one line a prompt."""
    found = [(e.name, e.result) for e in run.entries if e.result is not None]
    weighted = any(result.log_weights is not None for _, result in found)
    told = _ELSEWHERE | (_SAMPLED if weighted else {"roots"} if run.independent else set())
    keys = list(dict.fromkeys(k for _, result in found for k in result.notes if k not in told))
    if not keys:
        return None
    rows = [[name, *(_note(result.notes.get(k)) for k in keys)] for name, result in found]
    shown = grid(["Prompt", *keys], rows, "Notes of the searches", "notes")
    explained = small(_ROOTS) if "roots" in keys else None
    return section("Search notes", folded(shown, len(rows), "All prompts"), explained)


def _note(value: Any) -> Any:
    if value is None:
        return NONE
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{value:,}" if isinstance(value, int) else number(value, missing="nan")
    numeric = isinstance(value, list) and all(isinstance(v, (int, float)) for v in value)
    if numeric:
        text = ", ".join(f"{v}" if isinstance(v, int) else number(v, missing="nan") for v in value) or "none"
    else:
        text = value if isinstance(value, str) else json.dumps(value, default=str).replace("null", NONE)
    drawn = plots.spark(value) if numeric else None
    if len(text) <= _LONG:
        return [drawn, text]
    return [drawn, el("details", el("summary", text[:60] + " …"), text)]
