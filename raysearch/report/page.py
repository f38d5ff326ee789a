"""The page of a run, from top to bottom."""

from __future__ import annotations

from raysearch.report import (
    breaks,
    budget,
    choice,
    curves,
    films,
    plots,
    sampler,
    sections,
    statistics,
    steering,
    story,
    wordings,
)
from raysearch.report.document import asset, document
from raysearch.report.markup import Html, count, el
from raysearch.report.reading import Run
from raysearch.report.statistics import MOTION, Comparison


def page(run: Run, limit: float = films.LIMIT) -> str:
    """The page as HTML.

    Args:
        run: What a run folder holds.
        limit: Bytes of base64 video that the page may hold.
    """
    rows = [r for m in statistics.measures(run.results, run.reward) if (r := statistics.row(run.results, m))]
    lead = story.leading(rows)
    title = story.headline(run, lead)
    body = el(
        "main", _header(run, title, lead),
        steering.notices(run), story.notices(run), sampler.notices(run), wordings.notices(run),
        steering.table(run), sections.table(run, rows), wordings.wordings(run), breaks.breaks(run), _plots(run, lead),
        choice.choice(run), sampler.sampler(run), sampler.spread(run),
        sections.prompts(run, limit), sections.failures(run), budget.budget(run),
        sections.notes(run), sections.configuration(run),
    )  # fmt: skip
    title = f"{run.folder.resolve().name}: {title}"
    return document(title, body, scripts=[asset("raysearch.report", "script.js")], media="data:")


def _header(run: Run, title: str, lead: Comparison | None) -> Html:
    seed = run.config.get("seed")
    strategy = f"{run.strategy}, guided" if steering.guided(run) else run.strategy
    facts = [
        "raysearch report" if run.progress is None else "raysearch interim report",
        run.folder.resolve().name,
        strategy,
    ]
    facts += [f"seed {seed}"] if seed is not None else []
    return el(
        "header", el("p", " · ".join(facts), class_="kicker"), el("h1", title),
        [el("p", text, class_="lede") for text in story.lede(run, lead)],
    )  # fmt: skip


def _plots(run: Run, lead: Comparison | None) -> Html | None:
    if lead is None:
        return None
    results, names = run.results, [e.name for e in run.entries if e.result is not None]
    reward, truth = statistics.measure(None, run.reward), lead.measure if lead.measure.truth else None
    shown: list[Html | None] = []
    if run.independent:
        shown += [_curve(run, m) for m in (truth, reward) if m is not None]
    for m in (truth, statistics.measure(MOTION)):
        if m is not None and (drawn := plots.scatter(results, names, m)) is not None:
            text = "All candidates; colours are prompts, rings mark the chosen."
            if len(names) > plots.COLOURS:
                text += f" Colours repeat after {plots.COLOURS} prompts."
            shown.append(_card(f"Search reward and {m.label}", drawn, text))
    shown = [s for s in shown if s is not None]
    if not shown:
        return None
    return sections.section("Reward against what was measured", el("div", shown, class_="plots"))


def _curve(run: Run, m: statistics.Measure) -> Html | None:
    curve = curves.curve(run.results, m)
    if curve is None:
        return None
    text = (
        "Unbiased estimate from all candidates of a prompt, mean over "
        f"{count(curve.prompts, 'prompt')}. The band is the 95 % interval of the difference from random choice."
    )
    if any("choose" in r.notes for r in run.results):
        text += " Chosen by the search reward here: a final choice has no such curve."
    if curve.short:
        text += f" {count(curve.short, 'prompt')} left out: less than half of the candidates were scored and measured."
    return _card(f"Best of N: {m.label}", plots.best_of(curve), text)


def _card(title: str, plot: Html, caption: str) -> Html:
    return el("figure", el("h3", title), plot, el("figcaption", caption), class_="card")
