"""Executors run Moves and make films of finished states. What they promise is one contract, tested once for all.

A Job is a Move of one prompt with the key of the state it makes, or a film of that state (move=None). `ready` answers
every submitted Job exactly once, in any order. States are held by key until forgotten; a Job whose parent is held
neither here nor in the store fails with `missing`, and the coordinator has the parent made again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from raysearch.moves import Move, Outcome
from raysearch.prompts import Prompt


@dataclass(frozen=True)
class Job:
    """key: of the state that the Move makes, or (move=None) of the state to be filmed."""

    key: str
    prompt: Prompt
    move: Move | None

    @property
    def needs(self) -> str | None:
        """The handle this Job starts from."""
        return self.key if self.move is None else self.move.parent


@dataclass(frozen=True)
class Film:
    """A finished state as an mp4 file at full size."""

    key: str
    mp4: bytes


@dataclass(frozen=True)
class Failure:
    """missing: the handle that was neither held nor stored, else None and the Job itself failed for good."""

    key: str
    reason: str
    missing: str | None = None


Answer = Outcome | Film | Failure


class Executor(Protocol):
    """capacity: how many Jobs keep it busy; more may be submitted but only wait."""

    capacity: int

    def submit(self, job: Job) -> int:
        """Hand a Job over; returns its ticket."""
        ...

    def ready(self, timeout: float) -> list[tuple[int, Answer]]:
        """What was answered since; waits up to `timeout` seconds for the first answer."""
        ...

    def forget(self, keys: Iterable[str]) -> None:
        """These states are not needed any more."""
        ...

    def status(self) -> dict[str, dict[str, float]]:
        """Per pool: replicas, busy ones, queue, restarts, busy seconds; for the progress view and the ledger."""
        ...

    def close(self) -> None: ...
