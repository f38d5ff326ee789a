"""lambda, ESS and roots against the reads of a search, a line for each prompt, or median and range of many."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from raysearch.report.axes import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Axis, figure, labels, points, room, rules
from raysearch.report.axes import titles as axis_titles
from raysearch.report.components import card, legend
from raysearch.report.markup import Html, count, el, number
from raysearch.report.reading import Run

FEW = 8  # prompts that have a line each
Lines = Mapping[str, list[tuple[float, float]]]  # (step, value) by prompt
PLOTS = {
    "lambda": ("lambda at each read", "lambda", "How strongly the reward counts: it reaches its target at the last."),
    "ess": ("Effective sample size", "ESS", "Of the weights at each read; where it is low, few particles count."),
    "roots_left": ("Roots that are left", "first draws", "First draws from which the particles of a read descend."),
}  # fmt: skip


def plots(run: Run) -> Html | None:
    """The plots of a sampler's run; None where no search tells of its reads."""
    shown, notes = [], {e.name: e.result.notes for e in run.entries if e.result is not None}
    colours = {name: i for i, name in enumerate(notes)}
    for key, (title, unit, text) in PLOTS.items():
        lines = {name: line for name, note in notes.items() if (line := _line(note, key))}
        if any(len(line) > 1 for line in lines.values()):
            if len(lines) > 1 and len({tuple(line) for line in lines.values()}) == 1:
                lines, text = {"all prompts": next(iter(lines.values()))}, f"{text} The same for all prompts."
            elif len(lines) > FEW:
                text += f" The line is the median of {count(len(lines), 'prompt')}, the band from lowest to highest."
            shown.append(card(title, draw(lines, unit, colours), text))
    if not shown:
        return None
    return el("div", legend(colours) if 1 < len(colours) <= FEW else None, el("div", shown, class_="plots three"))


def draw(lines: Lines, unit: str, colours: Mapping[str, int]) -> Html:
    """One plot: values against the step of the read. colours: of the prompts, by name."""
    flat = [p for line in lines.values() for p in line]
    y = room(np.array([0.0, *(v for _, v in flat)]), HEIGHT - BOTTOM, TOP)
    steps = sorted({s for s, _ in flat})
    x = Axis(steps[0], steps[-1], LEFT + 12, WIDTH - RIGHT - 12)
    parts: list[Any] = [rules(y), labels(y), axis_titles("step of the read", unit)]
    parts += [el("text", f"{s:g}", x=x(s), y=HEIGHT - BOTTOM + 18, class_="tick", text_anchor="middle")
              for s in steps[:: math.ceil(len(steps) / 8)]]  # fmt: skip
    if len(lines) > FEW:
        parts += _band(lines, steps, x, y)
    else:
        for name, line in lines.items():
            at, look = points([x(s) for s, _ in line], [y(v) for _, v in line]), f"s{colours.get(name, 0)}"
            parts.append(el("polyline", el("title", name), points=at, class_=f"series {look}"))
            parts += [el("circle", el("title", f"{name}, step {s:g}: {number(v)}"), cx=x(s), cy=y(v), r=3, class_=look)
                      for s, v in line]  # fmt: skip
    return figure(parts, f"{unit} against the step of the read, {count(len(lines), 'prompt')}")


def _band(lines: Lines, steps: Sequence[float], x: Axis, y: Axis) -> list[Html]:
    at = [[v for line in lines.values() for s, v in line if s == step] for step in steps]
    across = [x(step) for step in steps]
    edge = [
        *zip(across, (y(max(v)) for v in at), strict=True),
        *[*zip(across, (y(min(v)) for v in at), strict=True)][::-1],
    ]
    return [
        el("polygon", points=" ".join(f"{a},{b}" for a, b in edge), class_="band"),
        el("polyline", points=points(across, [y(float(np.median(v))) for v in at]), class_="line"),
        *(el("circle", cx=a, cy=y(float(np.median(v))), r=3, class_="mark") for a, v in zip(across, at, strict=True)),
    ]


def _line(notes: Mapping[str, Any], key: str) -> list[tuple[float, float]]:
    values = notes.get(key)
    if not isinstance(values, list):
        return []
    steps = notes.get("reads")
    at = steps if isinstance(steps, list) and len(steps) == len(values) else range(1, len(values) + 1)
    return [(float(s), float(v)) for s, v in zip(at, values, strict=True)
            if isinstance(v, (int, float)) and math.isfinite(v)]  # fmt: skip
