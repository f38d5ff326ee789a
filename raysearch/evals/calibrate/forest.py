"""A forest plot: one line for every verifier, with its interval, around chance. Inline SVG in the page's colours."""

from __future__ import annotations

import math
from collections.abc import Sequence

from raysearch.evals.calibrate.statistics import Interval
from raysearch.report.markup import Html, el, number

_WIDTH, _ROW, _TOP, _BOTTOM, _RIGHT = 470, 30, 14, 46, 16


def forest(rows: Sequence[tuple[str, Interval]]) -> Html:
    """The plot of (label, interval), from -1 to 1 or nearer where all are."""
    ends = [v for _, x in rows for v in (x.value, x.low, x.high) if math.isfinite(v)]
    most = min(1.0, max([0.2, *(abs(v) for v in ends)]) * 1.08)
    left = 18 + 8.2 * max(len(label) for label, _ in rows)
    height = _TOP + _ROW * len(rows) + _BOTTOM

    def x(value: float) -> float:
        return round(left + (max(-most, min(most, value)) / most + 1) / 2 * (_WIDTH - _RIGHT - left), 1)

    step = 0.5 if most > 0.75 else 0.2 if most > 0.3 else 0.1
    ticks = [k * step for k in range(-math.floor(most / step), math.floor(most / step) + 1)]
    parts = [el("line", x1=x(t), x2=x(t), y1=_TOP, y2=height - _BOTTOM, class_="grid") for t in ticks]
    parts += [el("text", number(t, 1), x=x(t), y=height - _BOTTOM + 18, class_="tick", text_anchor="middle")
              for t in ticks]  # fmt: skip
    parts.append(el("line", x1=x(0), x2=x(0), y1=_TOP, y2=height - _BOTTOM, class_="reference"))
    for k, (label, found) in enumerate(rows):
        y = _TOP + _ROW * (k + 0.5)
        parts.append(el("text", label, x=left - 12, y=y + 4, class_="tick", text_anchor="end"))
        if math.isfinite(found.low):
            parts.append(el("line", x1=x(found.low), x2=x(found.high), y1=y, y2=y, class_="line"))
        title = f"{label}: {number(found.value, 2)} [{number(found.low, 2)}, {number(found.high, 2)}]"
        parts.append(el("circle", el("title", title), cx=x(found.value), cy=y, r=4.5, class_="mark"))
    parts.append(el("text", "rank correlation within prompts, 0 is chance", x=(left + _WIDTH - _RIGHT) / 2,
                    y=height - 6, class_="title", text_anchor="middle"))  # fmt: skip
    text = "Rank correlation with the truth: " + ", ".join(f"{label} {number(v.value, 2)}" for label, v in rows)
    return el("svg", parts, viewBox=f"0 0 {_WIDTH} {height}", role="img", aria_label=text, class_="plot")
