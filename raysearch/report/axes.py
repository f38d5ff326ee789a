"""The ground on which plots are drawn: axes from data to px, round ticks, rules, labels and titles, all inline SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from raysearch.report.markup import Html, el, number

WIDTH, HEIGHT = 470, 310  # px of the view box of a plot
LEFT, RIGHT, TOP, BOTTOM = 70, 12, 30, 52  # px around its field


class Axis:
    """From data to px, linear or in powers of two, with round ticks."""

    def __init__(self, low: float, high: float, start: float, end: float):
        if low == high:
            low, high = low - (abs(low) * 0.05 or 1), high + (abs(high) * 0.05 or 1)
        self.low, self.high, self.start, self.end = low, high, start, end

    def __call__(self, value: float) -> float:
        """The place of a value, in px."""
        return round(self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start), 1)

    def ticks(self, about: int = 5) -> list[float]:
        """Round values along the axis, about so many."""
        raw = (self.high - self.low) / about
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(power * k for k in (1, 2, 5, 10) if power * k >= raw)
        first = math.ceil(self.low / step)
        return [k * step for k in range(first, math.floor(self.high / step + 1e-9) + 1)]


def figure(parts: Sequence[Any], label: str) -> Html:
    """A plot of these parts; label: what it shows, in words."""
    return el("svg", parts, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=label, class_="plot")


def room(values: np.ndarray, start: float, end: float) -> Axis:
    """An axis that holds all finite values with room around them."""
    finite = values[np.isfinite(values)]
    low, high = float(finite.min()), float(finite.max())
    spare = (high - low) * 0.07
    return Axis(low - spare, high + spare, start, end)


def rules(y: Axis) -> list[Html]:
    """Lines across the field at the ticks."""
    return [el("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y(t), y2=y(t), class_="grid") for t in y.ticks()]


def labels(y: Axis) -> list[Html]:
    """The numbers at the ticks, left of the field."""
    ticks = y.ticks()
    return [el("text", tick(t, ticks), x=LEFT - 9, y=y(t) + 4, class_="tick", text_anchor="end") for t in ticks]


def tick(value: float, ticks: Sequence[float]) -> str:
    """A number at a tick, with the decimals that its neighbours need."""
    step = ticks[1] - ticks[0] if len(ticks) > 1 else abs(value) or 1.0
    return number(value, max(0, -math.floor(math.log10(step) + 1e-9)))


def titles(x: str, y: str) -> list[Html]:
    """What the axes are."""
    middle = (TOP + HEIGHT - BOTTOM) / 2
    return [
        el("text", x, x=(LEFT + WIDTH - RIGHT) / 2, y=HEIGHT - 10, class_="title", text_anchor="middle"),
        el("text", y, transform=f"translate(12 {middle}) rotate(-90)", class_="title", text_anchor="middle"),
    ]


def points(x: Sequence[float], y: Sequence[float]) -> str:
    """Places in px as the attribute `points` of a line has them."""
    return " ".join(f"{a},{b}" for a, b in zip(x, y, strict=True))
