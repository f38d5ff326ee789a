"""Who descends from whom in a search, read from the event log: every Move of every round, its parent and its reward.

The last invocation of a run has logged every round of a search whose result stands, recalled Moves included. A round
that only looks ahead, one child for each Move of the round before and no descendants, gives that round its rewards and
is no generation of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from raysearch.observe import history
from raysearch.observe.events import SHORT


@dataclass(frozen=True)
class Particle:
    """What a Move has made.

    Attributes:
        key: beginning of its key.
        parent: (generation, slot) it descends from; None of fresh noise.
        reward: of its preview; NaN where it was not scored.
        weight: its normalised weight after its read; NaN where the search has none.
        lasts: whether a final descends from it.
    """

    key: str
    parent: tuple[int, int] | None
    reward: float
    weight: float = math.nan
    lasts: bool = False


@dataclass(frozen=True)
class Generation:
    """The Moves of a round, in slot order, and what the search said of it."""

    particles: tuple[Particle, ...]
    note: Mapping[str, Any]

    @property
    def roots(self) -> int:
        """How many of them have descendants among the finals."""
        return sum(p.lasts for p in self.particles)


def read(folder: str) -> dict[str, list[Generation]]:
    """The generations of every search, by its name; empty where the log is missing or older than this.

    Args:
        folder: of the run.
    """
    try:
        return _read(folder)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):  # a damaged log is for the eye alone
        return {}


def _read(folder: str) -> dict[str, list[Generation]]:
    rounds: dict[str, dict[int, Mapping[str, Any]]] = {}
    rewards: dict[str, float] = {}
    for event in history.events(folder):
        if event["event"] == "started":
            rounds = {}
        elif event["event"] == "round" and event.get("keys"):
            rounds.setdefault(event["search"], {})[event["round"]] = event
        elif event["event"] == "outcome":
            rewards[str(event["key"])[:SHORT]] = float(event["reward"])
    return {name: _generations([of[k] for k in sorted(of)], rewards) for name, of in rounds.items()}


def _generations(rounds: Sequence[Mapping[str, Any]], rewards: Mapping[str, float]) -> list[Generation]:
    """Rounds as generations, whose weights stand in the note of the round after."""
    kept: list[tuple[list[str], list[str | None], list[float], list[float]]] = []
    notes: list[Mapping[str, Any]] = []
    wanted = {p for r in rounds for p in r["parents"] if p}
    for event in rounds:
        keys, parents = event["keys"], event["parents"]
        if kept and event.get("weights") and len(event["weights"]) == len(kept[-1][0]):
            kept[-1][3][:] = map(float, event["weights"])
        if notes:
            notes[-1] = event["note"]
        seen = [rewards.get(k, math.nan) for k in keys]
        if kept and parents == kept[-1][0] and not wanted & set(keys) and event is not rounds[-1]:
            kept[-1][2][:] = seen  # it looked ahead
            continue
        kept.append((keys, parents, seen, [math.nan] * len(keys)))
        notes.append({})
    return _lasting([
        Generation(tuple(map(Particle, keys, _places(kept[:g], parents), seen, weights)), note)
        for g, ((keys, parents, seen, weights), note) in enumerate(zip(kept, notes, strict=True))
    ])  # fmt: skip


def _places(before: Sequence[Any], parents: Iterable[str | None]) -> list[tuple[int, int] | None]:
    """Where each parent stands: the latest generation that has it."""
    at = {key: (g, slot) for g, (keys, *_) in enumerate(before) for slot, key in enumerate(keys)}
    return [at.get(parent) if parent else None for parent in parents]


def _lasting(generations: list[Generation]) -> list[Generation]:
    """The same, with what the finals descend from marked. The finals are the last generation."""
    lasting: set[tuple[int, int]] = set()
    marked: list[Generation] = []
    for g in reversed(range(len(generations))):
        particles = []
        for slot, particle in enumerate(generations[g].particles):
            lasts = g == len(generations) - 1 or (g, slot) in lasting
            if lasts and particle.parent:
                lasting.add(particle.parent)
            particles.append(replace(particle, lasts=lasts))
        marked.insert(0, replace(generations[g], particles=tuple(particles)))
    return marked
