"""The page of a run, from top to bottom."""

from __future__ import annotations

from collections.abc import Mapping

from raysearch.report import (
    breaks,
    budget,
    choice,
    curves,
    downloads,
    films,
    gallery,
    plots,
    sampler,
    sections,
    statistics,
    steering,
    story,
    timeline,
    wordings,
)
from raysearch.report.components import card, cards, header, legend, section, settings
from raysearch.report.document import asset, document
from raysearch.report.markup import NONE, Html, count, el
from raysearch.report.reading import Run
from raysearch.report.statistics import MOTION, Comparison

SAME = "On the same versions and kind of hardware, the same job gives the same hash, whatever the number of replicas."

PARTS = {"Measures": "measures", "Videos": "videos", "Budget": "budget", "Time line": "timeline",
         "Settings": "configuration"}  # fmt: skip


def page(run: Run, limit: float = films.LIMIT, beside: bool = True) -> str:
    """The page as HTML.

    Args:
        run: What a run folder holds.
        limit: Bytes of base64 video that the page may hold.
        beside: Whether the page lies in the run folder, so that it may link to the files there.
    """
    rows = [r for m in statistics.measures(run.results, run.reward) if (r := statistics.row(run.results, m))]
    lead = story.leading(rows)
    title = story.headline(run, lead)
    notices = [steering.notices(run), story.notices(run), sampler.notices(run), wordings.notices(run)]
    below = [
        steering.table(run), sections.table(run, rows), wordings.wordings(run), breaks.breaks(run),
        _plots(run, lead), choice.choice(run), gallery.gallery(run, limit, beside), sections.failures(run),
        sampler.sampler(run), sampler.spread(run), budget.budget(run),
        timeline.timeline(timeline.read(str(run.folder))), sections.notes(run),
        settings(run.config, run.config_text, {**run.versions, "hash of the results": run.hash or NONE}, SAME),
    ]  # fmt: skip
    there = {name: id for name, id in PARTS.items() if any(f'<section id="{id}"' in s for s in below if s)}
    body = el("main", _header(run, title, lead, beside, there), notices, below)
    title = f"{run.folder.resolve().name}: {title}"
    scripts = [asset("raysearch.report", name) for name in ("tables.js", "script.js")]
    return document(title, body, scripts=scripts, media="data: 'self' file:" if beside else "data:")


def _header(run: Run, title: str, lead: Comparison | None, beside: bool, parts: Mapping[str, str]) -> Html:
    seed = run.config.get("seed")
    strategy = f"{run.strategy}, guided" if steering.guided(run) else run.strategy
    facts = [
        "raysearch report" if run.progress is None else "raysearch interim report",
        run.folder.resolve().name,
        strategy,
    ]
    facts += [f"seed {seed}"] if seed is not None else []
    sentences = story.lede(run, lead)
    if lead is not None:
        sentences[1:1] = steering.sentences(run, lead.measure)
    return header(facts, title, sentences, downloads.beside(run) if beside else None, parts)


def _plots(run: Run, lead: Comparison | None) -> Html | None:
    if lead is None:
        return None
    results, names = run.results, [e.name for e in run.entries if e.result is not None]
    reward, truth = statistics.measure(None, run.reward), lead.measure if lead.measure.truth else None
    shown, prompts = list[Html | None](), dict[str, int]()
    if run.independent:
        shown += [_curve(run, m) for m in (truth, reward) if m is not None]
    for m in (truth, statistics.measure(MOTION)):
        if m is not None and m.key != run.reward and (drawn := plots.scatter(results, names, m)) is not None:
            what = "colours are prompts, rings mark" if len(names) <= plots.COLOURS else "rings in the accent mark"
            text = f"All candidates; {what} the chosen."
            shown.append(card(f"Search reward and {m.label}", drawn, text))
            prompts = {name: i for i, name in enumerate(names)} if 1 < len(names) <= plots.COLOURS else {}
    drawn_cards, named = cards(shown), legend(prompts) if prompts else None
    return None if drawn_cards is None else section("Reward against what was measured", drawn_cards, named)


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
    return card(f"Best of N: {m.label}", plots.best_of(curve), text)
