"""challenge.html: one self-contained page. Systems with both scores, curves over N, selectors, correlation, costs."""

from __future__ import annotations

import math
from importlib import resources
from typing import Any
from urllib.parse import quote

from raysearch.config.settings import Job
from raysearch.evals.physics_iq.challenge.selection import ORACLE
from raysearch.report.markup import NONE, Html, el, number

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_W, _H, _L, _B = 470, 310, 60, 46


def page(job: Job, found: dict[str, Any]) -> str:
    style = Html(resources.files("raysearch.report").joinpath("style.css").read_text(encoding="utf-8"))
    best = found["systems"][found["best"]]
    data = f"{found['data']}{', stand-in' if found['stand_in'] else ''}, {found['track'].upper()}"
    title = f"{data}: {found['best']} reaches {_pm(best['score'])}"
    body = el(
        "main", el("header", el("p", f"raysearch challenge · {job.run}", class_="kicker"), el("h1", title),
                   [el("p", text, class_="lede") for text in _lede(found)]),
        el("section", el("h2", "Systems"), _systems(found),
           el("p", "Intervals draw scenarios, gains pair them; both from the first run.", class_="small")),
        [_pool(name, pool) for name, pool in found["pools"].items()],
        el("section", el("h2", "What it took"), _costs(found)),
    )  # fmt: skip
    head = el("head", el("meta", charset="utf-8"), el("meta", http_equiv="Content-Security-Policy", content=_POLICY),
              el("meta", name="viewport", content="width=device-width, initial-scale=1"),
              el("meta", name="color-scheme", content="light dark"), el("title", title),
              el("style", style))  # fmt: skip
    return "<!DOCTYPE html>\n" + el("html", head, "\n", el("body", body), lang="en") + "\n"


def _lede(found: dict[str, Any]) -> list[str]:
    told = [f"{found['views']} of {found['of_views']} views, {found['fps']} frames per second, {found['seconds']:g} s."]
    if found["stand_in"]:
        told.append("The data set is the stand-in drawn by the tiny world, not Physics-IQ; scores compare systems here "
                    "and with nothing else.")  # fmt: skip
    if found["partial"]:
        told.append("Not all views are finished: these numbers will change.")
    if found["upscale"] != "none":
        told.append("Clips were enlarged to the size of the real ones before scoring.")
    told.append("Which system is best was seen on these very views; a claim needs the mean of four runs.")
    return told


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
    return _table(head, rows)


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
    return el("section", el("h2", f"Choosing among candidates: {name}"), _plot(curves), _table(head, rows),
              el("p", "Expected Verified score when each selector keeps one of N; random keeps any. The oracle "
                      "sees the score.", class_="small"))  # fmt: skip


def _plot(curves: dict[str, Any]) -> Html:
    lines = {"random": [curves[ORACLE]["verified"][0]] * len(curves["n"])}
    lines |= {k: c["verified"] for k, c in curves.items() if k != "n"}
    low, high = min(min(v) for v in lines.values()), max(max(v) for v in lines.values())
    pad = (high - low) * 0.08 or 1.0
    top = math.log2(curves["n"][-1]) or 1.0

    def at(n: int, value: float) -> tuple[float, float]:
        across = _L + math.log2(n) / top * (_W - _L - 20)
        return round(across, 1), round(20 + (high + pad - value) / (high - low + 2 * pad) * (_H - 20 - _B), 1)

    parts: list[Any] = []
    for k, (name, values) in enumerate(lines.items()):
        points = [at(n, v) for n, v in zip(curves["n"], values, strict=True)]
        colour = f"var(--s{k % 8})"
        parts.append(el("polyline", points=" ".join(f"{x},{y}" for x, y in points), fill="none", stroke=colour,
                        stroke_width=2))  # fmt: skip
        parts.append(el("line", x1=_L + 8, x2=_L + 30, y1=30 + 16 * k, y2=30 + 16 * k, stroke=colour, stroke_width=2))
        parts.append(el("text", name, x=_L + 37, y=34 + 16 * k, class_="tick"))
    for n in curves["n"]:
        parts.append(el("text", n, x=at(n, low)[0], y=_H - 26, class_="tick", text_anchor="middle"))
    for value in (low, (low + high) / 2, high):
        parts.append(el("text", number(value, 1), x=_L - 10, y=at(1, value)[1] + 4, class_="tick", text_anchor="end"))
    parts.append(el("text", "Verified score", x=_L - 10, y=8, class_="title"))
    parts.append(el("text", "candidates per view, N", x=_W / 2, y=_H - 8, class_="title", text_anchor="middle"))
    told = f"Verified score against N, by selector: {', '.join(lines)}"
    return el("svg", parts, viewBox=f"0 -8 {_W} {_H + 16}", role="img", aria_label=told, class_="plot",
              style="max-width:560px")  # fmt: skip


def _costs(found: dict[str, Any]) -> Html:
    rows = [
        [el("a", name, href=f"{quote(name)}/report.html"), c["nfe"], c["reward_calls"],
         number(c["generate_s"], 1), number(c["reward_s"], 1)]
        for name, c in found["costs"].items() if c
    ]  # fmt: skip
    return _table(["run", "network evaluations", "reward calls", "generator seconds", "reward seconds"], rows)


def _table(head: list[Any], rows: list[list[Any]]) -> Html:
    top = el("thead", el("tr", [el("th", h) for h in head]))
    body = el("tbody", [el("tr", [el("td", cell) for cell in row]) for row in rows])
    return el("div", el("table", top, body), class_="scroll")


def _band(band: list[float] | None) -> str:
    return NONE if not band or None in band else f"{number(band[0], 1)} to {number(band[1], 1)}"


def _pm(value: dict[str, Any]) -> str:
    if value["std"] is None:
        return number(value["mean"], 1)
    return f"{number(value['mean'], 1)} ± {number(value['std'], 1)}"
