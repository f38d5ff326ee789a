"""Where each value of a job came from: `raysearch config` prints it behind the values, as YAML comments.

What it prints is YAML that loads as the same job.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from raysearch import config
from raysearch.config import by_card
from raysearch.config.dump import dump
from raysearch.config.settings import GeneratorConfig, Job
from raysearch.tinyworld import GENERATORS

COLUMN = 44  # where comments begin, unless a value reaches farther


def annotated(job: Job, parts: Sequence[tuple[str, Mapping[str, Any]]], notes: Mapping[Any, str] | None = None) -> str:
    """The job as YAML with the source of each value.

    Args:
        job: as resolved.
        parts: what it was merged from, as `config.parts` gives it.
        notes: what else is to be said of a value, by its path.
    """
    defaults, values = config.plain(Job()), config.plain(job)
    lines = []
    for path, text in _lines(values, ()):
        if path is None:
            lines.append(text)
            continue
        said = "; ".join(filter(None, (_source(path, values, parts, defaults), (notes or {}).get(path))))
        lines.append(f"{text:<{COLUMN}}  # {said}")
    return "\n".join(lines) + "\n"


def _source(path: tuple[str, ...], values: Any, sources: Sequence[tuple[str, Any]], defaults: Any) -> str:
    """The last part that gives the value wins."""
    storage = values["cluster"]["storage"]
    for name, part in reversed(sources):
        if _has(part, path):
            below = path == ("run",) and storage and _at(part, path) != values["run"]
            return f"{name}, below cluster.storage" if below else name
    if path == ("run",) and storage:
        return "default, below cluster.storage"
    same = _has(defaults, path) and _at(defaults, path) == _at(values, path)
    return "default" if same else _filled(path, values["generator"])


def _filled(path: tuple[str, ...], generator: Mapping[str, Any]) -> str:
    """Of a value that neither the job nor the defaults give: who has filled it in."""
    if path[0] != "generator" or generator["model"] in GENERATORS:
        return "filled in for the tiny model"
    card = by_card.card_of(GeneratorConfig(**generator))
    said = None if card is None else card.settings.get("dtype" if path[1] == "dtype" else ".".join(path[1:]))
    return "default" if card is None or said is None else f"the card of {card.name}: {said.source}"


def _lines(values: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...] | None, str]]:
    """The lines of YAML, and of those that begin a value its path."""
    indent = "  " * len(path)
    for key, value in values.items():
        here = (*path, str(key))
        if isinstance(value, dict) and value:
            yield None, f"{indent}{_yaml({key: 0}).rpartition(':')[0]}:"
            yield from _lines(value, here)
            continue
        first, *more = _yaml({key: value}).splitlines()
        yield here, indent + first
        for line in more:
            yield None, indent + line


def _has(values: Any, path: Sequence[str]) -> bool:
    for key in path:
        if not isinstance(values, dict) or key not in values:
            return False
        values = values[key]
    return True


def _at(values: Any, path: Sequence[str]) -> Any:
    for key in path:
        values = values[key]
    return values


def _yaml(values: Mapping[str, Any]) -> str:
    """Values on lines that are not folded; the key `n` needs no quotes for a reader of YAML 1.2."""
    return dump(values, width=10**6).replace("'n':", "n:", 1)
