"""What becomes of a search in the run folder once it is done: its films are shelved, its states tidied away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import fsspec

from raysearch.engine.task import Finished, Ledger, Task
from raysearch.moves import Outcome, Result, Round
from raysearch.runs.provenance import Lineages, sidecar, versions
from raysearch.sampling.state import Store


class Shelf:
    """Where films go, as soon as their search is done: films/NAME/KEY.mp4, and the best again as best/NAME.mp4.

    Beside each lies a JSON of what made it. about: what holds for all films of the run. A film on the shelf is not kept
    in memory: those of a thousand prompts would fill that of the driver.
    """

    def __init__(self, run: str, about: Mapping[str, Any] | None = None):
        self._fs, self._root = fsspec.core.url_to_fs(run)
        self._about, self._lineages = {**(about or {}), "versions": versions()}, Lineages()

    @staticmethod
    def path(task: Task, key: str) -> str:
        return f"films/{task.name}/{key[:12]}.mp4"

    def has(self, task: Task, key: str) -> bool:
        return self._fs.exists(f"{self._root}/{self.path(task, key)}")

    def on_finish(self, finished: Finished) -> None:
        best = finished.result.winner.key if finished.result else None
        for key, mp4 in finished.films.items():
            path = self.path(finished.task, key)
            if mp4 is not None:
                self._put(path, mp4)
            film = mp4 if mp4 is not None else self._fs.cat_file(f"{self._root}/{path}")
            beside = sidecar(finished, key, film, self._lineages, self._about)
            self._put(f"{path.removesuffix('.mp4')}.json", beside)
            if key == best:
                self._put(f"best/{finished.task.name}.mp4", film)
                self._put(f"best/{finished.task.name}.json", beside)
            finished.films[key] = None
        self._lineages.drop(finished.task)

    def on_round(self, task: Task, number: int, round: Round) -> None:
        self._lineages.note(task, round)

    def on_outcome(self, task: Task, outcome: Outcome, recalled: bool) -> None: ...
    def on_wait(self, ledger: Ledger, status: dict[str, dict[str, float]]) -> None: ...

    def _put(self, path: str, data: bytes) -> None:
        folder, name = f"{self._root}/{path}".rsplit("/", 1)
        self._fs.makedirs(folder, exist_ok=True)
        self._fs.pipe_file(f"{folder}/.{name}.partial", data)
        self._fs.mv(f"{folder}/.{name}.partial", f"{folder}/{name}")


class Tidy:
    """Drops the states of a search on disk as soon as it is done, but for those that `latents` keeps.

    Between a thousand prompts nothing else piles up; the Moves can make any of them again.
    """

    def __init__(self, run: str, latents: str):
        self._store, self._latents, self._keys = Store(f"{run}/latents"), latents, dict[str, set[str]]()

    def on_outcome(self, task: Task, outcome: Outcome, recalled: bool) -> None:
        self._keys.setdefault(task.name, set()).add(outcome.key)

    def on_finish(self, finished: Finished) -> None:
        keys = self._keys.pop(finished.task.name, set())
        if finished.result is not None:
            self._store.drop(sorted(keys - kept(self._latents, finished.result)))

    def on_round(self, task: Task, number: int, round: Round) -> None: ...
    def on_wait(self, ledger: Ledger, status: dict[str, dict[str, float]]) -> None: ...


def kept(latents: str, result: Result) -> set[str]:
    """Handles of the states that the policy (`best`, `finals` or `none`) keeps."""
    return {"best": {result.winner.key}, "finals": {o.key for o in result.finals}, "none": set()}[latents]
