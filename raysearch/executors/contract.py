"""The contract of all executors: what they are asked, what they answer, and what they promise.

`ready` answers every submitted Request exactly once, in any order. States are kept under their key until they are
forgotten. A Request whose parent is kept neither by the executor nor in the store is answered by a Failure that names
the parent in `missing`, and the coordinator has the parent made again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from raysearch.moves import Move, Outcome
from raysearch.prompts import Prompt

Counters = dict[str, dict[str, Any]]  # by pool: numbers, and lists of one number per replica


@dataclass(frozen=True)
class Request:
    """A Move to carry out, or a film to make of a finished state.

    Attributes:
        key: key of the state that the Move makes, or of the state to film.
        prompt: the prompt it belongs to.
        move: the Move; None asks for the film.
    """

    key: str
    prompt: Prompt
    move: Move | None

    @property
    def needs(self) -> str | None:
        """The key of the state this request starts from; None if it starts from fresh noise."""
        return self.key if self.move is None else self.move.parent

    def scoring(self) -> Request:
        """The request that only scores the state of this Move, once it is there: a Move from the state to itself."""
        assert self.move is not None
        return replace(self, move=replace(self.move, parent=self.key, back=None, mutate=0.0, guide=None))

    @property
    def only_scores(self) -> bool:
        """Whether this is such a request; it makes no network evaluation."""
        return self.move is not None and self.move.parent == self.key


@dataclass(frozen=True)
class Film:
    """A finished state as an mp4 file at full size."""

    key: str
    mp4: bytes


@dataclass(frozen=True)
class Failure:
    """A request that was not fulfilled.

    Attributes:
        key: key of the request.
        reason: why, in a sentence.
        missing: key of the state that was kept nowhere; None if the request itself failed and must not be repeated.
    """

    key: str
    reason: str
    missing: str | None = None


Answer = Outcome | Film | Failure


class Executor(Protocol):
    """Carries out requests.

    Attributes:
        capacity: number of requests that keep it busy; further ones may be submitted, but only wait.
    """

    capacity: int

    def submit(self, request: Request) -> int:
        """Accept a request. Returns its ticket, which comes back with the answer."""
        ...

    def ready(self, timeout: float) -> list[tuple[int, Answer]]:
        """The answers that have arrived, each with its ticket; waits up to `timeout` seconds for the first."""
        ...

    def forget(self, keys: Iterable[str]) -> None:
        """Release states that no request will need any more."""
        ...

    def drop(self, keys: Iterable[str]) -> None:
        """Delete states from the disks of nodes that do not see the store of this process; it does so there itself."""
        ...

    def status(self) -> Counters:
        """Counters by pool, such as replicas, busy ones, queue, restarts and busy seconds, for progress and results."""
        ...

    def close(self) -> None:
        """End all replicas."""
        ...


def not_kept(key: str, state: str | None) -> Failure:
    """The Failure of the request `key` whose `state` is kept nowhere."""
    return Failure(key, f"state {state} is neither held nor stored", missing=state)
