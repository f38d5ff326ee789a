"""The genealogy of a search as a tree: a column for each read, a circle for each particle, as large as its weight.

The fuller the colour of a circle, the higher its reward among those of its read. The line of the chosen is drawn in
the accent; what no final descends from is faint.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from raysearch.moves import Result
from raysearch.observe.events import SHORT
from raysearch.report.lineage import Generation, Particle
from raysearch.report.markup import Html, count, el, number

WIDTH, ROW, TOP, SIDE = 720, 16, 40, 26  # px of the view box: its width, each slot, above the first, left and right
LARGEST, LEAST = 7.5, 2.2  # px: radius of a particle with all that two of them could weigh, and of one without weight
CAPTION = (
    "Each column is a read, each circle a particle: the larger, the more weight; the fuller its colour, the higher its "
    "reward among those of its read. Lines go from parent to child, in the accent to the chosen; what is faint died "
    "out."
)


def branches(generations: Sequence[Generation]) -> bool:
    """Whether there is a tree to draw: two generations, and a parent that is not the only one of its child's slot."""
    return len(generations) > 1 and any(p.parent for g in generations[1:] for p in g.particles)


def size(generations: Sequence[Generation]) -> int:
    """Circles that the tree has."""
    return sum(len(g.particles) for g in generations)


def draw(generations: Sequence[Generation], result: Result) -> Html:
    """The tree of a search as SVG.

    Args:
        generations: of the search, as `lineage.read` returns them.
        result: of the search, whose chosen and weights of the finals are shown.
    """
    slots = max(len(g.particles) for g in generations)
    x = [SIDE + i * (WIDTH - 2 * SIDE) / (len(generations) - 1) for i in range(len(generations))]
    weights = [_weights(g, result if g is generations[-1] else None) for g in generations]
    chosen = _line(generations, result.winner.key[:SHORT])
    lines, marks = list[Any](), list[Any]()
    for g, generation in enumerate(generations):
        shades = _shades(generation)
        for slot, particle in enumerate(generation.particles):
            here, at = _y(slot, len(generation.particles), slots), (g, slot)
            if particle.parent:
                pg, ps = particle.parent
                there = _y(ps, len(generations[pg].particles), slots)
                lines.append((at in chosen, particle.lasts, _curve(x[pg], there, x[g], here)))
            marks.append(_mark(particle, x[g], here, weights[g][slot], shades[slot], at in chosen, slot))
    drawn = [el("path", d=d, class_=_look(of, lasts)) for of, lasts, d in sorted(lines)]
    heads = [_head(generation, g, x[g], len(generations)) for g, generation in enumerate(generations)]
    roots = [g.roots for g in generations]
    text = f"Genealogy over {count(len(generations), 'read')}; with descendants among the finals: {roots}"
    view = f"0 0 {WIDTH} {TOP + ROW * slots + 8}"
    return el("svg", heads, drawn, marks, viewBox=view, role="img", aria_label=text, class_="tree")


def _mark(particle: Particle, x: float, y: float, weight: float, shade: float, chosen: bool, slot: int) -> Html:
    told = f"particle {slot + 1}: reward {number(particle.reward)}"
    if math.isfinite(weight):
        told += f", weight {number(weight, 3)}"
    radius = LEAST + (LARGEST - LEAST) * min(1.0, math.sqrt(weight)) if math.isfinite(weight) else 4.0
    look = "chosen" if chosen else "lasts" if particle.lasts else "gone"
    return el("circle", el("title", told), cx=round(x, 1), cy=round(y, 1), r=round(radius, 1), class_=look,
              fill_opacity=round(0.25 + 0.75 * shade, 2))  # fmt: skip


def _head(generation: Generation, g: int, x: float, of: int) -> Html:
    """Above a column: which read, its effective sample size where there is one, and how many have descendants."""
    anchor = "start" if g == 0 else "end" if g == of - 1 else "middle"
    place = x - SIDE + 4 if g == 0 else x + SIDE - 4 if g == of - 1 else x
    ess = generation.note.get("ess")
    below = f"ESS {float(ess):.1f}" if isinstance(ess, (int, float)) else f"{len(generation.particles)} particles"
    title = "finals" if g == of - 1 else f"read {g + 1}"
    below = count(len(generation.particles), "final") if g == of - 1 else f"{below}, {generation.roots} go on"
    return el(
        "g", el("text", title, x=round(place, 1), y=12, class_="title", text_anchor=anchor),
        el("text", below, x=round(place, 1), y=25, class_="tick", text_anchor=anchor),
    )  # fmt: skip


def _weights(generation: Generation, result: Result | None) -> list[float]:
    """The share of the weight of each particle; of finals from the result. NaN where the search has no weights."""
    if result is not None and result.log_weights and len(result.log_weights) == len(generation.particles):
        return [math.exp(w) for w in result.log_weights]
    return [p.weight for p in generation.particles]


def _shades(generation: Generation) -> list[float]:
    """Ranks of the rewards within the generation, 0 the lowest and 1 the highest; 0 where there is none."""
    known = sorted({p.reward for p in generation.particles if math.isfinite(p.reward)})
    rank = {value: i / max(len(known) - 1, 1) for i, value in enumerate(known)}
    return [rank.get(p.reward, 0.0) for p in generation.particles]


def _line(generations: Sequence[Generation], key: str) -> set[tuple[int, int]]:
    """The chosen final and its ancestors."""
    last = len(generations) - 1
    at = next(((last, s) for s, p in enumerate(generations[last].particles) if p.key == key), None)
    line: set[tuple[int, int]] = set()
    while at:
        line.add(at)
        at = generations[at[0]].particles[at[1]].parent
    return line


def _look(chosen: bool, lasts: bool) -> str:
    return "chosen" if chosen else "lasts" if lasts else "gone"


def _y(slot: int, of: int, slots: int) -> float:
    """The height of a slot; smaller populations are spread over the same height."""
    return TOP + ROW * (slot + 0.5) * slots / of


def _curve(x0: float, y0: float, x1: float, y1: float) -> str:
    half = (x0 + x1) / 2
    return f"M{x0:.1f} {y0:.1f}C{half:.1f} {y0:.1f} {half:.1f} {y1:.1f} {x1:.1f} {y1:.1f}"
