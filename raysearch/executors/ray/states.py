"""The states in the object store, by key. The driver holds references to them, never their bytes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from raysearch.executors.decoded import Decoded
from raysearch.moves import Move


@dataclass
class Held:
    """A state in the object store.

    Attributes:
        ref: its reference.
        node: the node it was made on.
        bytes: its size.
        step: the step it stands at.
        copies: all nodes that have a copy.
    """

    ref: Any  # ray.ObjectRef
    node: str | None
    bytes: int
    step: int
    copies: set[str | None]


class States:
    """All states in the object store.

    Attributes:
        held: the states by key.
        moved: number of copies that travelled to another node.
        moved_bytes: their size together.
        filming: whether such frames are wanted at all.
        films: frames of finished states that were decoded for their score, each with the replica that made them.
        silent: nodes that do not answer.
    """

    def __init__(self, limit: int = 0) -> None:
        """limit: bytes of such frames that are kept at most."""
        self.filming = limit > 0
        self.films: Decoded[tuple[Any, Any]] = Decoded(limit)
        self.held: dict[str, Held] = {}
        self.moved = self.moved_bytes = 0
        self.silent: frozenset[str] = frozenset()

    def keep(self, key: str, ref: Any, node: str | None, size: int, step: int) -> None:
        """Keep a state that was made on `node`; size in bytes."""
        self.held[key] = Held(ref, node, size, step, {node})

    def start(self, move: Move) -> int:
        """The step a Move starts from; 0 where its parent is not held."""
        if move.back is not None:
            return move.back
        return self.held[move.parent].step if move.parent in self.held else 0

    def ref(self, key: str | None) -> Any:
        """The reference to a state; None where it is not held, or only by nodes that do not answer."""
        held = self.held.get(key or "")
        return None if held is None or held.copies <= self.silent else held.ref

    def away(self, key: str | None, node: str | None) -> str | None:
        """The node from which a call on `node` would have to fetch a state; None if it need not."""
        held = self.held.get(key or "")
        return None if held is None or node in held.copies else held.node

    def node(self, key: str | None) -> str | None:
        """The node on which a state was made; None where it is not held."""
        return self.held[key].node if key in self.held else None

    def sent(self, key: str | None, node: str | None) -> None:
        """Count that a call on this node reads the state: Ray copies it there once, for all later readers too."""
        held = self.held.get(key or "")
        if held is not None and node not in held.copies:
            held.copies.add(node)
            self.moved, self.moved_bytes = self.moved + 1, self.moved_bytes + held.bytes

    def forget(self, keys: Iterable[str]) -> None:
        """Drop the references, so that Ray frees the states, and the frames of their films."""
        for key in keys:
            self.held.pop(key, None)
            self.films.forget([key])
