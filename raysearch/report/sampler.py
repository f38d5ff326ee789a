"""What a sampler adds to a report: log Z with its error, weighted averages of every measure, and what each read did.

Invariant: everything is worked out from the finals, their weights and the notes of the search; a note that an older run
does not have leaves its column empty.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from raysearch.moves import Result
from raysearch.report import reads, statistics
from raysearch.report.components import folded, grid, section, small
from raysearch.report.markup import NONE, Html, count, decimals, el, number
from raysearch.report.reading import Run
from raysearch.runs.spread import pooled
from raysearch.search.genealogy import averages

AVERAGES = "Averages: of each measure over the finals with their weights, plus or minus its standard error."


def sampler(run: Run) -> Html | None:
    """The section; None where no search was a sampler."""
    found = [(e.name, e.result) for e in run.entries if e.result is not None and e.result.log_weights]
    if not found:
        return None
    told = (
        "The finals with their weights are a sample of p(x) exp(lambda r(x)). ESS: effective number of particles. "
        "Roots: first ancestors that are left. The error of log Z is the standard error of one estimate of Z, relative "
        "to Z; it is read from the weights of families of related particles, which have lived for at most the given "
        "number of resamplings (lag). Slope: of the final reward on the reward of a read, among the finals; where both "
        "are normal, slope * lambda is the best lambda of that read (search.slopes)."
    )
    return section(
        "Sampler", small(told), reads.plots(run), _folded("Estimates", *_estimates(found)),
        _folded("Averages", *_averages(found)), small(AVERAGES), _folded("Reads", *_reads(found)),
    )  # fmt: skip


def spread(run: Run) -> Html | None:
    """How far rewards of independent candidates lie apart within a prompt, for lambda in its units; else None."""
    groups = [[o.reward for o in result.finals if math.isfinite(o.reward)] for result in run.results]
    if not run.independent or not any(len(set(group)) > 1 for group in groups):
        return None
    sd = pooled(groups)
    told = (
        f"Standard deviation of the reward {run.reward} within a prompt, pooled over {count(len(groups), 'prompt')}: "
        f"{number(sd, decimals([sd], sd / 10))}. A sampler as strong as best-of-16 takes lambda = 1.9 / {sd:.3g} = "
        f"{1.9 / sd:.3g}, which a job writes as search.lam: {{sd: 1.9, spread: {sd:.3g}}}."
    )
    return section("Spread of the reward", el("p", told))


def notices(run: Run) -> list[Html]:
    """What a reader must not miss of the samples, as short boxes."""
    results = [r for r in run.results if r.log_z is not None and len(r.finals) > 1]
    single = sum(r.notes.get("roots") == 1 for r in results)
    rough = sum((_value(r.notes.get("log_z_error")) or 0.0) > 1 for r in results)
    said = []
    if single:
        said.append(
            f"In {single} of {count(len(results), 'prompt')} one root is left: all particles descend from one first "
            "draw. The error of log Z sees only what the last resamplings brought, and the finals are close relatives. "
            "Use more particles, a smaller lambda, or rise: linear."
        )
    if rough:
        said.append(
            f"In {rough} of {count(len(results), 'prompt')} the error of log Z is above 1: the weights are so uneven "
            "that the error itself is unreliable, and log Z is probably too low."
        )
    return [el("p", text, class_="notice") for text in said]


def _estimates(found: Sequence[tuple[str, Result]]) -> tuple[list[str], list[list[Any]]]:
    rows = []
    for name, result in found:
        notes, log_z = result.notes, result.log_z
        error = _value(notes.get("log_z_error"))
        size = f"{_ess(result):.1f} of {len(result.finals)}"
        shown = NONE if log_z is None else number(log_z, 3)
        rows.append([
            name, shown, NONE if error is None else number(error, 3), size, _plain(notes.get("roots")),
            _plain(notes.get("lag")), _plain(notes.get("nan")), _spread(notes),
        ])  # fmt: skip
    heads = ["Prompt", "log Z", "Error", "ESS", "Roots", "Lag", "NaN", "Spread of the reward"]
    return heads, rows


def _averages(found: Sequence[tuple[str, Result]]) -> tuple[list[str], list[list[Any]]]:
    each = [(name, averages(r.finals, r.log_weights or (), r.notes.get("families"))) for name, r in found]
    labels = {m.key: m.label for m in statistics.measures([r for _, r in found], "") if m.key is not None}
    keys = [key for key in labels if any(key in values for _, values in each)]
    rows = [[name, *(_pair(values.get(key)) for key in keys)] for name, values in each]
    return ["Prompt", *(labels[key] for key in keys)], rows


def _pair(value: tuple[float, float] | None) -> str:
    if value is None:
        return NONE
    mean, error = value
    places = decimals([mean], error)
    return number(mean, places) if math.isnan(error) else f"{number(mean, places)} ± {number(error, places)}"


def _reads(found: Sequence[tuple[str, Result]]) -> tuple[list[str], list[list[Any]]]:
    rows = []
    for name, result in found:
        notes = result.notes
        raw = [notes.get(key) for key in ("reads", "lambda", "ess", "roots_left", "slopes")]
        columns: list[list[Any]] = [c if isinstance(c, list) else [] for c in raw]
        for k in range(max(map(len, columns))):
            values = [_value(c[k]) if k < len(c) else None for c in columns]
            shown = zip(values, (0, None, 1, 0, 2), strict=True)
            rows.append([name, *(NONE if v is None else number(v, places) for v, places in shown)])
    return ["Prompt", "Step", "lambda", "ESS", "Roots", "Slope"], rows


def _folded(title: str, heads: list[str], rows: list[list[Any]]) -> Html | None:
    if not rows:
        return None
    table = grid(heads, rows, title, "sampler")
    if title == "Reads":  # their plots stand above
        return el("details", el("summary", "Every read"), table)
    return el("div", el("h3", title), folded(table, len(rows), "All prompts"), class_="below-plots")


def _spread(notes: Mapping[str, Any]) -> str:
    spread = _value(notes.get("spread"))
    return NONE if spread is None else number(spread, 4)


def _ess(result: Result) -> float:
    W = [math.exp(w) for w in result.log_weights or ()]
    return sum(W) ** 2 / sum(w * w for w in W) if any(W) else 0.0


def _value(value: Any) -> float | None:
    """A finite number of a note, or None."""
    usable = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if usable else None


def _plain(value: Any) -> str:
    return NONE if value is None else str(value)
