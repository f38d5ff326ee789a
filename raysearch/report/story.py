"""The text at the top of the report: the result in one sentence, what it rests on, and reasons for doubt.

The sentence follows from the interval alone: it says so if the change is not clear, and claims nothing for few prompts.
"""

from __future__ import annotations

import math

from raysearch.report import statistics, steering
from raysearch.report.markup import Html, count, decimals, el, number
from raysearch.report.reading import Run
from raysearch.report.statistics import FEW, Comparison


def leading(rows: list[Comparison]) -> Comparison | None:
    """The measure of the headline: the trajectory error, else another truth, else the search reward."""

    def rank(row: Comparison) -> tuple[bool, bool, bool]:
        return row.measure.key != statistics.ERROR, not row.measure.truth, row.measure.key is not None

    return min(rows, key=rank, default=None)


def name(run: Run) -> str:
    """The search with its size, as the beginning of a sentence."""
    guide = "Guided b" if steering.guided(run) else "B"
    if run.independent:
        return f"{guide}est of {run.population}"
    return f"{run.strategy}{', guided' if steering.guided(run) else ''} ({count(run.population, 'final')})"


def headline(run: Run, row: Comparison | None) -> str:
    """The headline, one sentence. row: the comparison that `leading` chose."""
    if row is None and run.results:
        return f"Nothing to compare: no candidate of {count(len(run.results), 'prompt')} has a finite reward"
    if row is None:
        failed = sum(e.error is not None for e in run.entries)
        return f"No search finished: {failed} of {count(len(run.entries), 'prompt')} failed"
    m, on = row.measure, _on(run, row)
    places = decimals([row.random, row.chosen], row.step)
    label = f"mean {m.label}" if m.key else "mean search reward"
    before, after = number(row.random, places), number(row.chosen, places)
    unit = f" {m.unit}" if m.unit else ""
    if run.population == 1:
        return f"One candidate per prompt, nothing to choose from: {label} {after}{unit} on {on}"
    what = name(run)
    if row.prompts < FEW:
        return f"{what} on {on}: {label} {after}{unit}, a random choice {before}{unit}; too few prompts to tell"
    if not run.independent:
        doubt = "" if row.clear else ", no clear difference"
        return f"{what} chose videos of {label} {after}{unit} on {on}; its final population has {before}{unit}{doubt}"
    if not row.clear:
        return f"{what} did not clearly change the {label}: {before} to {after}{unit} on {on}"
    verb = "raised" if row.change > 0 else "lowered"
    return f"{what} {verb} the {label} from {before} to {after}{unit} on {on}"


def lede(run: Run, row: Comparison | None) -> list[str]:
    """Sentences on what the headline rests on: interval, baseline, oracle, and what was measured."""
    if row is None:
        return []
    m, sentences = row.measure, []
    places = decimals([row.random, row.chosen], row.step)
    unit = f" {m.unit}" if m.unit else ""
    if run.population > 1:
        text = f"Change {number(row.change, places, sign=True)}{unit}"
        if not math.isnan(row.low):
            low, high = (number(v, places, sign=True) for v in (row.low, row.high))
            text += f" [95 % interval over prompts {low} to {high}]"
        sentences.append(f"{text}, against {_baseline(run)}.")
        gap = row.random - row.oracle
        if not math.isnan(gap) and gap:
            share = (row.random - row.chosen) / gap
            closes = (
                f"closes {number(100 * share, 0)} % of that gap"
                if share >= 0
                else "is farther from it than a random one"
            )
            sentences.append(
                f"The best candidate by truth, which no search can know, reaches {number(row.oracle, places)}{unit}; "
                f"the choice {closes}."
            )
    if not m.truth:
        sentences.append("No truth was measured in this run: a higher reward alone does not show more physical videos.")
    elif run.reward.startswith(statistics.TRUTH):
        sentences.append(
            "The search maximised the truth itself, known in the tiny world only: this is a bound, not a result."
        )
    else:
        sentences.append(f"The search saw the reward {run.reward} alone; the {m.label} was measured, not optimised.")
    return sentences


def _on(run: Run, row: Comparison) -> str:
    scenes = all(e.prompt.scene is not None for e in run.entries if e.result)
    return count(row.prompts, "held-out scene" if scenes else "prompt")


def _baseline(run: Run) -> str:
    if run.independent:
        return "a random one of the same candidates (N = 1)"
    return "a random one of its final population, which the search has steered already"


def interim(run: Run) -> str:
    """The notice on a run that is not finished, and how to resume it."""
    assert run.progress is not None
    done, of = run.progress
    return (
        f"Interim report: {done} of {count(of, 'search')} {'is' if done == 1 else 'are'} finished, and only these are "
        "shown. They are those that ended first and not a random sample, and all numbers will change. If the run has "
        "been stopped, the same command resumes it."
    )


def notices(run: Run) -> list[Html]:
    """Notices for the reader, as short boxes."""
    said = [interim(run)] if run.progress else []
    results = run.results
    failed = len(run.entries) - len(results)
    if failed and results:
        said.append(f"{failed} of {count(len(run.entries), 'search')} failed and count nowhere; see Failures.")
    frozen = sum(statistics.frozen(r) is not None for r in results)
    if frozen:
        said.append(
            f"In {frozen} of {count(len(results), 'prompt')} the chosen video moves less than half as much as the "
            "median candidate: it may have won by standing still."
        )
    if 0 < len(results) < FEW:
        said.append(f"{count(len(results), 'prompt')} only: below {FEW}, intervals over prompts mean little.")
    if results and not run.independent:
        said.append(
            "The finals of this search are no independent draws. First and random describe its final population, not "
            "unsteered samples; for that baseline, run best_of_n with the same seed at the same number of function "
            "evaluations."
        )
    nan = sum(statistics.unscored(r) for r in results)
    if nan:
        total = sum(len(r.finals) for r in results)
        said.append(f"{nan} of {count(total, 'candidate')} could not be scored and are left out of every mean.")
    return [el("p", text, class_="notice") for text in said]
