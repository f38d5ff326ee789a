"""How far a run is, from its folder alone: by its lease and its event log, while it goes on anywhere, and later."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from raysearch.engine import lease
from raysearch.errors import UsageError
from raysearch.observe.history import ENDS, events, when

POLL_S = 0.5
CODES = {"finished": 0, "interrupted": 130}  # of `raysearch logs --follow`; everything else is 1


def read(run: str) -> dict[str, Any]:
    """The state of the last invocation of a run.

    Args:
        run: its folder, a path or URL.

    Returns:
        `state` (`running`, `finished`, `interrupted`, `failed`, or `killed` for one that ended without a word), `by`
        whom, the numbers of searches, Moves and NFE of this invocation, the searches in work, the best reward, seconds
        since the begin and since the last event, and a `remedy` where the run does not go on by itself.

    Raises:
        UsageError: if the folder holds no event of a run.
    """
    found = _last(run)
    if not found:
        raise _nothing(run)
    begun, ended = found[0], next((e for e in found if e["event"] in ENDS), None)
    holder, alive = lease.holder(run)
    ends = [e for e in found if e["event"] == "finished"]
    failed = {e["search"] for e in ends if e["error"]}
    best = max((e for e in found if e["event"] == "outcome" and e["reward"] == e["reward"]),
               key=lambda e: e["reward"], default=None)  # fmt: skip
    state = "running" if alive and ended is None else "killed" if ended is None else _ending(ended, failed)
    outcomes = [e for e in found if e["event"] == "outcome"]
    executed = {e["key"]: e["nfe"] for e in outcomes if not e["recalled"]}
    now = time.time()
    return {
        "run": run, "state": state, "by": holder if state == "running" else "",
        "searches": begun["searches"], "finished": len({e["search"] for e in ends} - failed), "failed": len(failed),
        "executed": len(executed), "recalled": sum(e["recalled"] for e in outcomes), "nfe": sum(executed.values()),
        "best_reward": best and best["reward"], "best_search": best and best["search"],
        "working": [] if ended else _working(found), "began_s": now - when(begun) + begun.get("after_s", 0.0),
        "last_s": now - when(found[-1]), "remedy": _remedy(run, state),
    }  # fmt: skip


def lines(run: str, follow: bool = False) -> Iterator[str]:
    """A line for each event that a person wants to know of; with `follow`, until the run ends."""
    done = 0
    while True:
        found = list(events(run))
        if not found:
            raise _nothing(run)
        for event in found[done:]:
            if text := _line(event):
                yield f"{datetime.fromtimestamp(when(event)):%H:%M:%S}  {text}"
        done = len(found)
        if not follow or found[-1]["event"] in ENDS or not lease.holder(run)[1]:
            return
        time.sleep(POLL_S)


def code(run: str) -> int:
    """The exit code that tells how a run has ended: 0, 1 if something failed, 130 if it was interrupted."""
    return CODES.get(read(run)["state"], 1)


def _nothing(run: str) -> UsageError:
    return UsageError(f"{run}: no run has begun there; give the folder that `run:` of a job names")


def _last(run: str) -> list[dict[str, Any]]:
    """The events of the last invocation."""
    found: list[dict[str, Any]] = []
    for event in events(run):
        if event["event"] == "started":
            found = []
        if found or event["event"] == "started":
            found.append(event)
    return found


def _ending(ended: dict[str, Any], failed: set[str]) -> str:
    """The state of an invocation that has written its last event: `ended` also where a search failed."""
    if ended["event"] != "ended":
        return str(ended["event"])
    return "failed" if failed else "finished"


def _working(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The searches that have begun and not finished, the oldest first, with their present Round."""
    open_: dict[str, dict[str, Any]] = {}
    for e in found:
        if e["event"] == "round":
            row = open_.setdefault(e["search"], {"search": e["search"]})
            row |= {"round": e["round"], "moves": e["moves"], "answered": 0}
        elif e["event"] == "outcome" and e["search"] in open_:
            open_[e["search"]]["answered"] += 1
        elif e["event"] == "finished":
            open_.pop(e["search"], None)
    return list(open_.values())


def _remedy(run: str, state: str) -> str:
    if state == "running":
        return ""
    if state == "finished":
        return f"report: {run}/report.html" if Path(run, "report.html").is_file() else ""
    return f"to go on with it: raysearch run {run}/config.yaml"


def _line(event: dict[str, Any]) -> str:
    kind = event["event"]
    if kind == "started":
        return f"started: {event['searches']} searches, {event['strategy']}, on {event['executor']}"
    if kind == "finished":
        end = f"FAILED: {event['error']}" if event["error"] else f"best reward {event['reward']:.4f}"
        return f"{event['search']}: {end}"
    if kind == "round":
        return f"{event['search']}: round {event['round']}, {event['moves']} moves"
    if kind == "pools":
        pools = "; ".join(f"{p['busy']:.0f}/{p['replicas']:.0f} {name} busy" for name, p in event["pools"].items())
        return f"{event['ledger']['executed']} moves executed, {pools}"
    if kind in ENDS:
        return f"{kind} after {event['seconds']:.0f} s" + (f": {event['error']}" if "error" in event else "")
    return ""
