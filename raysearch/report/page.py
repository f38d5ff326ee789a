"""The whole page, from top to bottom. Style and script lie beside this file and are put in as they are.

Invariant: the page asks nothing of any network; its content security policy has the browser enforce that.
"""

from __future__ import annotations

from importlib import resources

from raysearch.report import budget, choice, films, plots, sampler, sections, statistics, steering, story
from raysearch.report.markup import Html, count, el
from raysearch.report.reading import Run
from raysearch.report.statistics import MOTION, Row

_POLICY = "default-src 'none'; media-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def page(run: Run, limit: float = films.LIMIT) -> str:
    """The document. limit: bytes of base64 video it may hold."""
    rows = [r for m in statistics.measures(run.results, run.reward) if (r := statistics.row(run.results, m))]
    lead = story.leading(rows)
    title = story.headline(run, lead)
    body = el(
        "main", _header(run, title, lead),
        steering.notices(run), story.notices(run), sampler.notices(run), steering.table(run),
        sections.table(run, rows), _plots(run, lead),
        choice.choice(run), sampler.sampler(run), sampler.spread(run),
        sections.prompts(run, limit), sections.failures(run), budget.budget(run),
        sections.notes(run), sections.configuration(run),
    )  # fmt: skip
    return document(f"{run.folder.resolve().name}: {title}", body)


def document(title: str, body: Html) -> str:
    """A whole page around a body: style, script and the policy that keeps it off every network."""
    head = el(
        "head", el("meta", charset="utf-8"), el("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("title", title), el("style", _asset("style.css")),
    )  # fmt: skip
    script = el("script", _asset("script.js"))
    return "<!DOCTYPE html>\n" + el("html", head, "\n", el("body", body, script), lang="en") + "\n"


def _asset(name: str) -> Html:
    return Html(resources.files("raysearch.report").joinpath(name).read_text(encoding="utf-8"))


def _header(run: Run, title: str, lead: Row | None) -> Html:
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


def _plots(run: Run, lead: Row | None) -> Html | None:
    if lead is None:
        return None
    results, names = run.results, [e.name for e in run.entries if e.result is not None]
    reward, truth = statistics.measure(None, run.reward), lead.measure if lead.measure.truth else None
    shown: list[Html | None] = []
    if run.independent:
        shown += [_curve(run, m) for m in (truth, reward) if m is not None]
    for m in (truth, statistics.measure(MOTION)):
        if m is not None and (drawn := plots.scatter(results, names, m)) is not None:
            told = "All candidates; colours are prompts, rings mark the chosen."
            if len(names) > plots.COLOURS:
                told += f" Colours repeat after {plots.COLOURS} prompts."
            shown.append(_card(f"Search reward and {m.label}", drawn, told))
    shown = [s for s in shown if s is not None]
    if not shown:
        return None
    return sections.section("What the search knew, and what it won", el("div", shown, class_="plots"))


def _curve(run: Run, m: statistics.Measure) -> Html | None:
    curve = statistics.curve(run.results, m)
    if curve is None:
        return None
    told = (
        "Unbiased estimate from all candidates of a prompt, mean over "
        f"{count(curve.prompts, 'prompt')}. The band is the 95 % interval of the difference from random choice."
    )
    if any("choose" in r.notes for r in run.results):
        told += " Chosen by the search reward here: a final choice has no such curve."
    if curve.short:
        told += f" {count(curve.short, 'prompt')} left out: less than half of the candidates were scored and measured."
    return _card(f"Best of N: {m.label}", plots.best_of(curve), told)


def _card(title: str, plot: Html, told: str) -> Html:
    return el("figure", el("h3", title), plot, el("figcaption", told), class_="card")
