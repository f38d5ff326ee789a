"""The time line of replicas: when each loaded, ran the network, decoded, scored, filmed or waited; and why it was slow.

Read from the spans of the event log, of the last invocation that executed anything. Times are those of the driver's
clock, so that of a replica on another node they are late by the time an answer takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from raysearch.observe import history
from raysearch.report.components import grid, legend, section, small
from raysearch.report.markup import NONE, Html, count, el, number, seconds

KINDS = {"loading": 4, "network": 0, "decode": 5, "score": 2, "film": 3}  # with the colour of the style sheet
IDLE = el("span", el("span", class_="swatch idle", aria_hidden="true"), "idle")
BESIDE = ("save", "encode")  # what runs beside the work of a replica; it takes none of its time
POOLS = ("generators", "rewards")
WIDTH, LEFT, ROW, COLUMNS = 940, 112, 15, 820  # px of the drawing, of its names, of a row; steps in time
ROWS = 64  # replicas that are drawn
MOST = 0.65  # of its time, from which a pool counts as busy
Piece = tuple[str, float, float]  # what a replica did, from when to when, in seconds since the beginning


@dataclass
class TimeLine:
    """What the replicas of an invocation did.

    Attributes:
        seconds: how long it took.
        executor: `ray` or `inline`.
        replicas: by pool and slot, its pieces in order.
    """

    seconds: float
    executor: str
    replicas: dict[tuple[str, int], list[Piece]] = field(default_factory=dict)

    def shares(self, pool: str) -> dict[str, float]:
        """The share of each kind in the time of all replicas of a pool, and of `idle`."""
        mine = [pieces for (name, _), pieces in self.replicas.items() if name == pool]
        whole = self.seconds * len(mine)
        spent = (
            {kind: sum(b - a for p in mine for k, a, b in p if k == kind) / whole for kind in KINDS} if whole else {}
        )
        return spent | {"idle": max(0.0, 1 - sum(spent.values()))}

    @property
    def first_work_s(self) -> float:
        """When the first replica began to work, in seconds since the beginning."""
        return min((a for p in self.replicas.values() for kind, a, _ in p if kind != "loading"), default=self.seconds)


def read(folder: str) -> TimeLine | None:
    """The time line of the last invocation that executed anything; None where the log has none."""
    try:
        return _read(folder)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):  # a damaged log is for the eye alone
        return None


def _read(folder: str) -> TimeLine | None:
    found: TimeLine | None = None
    began, executor, spans, last = 0.0, "", list[list[Any]](), 0.0
    for event in history.events(folder):
        at = history.when(event)
        if event["event"] == "started":
            found = _line(began, last, executor, spans) or found
            began, executor, spans = at - event.get("after_s", 0.0), str(event.get("executor", "")), []
        last = at
        if event["event"] == "spans":
            spans += event["spans"]
    return _line(began, last, executor, spans) or found


def _line(began: float, last: float, executor: str, spans: Sequence[Sequence[Any]]) -> TimeLine | None:
    spans = [span for span in spans if span[2] not in BESIDE]
    if not any(span[2] != "load" for span in spans):
        return None
    line = TimeLine(max(last - began, 1e-3), executor)
    for pool, slot, what, start, took, decode in spans:
        a, b = max(0.0, start - began), min(line.seconds, max(0.0, start - began) + took)
        pieces = line.replicas.setdefault((pool, int(slot)), [])
        if what == "move":
            pieces += [("network", a, max(a, b - decode)), ("decode", max(a, b - decode), b)]
        else:
            pieces.append(({"load": "loading", "conditions": "loading"}.get(what, what), a, b))
    return line


def timeline(line: TimeLine | None) -> Html | None:
    """The section of the page; None where nothing is known."""
    if line is None:
        return None
    kinds = [*KINDS, "idle"]
    pools = [pool for pool in POOLS if any(name == pool for name, _ in line.replicas)]
    rows = [[pool.capitalize(), *(_part(line.shares(pool), kind) for kind in kinds)] for pool in pools]
    return section(
        "Time line", el("p", why(line)), legend(KINDS, IDLE), _drawn(line),
        grid(["Share of the time", *(k.capitalize() for k in kinds)], rows, "What the pools did", "figures"),
        small("Of the last invocation that executed anything, from its start to its end. Loading: models, and on Ray "
              "the conditions of prompts. Network: denoising, guides included. Decode: previews, reduced to what the "
              "reward sees. Film: videos at full size; on Ray they are encoded, and states are written, beside this."),
        id="timeline",
    )  # fmt: skip


def why(line: TimeLine) -> str:
    """What took the time, in words."""
    start, whole = line.first_work_s, line.seconds
    text = f"It took {seconds(whole)}, {seconds(start)} of it before the first Move. "
    made, scored = line.shares("generators"), line.shares("rewards")
    work = {k: made.get(k, 0.0) for k in ("network", "decode", "film")} | {"score": scored.get("score", 0.0)}
    most = max(work, key=lambda k: work[k])
    named = {"network": "the network", "decode": "decoding previews", "film": "decoding films", "score": "scoring"}[
        most
    ]
    if start > whole / 2:
        return text + "Most of the time went into starting and loading: more prompts or candidates would cost little."
    if line.executor == "inline":
        return text + (
            f"One process did everything in turn; most of it was {named} ({_percent(work[most])} of the time)."
        )
    working = 1 - start / whole
    use = {
        "generators": (1 - made["idle"] - made.get("loading", 0.0)) / working,
        "rewards": (1 - scored["idle"] - scored.get("loading", 0.0)) / working,
    }
    busiest = max(use, key=lambda pool: use[pool])
    worked = {pool: _percent(share) for pool, share in use.items()}
    told = f"From then on generators worked {worked['generators']} of the time, rewards {worked['rewards']}. "
    if use[busiest] >= MOST:
        return text + told + (
            f"The {busiest} are the bottleneck, and most of the work is {named}: more replicas of them make it faster."
        )  # fmt: skip
    return (
        text
        + told
        + (
            "Neither pool was busy: searches waited at their reads for the last particle. More prompts at a time, or "
            "fewer replicas, would use them better."
        )
    )


def _drawn(line: TimeLine) -> Html:
    """A row for each replica: what it did is coloured, the rest is idle."""
    shown = sorted(line.replicas, key=lambda at: (POOLS.index(at[0]), at[1]))[:ROWS]
    parts: list[Any] = []
    for row, at in enumerate(shown):
        y = 4 + row * ROW
        name = f"{at[0].removesuffix('s')} {at[1] + 1}"
        parts.append(el("text", name, x=LEFT - 8, y=y + 10, class_="tick", text_anchor="end"))
        parts.append(el("rect", x=LEFT, y=y, width=COLUMNS, height=ROW - 4, class_="idle"))
        parts += [el("path", el("title", f"{name}, {kind}"), d=d, class_=f"s{KINDS[kind]}")
                  for kind, d in _paths(line, line.replicas[at], y).items()]  # fmt: skip
    bottom = 4 + len(shown) * ROW
    for share in (0, 0.25, 0.5, 0.75, 1):
        anchor = "start" if share == 0 else "end" if share == 1 else "middle"
        parts.append(el("text", seconds(share * line.seconds), x=LEFT + share * COLUMNS, y=bottom + 14, class_="tick",
                        text_anchor=anchor))  # fmt: skip
    text = f"What {count(len(shown), 'replica')} did over {seconds(line.seconds)}"
    drawn = el("svg", parts, viewBox=f"0 0 {WIDTH} {bottom + 22}", role="img", aria_label=text, class_="timeline")
    left_out = len(line.replicas) - len(shown)
    return el("figure", el("div", drawn, class_="scroll", tabindex=0, role="region", aria_label=text),
              el("figcaption", f"{count(left_out, 'more replica')} not drawn.") if left_out else None)  # fmt: skip


def _paths(line: TimeLine, pieces: Sequence[Piece], y: float) -> dict[str, str]:
    """By kind, the steps in time of which it took the most, as boxes in one path, so that any number stays small."""
    step = line.seconds / COLUMNS
    most: dict[int, tuple[float, str]] = {}
    for kind, a, b in pieces:
        for column in range(int(a / step), min(int(b / step) + 1, COLUMNS)):
            here = min(b, (column + 1) * step) - max(a, column * step)
            if here > most.get(column, (0.0, ""))[0]:
                most[column] = here, kind
    paths: dict[str, str] = {}
    columns = sorted(most)
    while columns:
        first, kind = columns[0], most[columns[0]][1]
        width = 1
        while width < len(columns) and columns[width] == first + width and most[columns[width]][1] == kind:
            width += 1
        paths[kind] = paths.get(kind, "") + f"M{LEFT + first} {y}h{width}v{ROW - 4}h-{width}z"
        columns = columns[width:]
    return paths


def _part(shares: Mapping[str, float], kind: str) -> str:
    return _percent(shares[kind]) if shares.get(kind) else NONE


def _percent(share: float) -> str:
    return f"{number(100 * min(share, 1.0), 0)} %"
