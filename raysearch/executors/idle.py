"""The executor of a run in which nothing is left to execute: it starts nothing, loads nothing and has no pools."""

from __future__ import annotations

from collections.abc import Iterable

from raysearch.errors import UsageError
from raysearch.executors import Answer, Job


class Idle:
    capacity = 1

    def submit(self, job: Job) -> int:
        raise UsageError(
            f"the film of {job.key[:12]} has been taken out of the run folder just now; give the same command again"
        )

    def ready(self, timeout: float) -> list[tuple[int, Answer]]:
        return []

    def forget(self, keys: Iterable[str]) -> None: ...

    def status(self) -> dict[str, dict[str, float]]:
        return {}

    def close(self) -> None: ...
