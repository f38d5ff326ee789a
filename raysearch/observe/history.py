"""What the event log says of all invocations of a run: their number, durations and pool counters."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import fsspec

from raysearch.moves import decode
from raysearch.observe.events import segments

SUMMED = (  # counted from 0 by each invocation
    "busy_s", "restarts", "drained", "retries", "hedges", "hedges_won", "mismatches", "moved_states", "moved_bytes",
)  # fmt: skip
ENDS = ("ended", "interrupted", "failed")


@dataclass
class Invocation:
    """One invocation of a run.

    Attributes:
        began: When it began, in seconds since the epoch.
        last: Time of its last event.
        how: How it ended: `ended`, `interrupted`, `failed`, or `lost` if it was killed.
        pools: Counters of the pools, as last written.
    """

    began: float
    last: float
    how: str = "lost"
    pools: dict[str, dict[str, Any]] = field(default_factory=dict)


def invocations(folder: str) -> list[Invocation]:
    """The invocations in order; [] where there is no log. Lines that cannot be read are skipped."""
    found = list[Invocation]()
    for event in events(folder):
        at = when(event)
        if event["event"] == "started":
            found.append(Invocation(at - event.get("after_s", 0.0), at))
        elif found:
            found[-1].last = at
            if event["event"] in (*ENDS, "pools"):
                found[-1].pools = event["pools"]
            if event["event"] in ENDS:
                found[-1].how = event["event"]
    return found


def totals(folder: str) -> dict[str, Any]:
    """Number of invocations, seconds from the start of each to its last event, counters of the pools: all summed."""
    found = invocations(folder)
    pools: dict[str, dict[str, float]] = {}
    for invocation in found:
        for name, status in invocation.pools.items():
            into = pools.setdefault(name, {})
            for key in SUMMED:
                if key in status:
                    into[key] = into.get(key, 0) + status[key]
    return {"invocations": len(found), "seconds": round(sum(i.last - i.began for i in found), 3), "pools": pools}


def events(folder: str) -> Iterator[dict[str, Any]]:
    """The events of a run in order; none where there is no log. Lines that cannot be read are skipped."""
    for line in _lines(folder):
        event = _event(line)
        if event is not None:
            yield event


def when(event: Mapping[str, Any]) -> float:
    """The time of an event, in seconds since the epoch."""
    return datetime.fromisoformat(event["time"].replace("Z", "+00:00")).timestamp()


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        event = decode(json.loads(line))
        return event if isinstance(event, dict) and {"time", "event"} <= event.keys() else None
    except ValueError:
        return None


def _lines(folder: str) -> Iterator[bytes]:
    fs, root = fsspec.core.url_to_fs(folder)
    for path in segments(fs, root):
        with fs.open(path, "rb") as file:
            yield from file
