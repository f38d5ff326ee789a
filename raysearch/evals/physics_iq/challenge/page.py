"""challenge.html: one self-contained page. Systems with both scores, curves over N, selectors, correlation, costs."""

from __future__ import annotations

import math
from typing import Any
from urllib.parse import quote

from raysearch.config.settings import Job
from raysearch.evals.physics_iq.challenge.selection import ORACLE
from raysearch.report.components import grid, section
from raysearch.report.document import document
from raysearch.report.markup import NONE, Html, el, number
from raysearch.report.plots import Series, against
from raysearch.report.statistics import Measure

VERIFIED = Measure("verified", "Verified score", "%", better=1)


def page(job: Job, found: dict[str, Any]) -> str:
    """The page of a challenge.

    Args:
        job: The job.
        found: What challenge.json has.

    Returns:
        The HTML document.
    """
    best = found["systems"][found["best"]]
    data = f"{found['data']}{', stand-in' if found['stand_in'] else ''}, {found['track'].upper()}"
    title = f"{data}: {found['best']} reaches {_pm(best['score'])}"
    body = el(
        "main", el("header", el("p", f"raysearch challenge · {job.run}", class_="kicker"), el("h1", title),
                   [el("p", text, class_="lede") for text in _lede(found)]),
        section("Systems", _systems(found),
           el("p", "The intervals are bootstraps over scenarios, paired for the gains; both are of the first run.",
              class_="small")),
        [_pool(name, pool) for name, pool in found["pools"].items()],
        section("Costs", _costs(found)),
    )  # fmt: skip
    return document(title, body)


def _lede(found: dict[str, Any]) -> list[str]:
    sentences = [
        f"{found['views']} of {found['of_views']} views, {found['fps']} frames per second, {found['seconds']:g} s."
    ]
    if found["stand_in"]:
        sentences.append(
            "The data set is the stand-in drawn by the tiny world, not Physics-IQ; its scores can only be compared "
            "with each other."
        )
    if found["partial"]:
        sentences.append("Not all views are finished: these numbers will change.")
    if found["upscale"] != "none":
        sentences.append("Clips were enlarged to the size of the real ones before scoring.")
    sentences.append("The best system was chosen on these same views; a claim needs the mean of four runs.")
    return sentences


def _systems(found: dict[str, Any]) -> Html:
    parts = ("spatial", "spatiotemporal", "weighted_spatial", "mse")
    head = [
        "system",
        "runs",
        "Verified",
        "95 %",
        "gain over base",
        "95 %",
        "original",
        *(f"{p.replace('_', ' ')}" for p in parts),
    ]
    rows = []
    for name, s in found["systems"].items():
        gain = s.get("gain")
        rows.append([
            name, s["runs"], _pm(s["score"]), _band(s["run_01"]["interval"].get("verified")),
            NONE if gain is None else number(gain["mean"], 1, sign=True), _band(gain and gain["interval"]),
            _pm(s["original"]), *(_pm(s[p]) for p in parts),
        ])  # fmt: skip
    return grid(head, rows, "Systems", "figures")


def _pool(name: str, pool: dict[str, Any]) -> Html:
    curves, ranks = pool["curves"], pool["correlations"]
    ns = curves["n"]
    head = ["chosen by", *(f"N = {n}" for n in ns), f"original, N = {ns[-1]}", "rank correlation with the score"]
    rows: list[list[Any]] = [["random", *[number(curves[ORACLE]["verified"][0], 1)] * len(ns),
                              number(curves[ORACLE]["original"][0], 1), NONE]]  # fmt: skip
    for key, c in curves.items():
        if key == "n":
            continue
        rank = ranks.get(key, {}).get("mean")
        rows.append([key, *(number(v, 1) for v in c["verified"]), number(c["original"][-1], 1),
                     NONE if rank is None else number(rank, 2, sign=True)])  # fmt: skip
    return section(f"Choosing among candidates: {name}", _plot(curves), grid(head, rows, "Selectors", "figures"),
              el("p", "Expected Verified score when each selector keeps one of N; random keeps any. The oracle "
                      "knows the score.", class_="small"))  # fmt: skip


def _plot(curves: dict[str, Any]) -> Html:
    """The expected score against N, a line per selector, with the 95 % interval over scenarios where there is one."""
    n = [float(k) for k in curves["n"]]
    random = float(curves[ORACLE]["verified"][0])
    lines: dict[str, Series] = {"random": [(k, random, math.nan, math.nan) for k in n]}
    for name, c in curves.items():
        if name != "n":
            low, high = ([math.nan if v is None else float(v) for v in c[end]] for end in ("low", "high"))
            lines[name] = list(zip(n, c["verified"], low, high, strict=True))
    drawn = against(lines, "candidates per view, N", VERIFIED)
    note = "Whiskers: 95 % interval over scenarios."
    return el("div", el("figure", drawn, el("figcaption", note), class_="card"), class_="plots")


def _costs(found: dict[str, Any]) -> Html:
    rows = [
        [el("a", name, href=f"{quote(name)}/report.html"), f"{c['nfe']:,}", f"{c['reward_calls']:,}",
         number(c["generate_s"], 1), number(c["reward_s"], 1)]
        for name, c in found["costs"].items() if c
    ]  # fmt: skip
    heads = ["run", "network evaluations", "reward calls", "generator seconds", "reward seconds"]
    return grid(heads, rows, "Costs", "figures")


def _band(band: list[float] | None) -> str:
    return NONE if not band or None in band else f"{number(band[0], 1)} to {number(band[1], 1)}"


def _pm(value: dict[str, Any]) -> str:
    if value["std"] is None:
        return number(value["mean"], 1)
    return f"{number(value['mean'], 1)} ± {number(value['std'], 1)}"
