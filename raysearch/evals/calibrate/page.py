"""The page of a calibration: verdicts first, then what each stands on. One HTML file that needs nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from raysearch.evals.calibrate.corruptions import CORRUPTIONS
from raysearch.evals.calibrate.forest import forest
from raysearch.evals.calibrate.statistics import Interval
from raysearch.evals.calibrate.study import Calibration, VerifierRow
from raysearch.evals.calibrate.verdicts import ABOVE, FEW
from raysearch.evals.calibrate.words import pasted, shares
from raysearch.report.components import card, grid, header, links, notices, section, small
from raysearch.report.document import asset, document
from raysearch.report.markup import NONE, Html, count, el, number
from raysearch.report.plots import Series, against
from raysearch.report.statistics import Measure

PARTS = {"ranks": "Ranking", "notices": "Broken motion", "previews": "Previews", "strength": "Strength",
         "fusions": "Several as one"}  # fmt: skip


def page(c: Calibration, beside: Mapping[str, str] | None = None) -> str:
    """The HTML document.

    Args:
        c: What it shows.
        beside: Files beside the page, by what they are called.
    """
    first = c.rows[0]
    facts = ["raysearch calibrate", c.source, count(c.prompts, "prompt"), count(c.scenes, "scene"),
             f"{c.candidates:.3g} candidates each"]  # fmt: skip
    below = [_ranked(c), _noticed(c), _previews(c), _strengths(c), _fused(c)]
    parts = {name: id for id, name in PARTS.items() if any(f'<section id="{id}"' in s for s in below if s)}
    top = header(facts, _headline(c, first), [_lede(c, first)], links(beside or {}), parts)
    body = el("main", top, notices(c.notes), below)
    return document(f"Calibration of {first.label}", body, scripts=[asset("raysearch.report", "tables.js")])


def band(x: Interval, share: bool = False) -> str:
    """A value with its interval, or a paired share, whose interval is kept less 1/2."""
    if share:
        return shares(x)
    value = number(x.value, 2, sign=True, missing=NONE)
    return value if math.isnan(x.low) else f"{value} [{number(x.low, 2, sign=True)}, {number(x.high, 2, sign=True)}]"


def _cell(x: Interval, share: bool = False) -> Any:
    """A value above its interval."""
    value, _, ends = band(x, share).partition(" ")
    return [value, el("small", ends) if ends else None]


def _headline(c: Calibration, first: VerifierRow) -> str:
    if first.ranking is not None:
        return f"{first.label}: {first.verdict}, with a rank correlation of {band(first.ranking.rho)}"
    if first.noticed is not None:
        return f"{first.label}: {first.noticed.verdict}, and without a truth its ranking is not known"
    return f"{first.label}: without a truth its ranking is not known"


def _lede(c: Calibration, first: VerifierRow) -> str:
    if first.ranking is None or first.worth is None:
        return (
            "Corruptions of your own clips tell whether gross errors are seen. They do not tell whether near-misses "
            "of a generator are ranked: that needs scores of some clips."
        )
    w = first.worth
    return (
        f"The correlation is that with {c.truth} among the candidates of a prompt, the mean over "
        f"{count(first.ranking.rho.scenes, 'scene')} with its 90 % interval. Choosing by it gives {number(w.chosen)}, "
        f"a random choice {number(w.random)}, the oracle {number(w.oracle)}: {band(w.share)} of the oracle's gain."
    )


def _ranked(c: Calibration) -> Html | None:
    if not c.truth:
        return None
    heads = ["Verifier", "Verdict", "Rank corr.", "Share of gain", "Over random", "Regret", "p", "Seconds a score"]
    rows, shown = [], []
    for r in c.rows:
        if r.ranking is None or r.worth is None:
            continue
        good = {ABOVE: "better", FEW: ""}.get(r.verdict, "worse")
        rows.append([
            [r.label, el("small", "control") if r.role == "control" else None],
            el("span", r.verdict, class_=f"verdict {good}"), _cell(r.ranking.rho),
            _cell(r.worth.share), _cell(r.worth.gain), _cell(r.worth.regret), number(r.ranking.p, 3),
            number(r.seconds, 3, missing=NONE),
        ])  # fmt: skip
        shown.append((r.label, r.ranking.rho))
    why = [el("li", el("b", r.label), f": {r.why}.") for r in c.rows if r.why]
    text = (
        "Rank correlation: Spearman's, within prompts, averaged over scenes, with the 90 % interval of Student's t. "
        "Above chance: all of it is above 0, and p, which asks for the best of these verifiers with the truth permuted "
        "within prompts, is at most .05. Share of gain: what choosing by "
        "the verifier takes of what the oracle takes over a random choice; its interval is wider, so it is the size of "
        "the effect and not the test. Over random and regret: what choosing by it takes over a random choice and what "
        f"the oracle takes over it, in units of {c.truth}. Controls: the amount of motion, and networks with random "
        "weights."
    )
    return section(
        "Does it rank your clips?", el("div", card("Rank correlation with the truth", forest(shown), ""),
        class_="plots"), grid(heads, rows, "Verdict on every verifier", "figures verdicts", sort=True),
        el("ul", why, class_="small") if why else None, small(text), id="ranks",
    )  # fmt: skip


def _noticed(c: Calibration) -> Html | None:
    found = [(r.label, r.noticed) for r in c.rows if r.noticed is not None]
    if not found:
        return None
    names = [n for n in CORRUPTIONS if any(n in x.by for _, x in found)]
    heads = ["Corruption", "Kind", *(label for label, _ in found)]
    rows = [
        [n, CORRUPTIONS[n][0], *(_cell(x.by[n].share, share=True) if n in x.by else NONE for _, x in found)]
        for n in names
    ]
    verdicts = [el("li", el("b", label), f": {x.verdict}; violations {band(x.violations, share=True)}"
                   + (f"; {x.why}" if x.why else "") + ".") for label, x in found]  # fmt: skip
    clips = max(p.clips for _, x in found for p in x.by.values())
    text = (
        f"Share of {count(clips, 'clip')} that are preferred to their own corruption, with the 90 % interval over "
        "prompts; .50 is chance. Violations break a law whatever is shown; a bounce may be as possible backwards. A "
        "judge of physics has no preference between a clip and a control, and never prefers a still picture. A "
        "corruption tells whether gross errors are seen, not whether near-misses are ranked."
    )
    return section("Does it notice broken motion?", grid(heads, rows, "Corruptions by verifier", "figures"),
                   el("ul", verdicts, class_="small"), small(text), id="notices")  # fmt: skip


def _previews(c: Calibration) -> Html | None:
    if not c.previews:
        return None
    final = "with the final reward"
    lines: dict[str, Series] = {
        final: [(p.step, p.agreement.value, p.agreement.low, p.agreement.high) for p in c.previews]
    }
    if all(p.truth for p in c.previews):
        lines["with the truth"] = [(p.step, p.truth.value, p.truth.low, p.truth.high) for p in c.previews if p.truth]
    heads = ["Step", "Agreement", "Worst scene", "Slope", "Truth", "Enough to"]
    rows = [
        [f"{p.step} of {p.of}", _cell(p.agreement), number(p.worst, 2, sign=True), number(p.slope, 2),
         _cell(p.truth) if p.truth else NONE, p.use or NONE] for p in c.previews
    ]  # fmt: skip
    text = (
        "Agreement: rank correlation of the preview's reward with that of the finished video, within prompts. From .6 "
        "on half of the candidates may be dropped by it, from .8 on three quarters, if the preview itself ranks the "
        "truth above chance. Slope: of the final reward on the preview's, the best multiple of lambda at that read "
        "(search.slopes)."
    )
    plot = card("Previews", against(lines, "step", Measure("rho", "rank correlation", better=1)), "90 % intervals.")
    return section("When is a preview enough?", el("div", plot, class_="plots"),
                   grid(heads, rows, "Previews by step", "figures"), small(text), id="previews")  # fmt: skip


def _strengths(c: Calibration) -> Html | None:
    heads = ["Reward", "Spread", "lambda", "Corr. with the truth", "lambda x corr."]
    rows = [[s.label, number(s.spread, missing=NONE), number(s.lam, missing=NONE), _cell(s.r) if s.r else NONE,
             number(s.tempered, missing=NONE)] for s in c.strengths]  # fmt: skip
    text = (
        "Spread: standard deviation within prompts. lambda: 1.9 / spread, a tilt as strong as best of 16; in a job "
        "search.lam={sd: 1.9}, which measures the spread itself. With norm: variance it is the scale of a guide, too. "
        "Times the correlation with the truth the tilt is no stronger than the evidence."
    )
    table = grid(heads, rows, "lambda by reward", "figures")
    return section("How strongly?", table, small(text), id="strength") if rows else None


def _fused(c: Calibration) -> Html | None:
    if not c.fusions:
        return None
    alone = c.rows[0].label
    rows = [[f.name, _cell(f.share), _cell(f.more),
             ", ".join(f"{number(w, 2, True)} {n}" for n, w in f.weights.items())] for f in c.fusions]  # fmt: skip
    best = next((f for f in c.fusions if f.name == c.recommended), None)
    if best is None:
        verdict: Any = el("p", f"None takes clearly more than {alone} alone, so keep to it.")
    else:
        verdict = [el("p", f"{best.name} takes clearly more than {alone} alone. To use it:"),
                   [el("pre", line) for line in pasted(best)]]  # fmt: skip
    text = (
        "Share of the oracle's gain in scenes that were left out of the fit. Ridge: weights of normal scores of ranks "
        "within the prompt, fitted to the truth. Gated: candidates that move less than that share of the prompt's "
        "median are left out. The more ways are tried, the likelier one looks better by luck: confirm it on new scenes."
    )
    heads = ["Way", "Share of gain", f"More than {alone} alone", "Weights"]
    table = grid(heads, rows, "Fusions", "figures fusions")
    return section("Several as one", verdict, table, small(text), id="fusions")
