"""What a guide did: its reward beside all held-out measures, compared with the same search without guide.

A gradient can please a reward without making anything better. So every measure of the chosen video is compared with
that of the unguided search, paired by prompt; if the reward clearly rises while a held-out measure clearly falls, the
page and the terminal say so. Intervals are those of `statistics`: bootstrap over prompts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from raysearch.report import statistics
from raysearch.report.components import grid, range_of, section
from raysearch.report.markup import Html, count, decimals, el, number
from raysearch.report.paired import Paired, paired
from raysearch.report.reading import Run
from raysearch.report.statistics import FEW, MOTION, Measure

STILL = 0.9  # share of the unguided motion below which a clear loss of it is a warning


def guided(run: Run) -> bool:
    """Whether the run's search was steered."""
    search = run.config.get("search")
    return bool(run.unguided) or (isinstance(search, Mapping) and bool(search.get("guide")))


def effects(run: Run) -> list[Paired]:
    """The effect on the reward, then on each held-out measure; details of the optimised reward are not held out."""
    plain = {e.prompt.id: e.result for e in run.unguided if e.result is not None}
    pairs = [(plain[e.prompt.id], e.result) for e in run.entries if e.result is not None and e.prompt.id in plain]
    known = [m for m in statistics.measures([r for pair in pairs for r in pair], run.reward)
             if m.key is None or not m.key.startswith(f"{run.reward}.")]  # fmt: skip
    return paired(pairs, known)


def alarming(e: Paired) -> bool:
    """Whether a held-out measure became clearly worse, or motion clearly fell below STILL of the unguided one."""
    if e.measure.key == MOTION:
        return e.verdict == "less" and e.after < STILL * e.before
    return e.verdict == "worse"


def warnings(run: Run) -> list[str]:
    """One line if the guide raised its reward while a held-out measure became worse; else none."""
    found = effects(run)
    reward = next((e for e in found if e.measure.key is None), None)
    lost = [e for e in found if e.measure.key is not None and alarming(e)]
    if reward is None or not lost or reward.verdict != "better":
        return []
    worse = ", ".join(f"{e.measure.label} {_from_to(e)}" for e in lost)
    return [
        f"the guide raised the reward ({_from_to(reward)}) while measures that were held out from it became worse: "
        f"{worse}; this indicates reward hacking: lower search.guide.scale, or leave the guide out"
    ]


def notices(run: Run) -> list[Html]:
    """Warnings for the reader of a steered run."""
    if not guided(run):
        return []
    said = [f"Warning: {text}." for text in warnings(run)]
    if not run.unguided and run.progress is None:
        said.append(
            "This run was steered by a guide and has no unguided baseline (baseline: false), so this page cannot show "
            "whether the reward rose at the cost of what it does not measure."
        )
    return [el("p", text, class_="notice") for text in said]


def sentences(run: Run, m: Measure) -> list[str]:
    """What the guide changed in a measure, for the top of the page; empty without an unguided baseline."""
    found = [e for e in effects(run) if e.measure.key == m.key]
    return [f"Against the same search without guide the change is {_change(e)}." for e in found]


def table(run: Run) -> Html | None:
    """The section of the page; None for a run without guide or baseline."""
    found = effects(run)
    if not found:
        return None
    rows = [_row(e) for e in found]
    heads = ["Measure", "Guided", "Change", "95 % interval", "", "Unguided"]
    corrected = (
        "Its steps are corrected by the weights of the search (strict), which so still samples its target."
        if run.strategy == "smc"
        else "Nothing corrects it: these videos come from the guided law, not from the generator's own."
    )
    text = (
        f"The chosen video of the guided search against that of the same search, seeds and budget of steps without "
        f"guide, means over {count(max(e.prompts for e in found), 'prompt')}, paired. The guide follows the search "
        f"reward, {run.reward}; all other measures were held out from it. {corrected}"
    )
    if max(e.prompts for e in found) < FEW:
        text += f" Below {FEW} prompts no verdict is given."
    cost = [sum(e.cost.nfe for e in entries) for entries in (run.unguided, run.entries)]
    gradients = sum(e.cost.gradients for e in run.entries)
    spent = f"It took {cost[1]:,} network evaluations and {gradients:,} gradients, without guide {cost[0]:,}."
    return section(
        "What the guide did", grid(heads, rows, "Guided against unguided", "measures"),
        el("p", text, class_="small"), None if run.progress else el("p", spent, class_="small"),
    )  # fmt: skip


def _row(e: Paired) -> list[Any]:
    places = decimals([e.before, e.after], e.step)
    unit = el("span", f" {e.measure.scale}", class_="unit")
    label = [e.measure.label, unit, el("small", "the reward of the guide" if e.measure.key is None else e.measure.key)]
    verdict = el("span", e.verdict, class_=f"verdict {e.verdict}") if e.verdict else None
    interval = range_of(e.low, e.high, places, sign=True)
    return [
        label, el("b", number(e.after, places)), number(e.change, places, sign=True), interval, verdict,
        number(e.before, places),
    ]  # fmt: skip


def _change(e: Paired) -> str:
    places, unit = decimals([e.before, e.after], e.step), f" {e.measure.unit}" if e.measure.unit else ""
    ends = range_of(e.low, e.high, places, sign=True)
    return f"{number(e.change, places, sign=True)}{unit} [{ends}]"


def _from_to(e: Paired) -> str:
    places = decimals([e.before, e.after], e.step)
    unit = f" {e.measure.unit}" if e.measure.unit else ""
    return f"{number(e.before, places)} to {number(e.after, places)}{unit}"
