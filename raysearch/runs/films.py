"""Writes the films of a finished search into the run folder, and deletes the states that need not be kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from raysearch import storage
from raysearch.engine.journal import Journal
from raysearch.engine.task import Finished, Observer, Task
from raysearch.errors import UsageError
from raysearch.moves import Outcome, Result, Round
from raysearch.runs.provenance import Digests, Lineages, sidecar, versions
from raysearch.sampling.state import Store


def path(task: Task, key: str) -> str:
    """Where the film of a state lies, relative to the run folder."""
    return f"films/{task.name}/{key[:12]}.mp4"


class Films(Observer):
    """Observer that writes films/NAME/KEY.mp4 as soon as a search is done, and the best again as best/NAME.mp4.

    Beside each film lies a JSON file of what made it. A film that is written is not kept in memory: those of a thousand
    prompts would fill that of the driver.
    """

    def __init__(self, run: str, about: Mapping[str, Any] | None = None):
        """
        Args:
            run: folder or URL of the run.
            about: what holds for all films of the run.
        """
        self._run, self._about, self._lineages = run, {**(about or {}), "versions": versions()}, Lineages()
        self._whole: dict[str, _Whole] = {}

    def has(self, task: Task, key: str) -> bool:
        """Whether the film of a state is there, and is what the JSON file beside it says of it.

        An object store that says the MD5 of its objects is taken at its word; elsewhere the film is read.
        """
        film = f"{self._run}/{path(task, key)}"
        if film not in self._whole and (whole := _whole(film, key)):
            self._whole[film] = whole
        return film in self._whole

    def on_round(self, task: Task, number: int, round: Round) -> None:
        """Remember its Moves, for the JSON files."""
        self._lineages.note(task, round)

    def on_finish(self, finished: Finished) -> None:
        """Write the films of the search and drop them from memory."""
        best = finished.result.winner.key if finished.result else None
        for key, mp4 in finished.films.items():
            self._write(finished, key, mp4, key == best)
            finished.films[key] = None
        self._lineages.drop(finished.task)

    def _write(self, finished: Finished, key: str, mp4: bytes | None, best: bool) -> None:
        film, name = f"{self._run}/{path(finished.task, key)}", finished.task.name
        whole = self._whole.get(film) if mp4 is None else None
        if mp4 is not None:
            storage.write(film, mp4)
        elif whole is None:
            mp4 = storage.read(film)
        digests = whole.digests if whole else Digests.of(mp4 or b"")
        about = sidecar(finished, key, mp4, digests, self._lineages, self._about, whole.facts if whole else None)
        if whole is None or hashlib.sha256(about).digest() != whole.beside:
            storage.write(_beside(film), about)
        if best:
            shown = f"{self._run}/best/{name}.mp4"
            if not storage.holds(shown, digests.md5):
                storage.write(shown, storage.read(film) if mp4 is None else mp4)
            storage.write(f"{self._run}/best/{name}.json", about)


class StatePolicy(Observer):
    """Observer that deletes the states of a search as soon as it is done, but for those that `latents` keeps.

    Between a thousand prompts nothing else accumulates; the Moves can make any of them again.
    """

    def __init__(self, run: str, latents: str, elsewhere: Callable[[list[str]], None] = lambda keys: None):
        """
        Args:
            run: folder or URL of the run.
            latents: which states to keep, `best`, `finals` or `none`.
            elsewhere: deletes states on nodes that do not see the folder.
        """
        self._elsewhere = elsewhere
        self._store, self._latents, self._keys = Store(f"{run}/latents"), latents, dict[str, set[str]]()

    def on_outcome(self, task: Task, outcome: Outcome, recalled: bool) -> None:
        """Remember that the search has made this state."""
        self._keys.setdefault(task.name, set()).add(outcome.key)

    def on_finish(self, finished: Finished) -> None:
        """Delete the states of the search that are not to be kept."""
        keys = self._keys.pop(finished.task.name, set())
        if finished.result is not None:
            gone = sorted(keys - kept(self._latents, finished.result))
            self._store.drop(gone)
            self._elsewhere(gone)


def kept(latents: str, result: Result) -> set[str]:
    """Handles of the states that the policy (`best`, `finals` or `none`) keeps."""
    return {"best": {result.winner.key}, "finals": {o.key for o in result.finals}, "none": set[str]()}[latents]


def prune(
    latents: str, ended: Sequence[Finished], journal: Journal,
    elsewhere: Callable[[list[str]], None] = lambda keys: None,
) -> None:  # fmt: skip
    """Delete all states of a run that the policy does not keep; none as long as a search is to be gone on with.

    elsewhere: deletes states on nodes that do not see the folder.
    """
    keep: set[str] = set()
    for end in ended:
        if end.result is None:
            return
        keep |= kept(latents, end.result)
    gone = [k for k in journal.outcomes if k not in keep]
    Store(f"{journal.url}/latents").drop(gone)
    elsewhere(gone)


def _beside(film: str) -> str:
    """The path of the JSON file beside a film."""
    return f"{film.removesuffix('.mp4')}.json"


@dataclass(frozen=True)
class _Whole:
    """What is known of a film that is there: its digests, what the JSON says of it, and SHA-256 of all of the JSON."""

    digests: Digests
    facts: Mapping[str, Any]
    beside: bytes


def _whole(film: str, key: str) -> _Whole | None:
    """What is known of a film that is what the JSON file beside it says; None if it is not, or either is lacking."""
    try:
        text = storage.read(_beside(film))
        told = json.loads(text)
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or told.get("key") != key or not isinstance(told.get("video"), dict):
        return None
    digests = Digests(str(told.get("sha256")), str(told.get("md5")))
    if not storage.holds(film, digests.md5):
        try:
            digests = Digests.of(storage.read(film))
        except (OSError, UsageError):
            return None
        if digests.sha256 != told.get("sha256"):
            return None
    return _Whole(digests, told["video"], hashlib.sha256(text).digest())
