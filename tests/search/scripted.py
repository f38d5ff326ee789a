"""Drive a search with rewards given by hand, and see what it asks for, round by round.

A state is named by the address of its noise, such as 7.1.0 for (7, 1, 0), so that parents can be read off. Two Moves of
a search that share an address would share their noise, and are refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from raysearch.moves import Move, Outcome, Result, Search


@dataclass
class Told:
    """What a search asked for: rounds of Moves, the notes of the rounds, and its result."""

    rounds: list[tuple[Move, ...]] = field(default_factory=list)
    notes: list[Any] = field(default_factory=list)
    result: Result = None  # type: ignore[assignment]

    def parents(self, k: int) -> list[str | None]:
        """Parents of round k, in slot order."""
        return [m.parent for m in self.rounds[k]]

    def seeds(self, k: int) -> list[tuple[int, ...]]:
        """Addresses of round k, in slot order."""
        return [m.seed for m in self.rounds[k]]


def name(seed: tuple[int, ...]) -> str:
    """The handle of the state that a Move with this address makes."""
    return ".".join(map(str, seed))


def driven(search: Search, reward: Callable[[str], float], log_ratio: Callable[[str], float] = lambda key: 0.0) -> Told:
    """Run a search to its end; `reward` and `log_ratio` are given the handle of a state."""
    told, round_ = Told(), next(search)
    while True:
        told.rounds.append(round_.moves)
        told.notes.append(dict(round_.note))
        outcomes = [
            Outcome(name(m.seed), reward(name(m.seed)) if m.score else math.nan, log_ratio=log_ratio(name(m.seed)))
            for m in round_.moves
        ]
        seeds = [m.seed for moves in told.rounds for m in moves]
        assert len(set(seeds)) == len(seeds), "two Moves share their noise"
        try:
            round_ = search.send(outcomes)
        except StopIteration as end:
            told.result = end.value
            return told
