"""Plots as inline SVG: colours come from the page's style sheet, so they follow light and dark, and print.

Coordinates are px of the view box; the page scales it. Every plot has a role and a label that says what it shows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from raysearch.moves import Result
from raysearch.report import statistics
from raysearch.report.axes import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Axis,
    figure,
    labels,
    points,
    room,
    rules,
    tick,
    titles,
)  # fmt: skip
from raysearch.report.curves import Curve
from raysearch.report.markup import Html, decimals, el, number
from raysearch.report.statistics import Measure

Series = list[tuple[float, float, float, float]]  # (x, mean, low, high) along a line; low and high may be NaN
COLOURS = 8  # series colours of the style sheet
GREY = 7  # the one among them that is grey


def best_of(curve: Curve) -> Html:
    """Expected value of the chosen against the number of candidates, with band, random choice and oracle."""
    m, truth = curve.measure, curve.measure.truth
    shown = [curve.mean, curve.low, curve.high, curve.oracle if truth else curve.mean]
    y = room(np.concatenate(shown), HEIGHT - BOTTOM, TOP)
    x = Axis(0.0, math.log2(curve.n[-1]), LEFT + 14, WIDTH - RIGHT - 10)
    at = [x(math.log2(n)) for n in curve.n]
    line = points(at, [y(v) for v in curve.mean])
    parts: list[Any] = [rules(y), labels(y), titles("candidates per prompt, N", _title(m))]
    parts += [el("text", n, x=p, y=HEIGHT - BOTTOM + 18, class_="tick", text_anchor="middle")
              for n, p in zip(curve.n, at, strict=True)]  # fmt: skip
    if np.isfinite(curve.low).all():
        there = [*zip(at, (y(v) for v in curve.high), strict=True)]
        back = [*zip(at, (y(v) for v in curve.low), strict=True)][::-1]
        parts.append(el("polygon", points=" ".join(f"{a},{b}" for a, b in there + back), class_="band"))
    base = y(curve.mean[0])
    parts.append(el("line", x1=LEFT, x2=WIDTH - RIGHT, y1=base, y2=base, class_="reference"))
    if truth:
        parts.append(el("polyline", points=points(at, [y(v) for v in curve.oracle]), class_="oracle"))
    parts.append(el("polyline", points=line, class_="line"))
    parts += _legend(("chosen", "random choice", "oracle")[: 3 if truth else 2])
    parts += [
        el("circle", el("title", f"N = {n}: {number(v)} {m.unit}"), cx=a, cy=y(v), r=3.5, class_="mark")
        for n, a, v in zip(curve.n, at, curve.mean, strict=True)
    ]
    last = number(float(curve.mean[-1]))
    text = f"Best of N: expected {m.label}, from {number(float(curve.mean[0]))} at N = 1 to {last} at N = {curve.n[-1]}"
    return figure(parts, text)


def against(
    lines: Mapping[str, Series], title: str, m: Measure, colours: Mapping[str, int] | None = None
) -> Html:  # fmt: skip
    """Lines of a measure against a positive quantity, whose axis is in powers of two, with whiskers where known.

    Args:
        lines: Points by the name of the line.
        title: The positive quantity.
        m: The measure.
        colours: Number of the colour of each line, where it has one on the whole page; else they follow in order.
    """
    flat = [p for line in lines.values() for p in line]
    y = room(np.array([v for p in flat for v in p[1:]]), HEIGHT - BOTTOM, TOP + 16 * ((len(lines) - 1) // 3))
    logs = [math.log2(p[0]) for p in flat]
    x = Axis(min(logs), max(logs), LEFT + 14, WIDTH - RIGHT - 14)
    parts: list[Any] = [rules(y), labels(y), titles(title, _title(m))]
    ticks = sorted({p[0] for p in flat})
    ticks = ticks[:: math.ceil(len(ticks) / 7)]
    parts += [el("text", f"{t:g}", x=x(math.log2(t)), y=HEIGHT - BOTTOM + 18, class_="tick", text_anchor="middle")
              for t in ticks]  # fmt: skip
    left, row = float(LEFT), 0
    for i, (name, line) in enumerate(lines.items()):
        tint = (colours or {}).get(name, i) % COLOURS
        look = f"series s{tint}"
        aside = 4 * (i - (len(lines) - 1) / 2)  # whiskers side by side
        at = [(round(x(math.log2(p[0])) + aside, 1), y(p[1])) for p in line]
        parts.append(el("polyline", points=points(*zip(*at, strict=True)), class_=look))
        for (a, b), (where, mean, low, high) in zip(at, line, strict=True):
            if math.isfinite(low) and math.isfinite(high):
                parts.append(el("line", x1=a, x2=a, y1=y(low), y2=y(high), class_=look))
            text = f"{name}, {where:g}: {number(mean)} [{number(low)}, {number(high)}]"
            parts.append(el("circle", el("title", text), cx=a, cy=b, r=3.5, class_=f"s{tint}"))
        if left > LEFT and left + 31 + 7 * len(name) > WIDTH:
            left, row = float(LEFT), row + 1
        parts.append(el("line", x1=left, x2=left + 24, y1=10 + 16 * row, y2=10 + 16 * row, class_=look))
        parts.append(el("text", name, x=left + 31, y=14 + 16 * row, class_="tick"))
        left += 56 + 7 * len(name)
    return figure(parts, f"{m.label} against {title}: {', '.join(lines)}")


def scatter(results: Sequence[Result], names: Sequence[str], m: Measure) -> Html | None:
    """A measure against the search reward, all candidates; rings are the chosen. Few prompts have a colour each."""
    reward = [statistics.measure(None).of(r) for r in results]
    values = [m.of(r) for r in results]
    both = [np.isfinite(a) & np.isfinite(b) for a, b in zip(reward, values, strict=True)]
    if sum(int(b.sum()) for b in both) < 2:
        return None
    x = room(np.concatenate([a[k] for a, k in zip(reward, both, strict=True)]), LEFT, WIDTH - RIGHT)
    y = room(np.concatenate([b[k] for b, k in zip(values, both, strict=True)]), HEIGHT - BOTTOM, TOP)
    parts: list[Any] = [rules(y), labels(y), titles("search reward, higher is better", _title(m))]
    rings = []
    ticks = x.ticks(4)
    parts += [el("text", tick(t, ticks), x=x(t), y=HEIGHT - BOTTOM + 18, class_="tick", text_anchor="middle")
              for t in ticks]  # fmt: skip
    few = len(results) <= COLOURS
    for i, (a, b, k) in enumerate(zip(reward, values, both, strict=True)):
        dots = [el("circle", cx=x(a[j]), cy=y(b[j]), r=3.2 if few else 2.2) for j in np.flatnonzero(k)]
        parts.append(el("g", el("title", names[i]), dots, class_=f"dots s{i if few else GREY}"))
        best = results[i].best
        if k[best]:
            rings.append(el("circle", el("title", f"{names[i]}, chosen"), cx=x(a[best]), cy=y(b[best]),
                            r=6.5 if few else 3.5, class_=f"ring s{i if few else 0}"))  # fmt: skip
    total = sum(int(k.sum()) for k in both)
    return figure(parts + rings, f"{m.label} against search reward of {total} candidates, the chosen ringed")


def strip(result: Result, worst: int | None) -> Html:
    """The rewards of all candidates of one prompt on a line; the chosen filled, the worst and the first marked."""
    values = statistics.measure(None).of(result)
    shown = values[np.isfinite(values)]
    x = Axis(float(shown.min()), float(shown.max()), 16, 404)
    places = decimals(shown, x.high - x.low)
    parts = [el("line", x1=8, x2=412, y1=16, y2=16, class_="grid")]
    order = [i for i in range(len(values)) if np.isfinite(values[i])]
    order.sort(key=lambda i: (i == result.best, i == worst))
    for i in order:
        role = "chosen" if i == result.best else "worst" if i == worst else "other"
        title = el("title", f"candidate {i + 1}: reward {number(values[i], places)}")
        parts.append(el("circle", title, cx=x(values[i]), cy=16, r=6 if role == "chosen" else 4, class_=role))
    if np.isfinite(values[0]):
        parts.append(el("path", d=f"M{x(values[0])} 3v26", class_="first"))
    parts.append(el("text", number(x.low, places), x=8, y=44, class_="tick"))
    parts.append(el("text", number(x.high, places), x=412, y=44, class_="tick", text_anchor="end"))
    text = f"Rewards of {len(shown)} candidates, from {number(x.low, places)} to {number(x.high, places)}"
    return el("svg", parts, viewBox="0 0 420 50", role="img", aria_label=text, class_="strip")


def spark(values: Sequence[float]) -> Html | None:
    """A line as high as a word; None for less than three finite values."""
    known = [(i, v) for i, v in enumerate(values) if math.isfinite(v)]
    if len(known) < 3:
        return None
    y = Axis(min(v for _, v in known), max(v for _, v in known), 17, 3)
    x = Axis(0, len(values) - 1, 2, 78)
    line = el("polyline", points=points([x(i) for i, _ in known], [y(v) for _, v in known]), class_="line")
    return el("svg", line, viewBox="0 0 80 20", class_="spark", aria_hidden="true")


def _title(m: Measure) -> str:
    return ", ".join(filter(None, (m.label, m.scale)))


def _legend(names: Sequence[str]) -> list[Html]:
    """What the lines are, above the plot."""
    looks = {"chosen": "line", "random choice": "reference", "oracle": "oracle"}
    parts, x = [], LEFT
    for name in names:
        parts.append(el("line", x1=x, x2=x + 24, y1=10, y2=10, class_=looks[name]))
        parts.append(el("text", name, x=x + 31, y=14, class_="tick"))
        x += 56 + 7 * len(name)
    return parts
