"""What is in flight and what is held: errands, the calls made for them, and the states in the object store.

The driver holds references to states, never their bytes; it knows where each was made, where copies went, and how many
bytes that took.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from raysearch.executors import Job
from raysearch.executors.ray.pool import Pool
from raysearch.executors.ray.replica import Replica
from raysearch.moves import Move
from raysearch.sampling.workers import Made


@dataclass(eq=False)
class Errand:
    """A Job on its way: first on a generator, then (view is set) on a reward replica."""

    ticket: int
    job: Job
    failures: int = 0
    bereft: int = 0  # times that the reward replica a guide asked was lost
    avoid: Replica | None = None
    made: Made | None = None
    view: Any = None
    calls: list[Call] = field(default_factory=list)
    answered: bool = False

    def at(self, pool: Pool) -> list[Call]:
        """Its attempts under way in this pool."""
        return [call for call in self.calls if call.pool is pool]


@dataclass(eq=False)
class Call:
    """One attempt at an errand's present stage, on one replica.

    refs: of every rank; the first is the leader's. critic: the reward replica that a guide asks meanwhile.
    """

    errand: Errand
    pool: Pool
    replica: Replica
    work: float | None
    state: Any = None
    view: Any = None
    refs: list[Any] = field(default_factory=list)
    hedge: bool = False
    critic: Replica | None = None


@dataclass
class Held:
    """A state in the object store: its ref, size and step, the node it was made on, and all that have a copy."""

    ref: Any
    node: str | None
    bytes: int
    step: int
    copies: set[str | None]


class States:
    """By handle, what the object store holds. moved, moved_bytes: states that went to another node."""

    def __init__(self) -> None:
        self.held: dict[str, Held] = {}
        self.moved = self.moved_bytes = 0

    def keep(self, key: str, ref: Any, node: str | None, size: int, step: int) -> None:
        self.held[key] = Held(ref, node, size, step, {node})

    def start(self, move: Move) -> int:
        """The step at which a Move sets out, 0 where its parent is not held."""
        if move.back is not None:
            return move.back
        return self.held[move.parent].step if move.parent in self.held else 0

    def ref(self, key: str | None) -> Any:
        return self.held[key].ref if key in self.held else None

    def node(self, key: str | None) -> str | None:
        return self.held[key].node if key in self.held else None

    def sent(self, key: str | None, node: str | None) -> None:
        """A call on this node will read the state: Ray brings one copy there, for all who read it there."""
        held = self.held.get(key or "")
        if held is not None and node not in held.copies:
            held.copies.add(node)
            self.moved, self.moved_bytes = self.moved + 1, self.moved_bytes + held.bytes

    def forget(self, keys: Iterable[str]) -> None:
        for key in keys:
            self.held.pop(key, None)
