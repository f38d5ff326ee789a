"""A run folder as the report reads it: result.json and config.yaml, checked, with the vocabulary of `raysearch.moves`.

Invariant: no file outside the run folder is ever read, whatever result.json says.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from raysearch.errors import UsageError
from raysearch.moves import Cost, Outcome, Result, decode
from raysearch.prompts import Prompt
from raysearch.runs import RESULT, folder, interim


@dataclass(frozen=True)
class SearchRecord:
    """One search of a run.

    Attributes:
        name: Its name, from the prompt.
        prompt: The prompt.
        error: Why it has no result; None if it has one.
        cost: What all its Moves cost, shared ones included.
        films: Path of each film within the folder, by the key of its final.
        result: Its result; None if it failed.
    """

    name: str
    prompt: Prompt
    error: str | None
    cost: Cost
    films: Mapping[str, str]
    result: Result | None


@dataclass(frozen=True)
class Run:
    """What a run folder has.

    Attributes:
        folder: The folder.
        hash: Hash of the results.
        reward: Name of the reward that the search maximised.
        entries: The searches, in the order of the prompts.
        unguided: For a guided run, the same searches without guide.
        budget: Costs and counters, as in result.json.
        versions: Versions of the libraries, by name.
        config: config.yaml as a mapping; empty where it is missing.
        config_text: config.yaml as text.
        progress: For an unfinished run, how many searches are finished, and of how many.
    """

    folder: Path
    hash: str
    reward: str
    entries: tuple[SearchRecord, ...]
    unguided: tuple[SearchRecord, ...] = ()
    budget: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    config_text: str = ""
    progress: tuple[int, int] | None = None

    @property
    def results(self) -> list[Result]:
        """The results of all searches that did not fail."""
        return [e.result for e in self.entries if e.result is not None]

    @property
    def strategy(self) -> str:
        """Name of the search, `search` where the configuration does not say."""
        search = self.config.get("search")
        return str(search.get("name", "search")) if isinstance(search, Mapping) else "search"

    @property
    def independent(self) -> bool:
        """Whether the finals of a search are independent draws, so that any of them represents N = 1."""
        return self.strategy == "best_of_n"

    @property
    def population(self) -> int:
        """Finals of the largest search, 0 if none finished."""
        return max((len(r.finals) for r in self.results), default=0)

    def film(self, entry: SearchRecord, key: str) -> bytes | None:
        """The mp4 of a final, None where none was kept or its file is gone."""
        path = self.film_path(entry, key)
        return None if path is None else (self.folder / path).read_bytes()

    def film_path(self, entry: SearchRecord, key: str) -> str | None:
        """Where the mp4 of a final lies within the folder; None where none was kept or its file is gone."""
        paths = [entry.films.get(key)]
        if entry.result is not None and key == entry.result.winner.key:
            paths.append(f"best/{entry.name}.mp4")
        return next((path for path in paths if path is not None and self.inside(path) is not None), None)

    def inside(self, path: str) -> Path | None:
        """A file of the folder by its path within it; None where there is none, or it would lie outside."""
        found = (self.folder / path).resolve()
        return found if found.is_relative_to(self.folder.resolve()) and found.is_file() else None


def read(run: str, partial: bool = False) -> Run:
    """Read a run folder.

    Args:
        run: The folder.
        partial: Read the searches that are finished from the journal, even if there is a result.json.

    Returns:
        The run.

    Raises:
        UsageError: There is no finished run, or an unreadable result.json; with `partial`, no search is finished.
    """
    path = folder(run, partial)
    found = interim(run) if partial else None
    try:
        found = found or decode(json.loads((path / RESULT).read_text(encoding="utf-8")))
        entries = tuple(_entry(s) for s in found["searches"])
        text, config = _config(path / "config.yaml")
        return Run(
            path, str(found["hash"]), str(found["reward"]), entries, tuple(map(_entry, found.get("unguided", ()))),
            found.get("budget", {}), found.get("versions", {}), config, text,
            tuple(found["progress"]) if "progress" in found else None,
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        why = " ".join(f"{type(error).__name__}: {error}".split())[:160]
        raise UsageError(
            f"{run}: {RESULT} is not one that this version writes ({why}); give the same job again to write it anew"
        ) from None


def _entry(found: Mapping[str, Any]) -> SearchRecord:
    cost = Cost(**found.get("cost", {}))
    return SearchRecord(found["name"], Prompt(**found["prompt"]), found["error"], cost, found["films"], _result(found))


def _result(found: Mapping[str, Any]) -> Result | None:
    if "finals" not in found:
        return None
    weights = found.get("log_weights")
    return Result(
        tuple(Outcome.from_json(o) for o in found["finals"]), int(found["best"]),
        None if weights is None else tuple(weights), found.get("log_z"), found.get("notes") or {},
    )  # fmt: skip


def _config(path: Path) -> tuple[str, Mapping[str, Any]]:
    """The text of config.yaml and what it says; it is for the reader, so a missing or odd one is no error."""
    import yaml

    if not path.is_file():
        return "", {}
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError:
        return text, {}
    return text, found if isinstance(found, dict) else {}
