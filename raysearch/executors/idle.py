"""The executor of a run that is already complete: it starts nothing, loads nothing and has no pools."""

from __future__ import annotations

from collections.abc import Iterable

from raysearch.errors import UsageError
from raysearch.executors.contract import Answer, Counters, Request


class Idle:
    """Refuses every request: all answers are in the run folder."""

    capacity = 1

    def submit(self, request: Request) -> int:
        """Raises UsageError: only a film that was removed after the run was checked can be asked for."""
        raise UsageError(
            f"the film of {request.key[:12]} was removed from the run folder just now; give the same command again"
        )

    def ready(self, timeout: float) -> list[tuple[int, Answer]]:
        """No answers."""
        return []

    def forget(self, keys: Iterable[str]) -> None:
        """No states are kept."""

    def drop(self, keys: Iterable[str]) -> None:
        """There are no other nodes."""

    def status(self) -> Counters:
        """No pools."""
        return {}

    def close(self) -> None:
        """Nothing to end."""
