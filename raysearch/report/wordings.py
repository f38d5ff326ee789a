"""The wordings of each prompt side by side: what each was given of the budget, and what came of it.

Invariant: everything is worked out from the finals and the note of the search. The original wording is the baseline.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from raysearch.moves import Result
from raysearch.report import statistics
from raysearch.report.components import grid, section
from raysearch.report.markup import NONE, Html, count, decimals, el, number
from raysearch.report.reading import Run, SearchRecord

NOTE = "wordings"
LONG = 4  # prompts beyond which the tables are folded
LITTLE = 0.3  # of the standard deviation within a wording: below this, choosing among wordings gained nothing
READS = ("adherence", ".text")  # what names of measures of text adherence contain; the second is a question of vlm


def wordings(run: Run) -> Html | None:
    """The section; None where no search used variants."""
    found = [entry for entry in run.entries if entry.result is not None and _note(entry.result)]
    if not found:
        return None
    text = (
        "Every wording of a prompt with the videos it was given. Share: of the network evaluations of the search. The "
        "original wording is the baseline; the chosen video was made with the wording in bold. Other measures are "
        "means over the videos of a wording: a wording that describes nothing may raise the search reward and lose "
        "what the prompt asks for."
    )
    tables = [_table(run, entry) for entry in found]
    shown = tables if len(tables) <= LONG else [el("details", el("summary", "All prompts"), tables)]
    return section("Wordings", el("p", text), [el("p", line) for line in _summary(found)], shown)


def notices(run: Run) -> list[Html]:
    """What a reader must not miss, as short boxes."""
    found = [e.result for e in run.entries if e.result is not None and _note(e.result)]
    said, ratio = [], spread(found)
    if ratio is not None and ratio < LITTLE:
        said.append(
            f"The wordings barely differ: their mean rewards lie {ratio:.2f} standard deviations of a seed apart, "
            f"pooled over {count(len(found), 'prompt')}. Below {LITTLE} a search over wordings gained nothing over "
            "best_of_n in simulations; the budget is better spent on seeds."
        )
    if found and not _adherence(found):
        said.append(
            "No measure here compares the videos with the text or the truth, so this report cannot tell whether a "
            "wording won by describing less. Watch {name: vlm, questions: text}."
        )
    return [el("p", text, class_="notice") for text in said]


def spread(results: Sequence[Result]) -> float | None:
    """How far wordings lie apart, in standard deviations within a wording; None where that was not measured.

    Variances between wordings, which may be negative for a single prompt, are averaged over prompts first.
    """
    pairs = [pair for result in results if (pair := (_note(result) or {}).get("variance"))]
    within = math.fsum(pair[1] for pair in pairs)
    if not within:
        return None
    return math.sqrt(max(math.fsum(pair[0] for pair in pairs), 0.0) / within)


def _summary(found: Sequence[SearchRecord]) -> list[str]:
    """The original wording against the one that was chosen, over prompts."""
    rows = [row for entry in found if entry.result is not None and (row := _gain(entry.result)) is not None]
    if not rows:
        return []
    changed = sum(row[0] for row in rows)
    original, chosen, share, kept = (float(np.mean([row[k] for row in rows])) for k in (1, 2, 3, 4))
    places = decimals([original, chosen], chosen - original)
    return [
        f"Another wording than the original was chosen for {changed} of {count(len(rows), 'prompt')}. Best reward "
        f"among the videos of the original: {number(original, places)}; of the chosen wording: "
        f"{number(chosen, places)} (means over prompts). Share of the budget: {number(100 * share, 0)} % on the "
        f"chosen wording, {number(100 * kept, 0)} % on the original."
    ]


def _gain(result: Result) -> tuple[bool, float, float, float, float] | None:
    note = _note(result)
    assert note is not None
    of, nfe = np.array(note["of"]), [float(n) for n in note["nfe"]]
    rewards, chosen = statistics.measure(None).of(result), int(note["of"][result.best])
    if not np.isfinite(rewards[of == 0]).any():
        return None
    best = [float(np.nanmax(rewards[of == k])) for k in (0, chosen)]
    return chosen != 0, best[0], best[1], nfe[chosen] / sum(nfe), nfe[0] / sum(nfe)


def _table(run: Run, entry: SearchRecord) -> Html:
    result = entry.result
    assert result is not None
    note = _note(result) or {}
    of, nfe = np.array(note["of"]), [float(n) for n in note["nfe"]]
    measures = [m for m in statistics.measures([result], run.reward) if m.key is not None and "." not in m.key]
    values = {m.label: m.of(result) for m in measures}
    rewards = statistics.measure(None).of(result)
    texts = [entry.prompt.text, *entry.prompt.variants]
    rows = []
    for k in range(len(nfe)):
        mine, name = of == k, "original" if not k else f"variant {k}"
        label = el("b", name) if k == int(note["of"][result.best]) else name
        rows.append([
            [label, el("small", texts[k] if k < len(texts) else NONE)], f"{int(mine.sum())}",
            f"{number(100 * nfe[k] / max(sum(nfe), 1), 0)} %", _shown(rewards[mine], np.nanmean),
            _shown(rewards[mine], np.nanmax), *(_shown(v[mine], np.nanmean) for v in values.values()),
        ])  # fmt: skip
    heads = ["Wording", "Videos", "Share", "Mean reward", "Best reward", *values]
    return el("div", el("h3", entry.name), grid(heads, rows, f"Wordings of {entry.name}", "wordings"))


def _shown(values: np.ndarray, reduce: Any) -> str:
    return number(float(reduce(values)), 4) if np.isfinite(values).any() else NONE


def _adherence(results: Sequence[Result]) -> bool:
    """Whether something was measured that compares a video with the text or the truth."""
    keys = {key for result in results for final in result.finals for key in final.rewards}
    return any(key.startswith(statistics.TRUTH) or any(word in key for word in READS) for key in keys)


def _note(result: Result) -> Mapping[str, Any] | None:
    note = result.notes.get(NOTE)
    return note if isinstance(note, Mapping) and note.get("of") else None
