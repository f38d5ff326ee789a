"""What the results cost, what of it this invocation paid, and how busy the pools were.

Three things that are easily confused stand side by side: what the results took (a Move that two searches share counts
in both), what the run as a whole has executed (every Move in the journal, once, whichever invocation paid for it), and
what the last invocation executed. A result.json of an older version lacks some of it; what is missing is left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from raysearch.report.components import grid, section, small
from raysearch.report.markup import NONE, Html, count, el, number, seconds
from raysearch.report.reading import Run

_COUNTERS = {
    "restarts": "Restarts", "drained": "Left with their node", "retries": "Retries", "hedges": "Hedges",
    "mismatches": "Hedges that disagreed", "moved_bytes": "Moved between nodes",
}  # fmt: skip
_RARE = ("drained", "mismatches")  # shown where there are any
_BARS, _HEIGHT, _WIDE = 420, 76, 36  # px: width and height of the bars of a pool, and the widest bar


def budget(run: Run) -> Html:
    """The section."""
    return section(
        "Budget", el("div", _spent(run), _pools(run.budget), class_="pair"),
        costs(run), small(_words(run.budget)), _bars(run.budget), id="budget",
    )  # fmt: skip


def costs(run: Run) -> Html | None:
    """GPU-hours, what of them was work, and money where the cluster has a price; None where no GPU was reserved."""
    held, busy = gpu_hours(run)
    if not held:
        return None
    lines = [("GPU-hours", f"{number(held)}, reserved from start to end"),
             ("of them at work", f"{number(busy)} ({_share(busy, held)})")]  # fmt: skip
    price = _cluster(run).get("gpu_hour")
    if isinstance(price, (int, float)) and price > 0:
        each = max(sum(e.result is not None for e in run.entries), 1)
        lines.append(
            ("Money", f"{number(held * price)} at {price:g} a GPU-hour, {number(held * price / each)} a prompt")
        )
    else:
        lines.append(("Money", "not known: give cluster.gpu_hour, the price of a GPU-hour"))
    return el("dl", [[el("dt", name), el("dd", value)] for name, value in lines], class_="lines")


def gpu_hours(run: Run) -> tuple[float, float]:
    """GPU-hours of all invocations that the pools had reserved, and those in which replicas worked."""
    whole = run.budget.get("run") or {}
    totals, seconds_ = (
        whole.get("pools") or run.budget.get("pools", {}),
        whole.get("seconds") or run.budget.get("seconds", 0),
    )
    held = busy = 0.0
    for name, pool in totals.items():
        config = _cluster(run).get(name) or {}
        gpus = float(config.get("num_gpus") or 0) * float(config.get("ranks") or 1)
        replicas = (run.budget.get("pools", {}).get(name) or {}).get("replicas", config.get("replicas", 1))
        held += gpus * replicas * seconds_ / 3600
        busy += gpus * pool.get("busy_s", 0.0) / 3600
    return held, busy


def _cluster(run: Run) -> Mapping[str, Any]:
    found = run.config.get("cluster")
    return found if isinstance(found, Mapping) else {}


def _spent(run: Run) -> Html:
    last, whole = run.budget, run.budget.get("run")
    costs: list[Mapping[str, Any]] = [
        {
            k: sum(getattr(e.cost, k) for e in run.entries)
            for k in ("nfe", "reward_calls", "gradients", "generate_s", "reward_s")
        }
    ]
    heads, moves, wall = ["Spent on", "All results"], [NONE], [NONE]
    for title, part, made in (("Whole run", whole, "moves"), ("Last invocation", last, "executed")):
        if part and "cost" in part:
            heads.append(title)
            costs.append(part["cost"])
            moves.append(f"{part[made]:,}" if made in part else NONE)
            wall.append(seconds(part.get("seconds") or math.nan))
    rows = [["Moves", *moves]]
    for name, key in (("Network function evaluations", "nfe"), ("Reward calls", "reward_calls"),
                      ("Reward gradients", "gradients")):  # fmt: skip
        rows.append([name, *(f"{c.get(key, 0):,}" for c in costs)])
    for name, key in (("Generators, busy", "generate_s"), ("Rewards, busy", "reward_s")):
        rows.append([name, *(seconds(c.get(key, 0.0)) for c in costs)])
    return grid(heads, [*rows, ["Wall clock", *wall]], "Budget", "figures")


def _pools(budget: Mapping[str, Any]) -> Html | None:
    pools = budget.get("pools", {})
    if not pools:
        return None
    shown = [k for k in _COUNTERS if any(p.get(k) if k in _RARE else k in p for p in pools.values())]
    worked = budget.get("worked_s")
    rows: list[list[Any]] = [["Replicas", *(_replicas(p) for p in pools.values())]]
    rows.append(["Busy", *(seconds(p.get("busy_s", 0.0)) for p in pools.values())])
    if worked:
        use = [_share(p.get("busy_s", 0.0), worked * p.get("replicas", 0)) for p in pools.values()]
        rows.append([f"In use, of {seconds(worked)} of work", *use])
    rows += [[_COUNTERS[k], *(_counted(p, k) for p in pools.values())] for k in shown]
    return grid(["Last invocation", *(name.capitalize() for name in pools)], rows, "Pools", "figures")


def _replicas(pool: Mapping[str, Any]) -> str:
    """`4`, or `3 of 4` where some were not alive at the end."""
    replicas, alive = pool.get("replicas", 0), pool.get("alive", 0)
    return f"{replicas:.0f}" if alive == replicas else f"{alive:.0f} of {replicas:.0f}"


def _counted(pool: Mapping[str, Any], key: str) -> str:
    if key not in pool:
        return NONE
    if key == "moved_bytes":
        states = pool.get("moved_states")
        return size(pool[key]) + (f" ({count(round(states), 'state')})" if states else "")
    won = pool.get("hedges_won", 0) if key == "hedges" else 0
    return f"{pool[key]:,.0f}" + (f" ({won:,.0f} won)" if won else "")


def _words(budget: Mapping[str, Any]) -> list[str]:
    moves = ", ".join(f"{budget[k]:,} {k}" for k in ("executed", "recalled", "shared", "rebuilt") if k in budget)
    text = [f"Moves in the last invocation: {moves}. Recalled ones came from the journal at no cost." if moves else ""]
    if budget.get("damaged"):
        text.append(f" {count(budget['damaged'], 'line')} of the journal damaged and computed again.")
    whole = budget.get("run") or {}
    if whole:
        text.append(
            " Whole run: every Move in the journal, once. All results: a Move that searches share counts in each."
        )
    if whole.get("invocations", 0) > 1:
        text.append(f" The run was begun {whole['invocations']} times")
        totals = {
            k: sum(p.get(k, 0) for p in whole.get("pools", {}).values())
            for k in (*_COUNTERS, "hedges_won", "moved_states")
        }
        some = [f"{_COUNTERS[k].lower()} {_counted(totals, k)}" for k in _COUNTERS if totals[k]]
        text.append(f"; in all: {', '.join(some)}." if some else ".")
    return text


def _bars(budget: Mapping[str, Any]) -> Html | None:
    """A bar per replica: the share of the working time in which it was busy."""
    worked = budget.get("worked_s")
    pools = {k: p["replica_s"] for k, p in budget.get("pools", {}).items() if p.get("replica_s")}
    if not worked or not pools:
        return None
    drawn = [el("figure", el("h3", f"{name}: {count(len(busy), 'replica')}"), bars([b / worked for b in busy]))
             for name, busy in pools.items()]  # fmt: skip
    text = "Each bar is a replica: the share of the time in which it worked on calls that were answered, of the time "
    text += "since the first models were loaded."
    return el("figure", el("div", drawn, class_="pair"), el("figcaption", text), class_="use")


def bars(shares: Sequence[float]) -> Html:
    """Shares in [0, 1] as upright bars on a common ground, however many there are."""
    step = min(_WIDE * 4 / 3, _BARS / len(shares))
    text = f"busy from {_share(min(shares), 1)} to {_share(max(shares), 1)}"
    parts = [el("line", x1=0, x2=_BARS, y1=y, y2=y, class_="grid") for y in (8, _HEIGHT / 2 + 4, _HEIGHT)]
    for i, share in enumerate(shares):
        high = round(min(max(share, 0.0), 1.0) * (_HEIGHT - 8), 1)
        title = el("title", f"replica {i + 1}: {_share(share, 1)}")
        parts.append(el("rect", title, x=round(i * step + step / 8, 2), y=round(_HEIGHT - high, 1),
                        width=round(step * 3 / 4, 2), height=high, class_="mark"))  # fmt: skip
    parts += [el("text", t, x=_BARS + 6, y=y, class_="tick") for t, y in (("100 %", 12), ("0 %", _HEIGHT + 4))]
    view = f"0 0 {_BARS + 44} {_HEIGHT + 8}"
    return el(
        "svg", parts, viewBox=view, role="img", aria_label=f"{count(len(shares), 'replica')}, {text}", class_="strip"
    )


def _share(part: float, whole: float) -> str:
    return f"{number(min(100 * part / whole, 100), 0)} %" if whole > 0 else NONE


def size(value: float) -> str:
    """`0 B`, `3.4 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:,.0f} B" if unit == "B" else f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} TB"
