"""Where each value of a resolved job came from: `raysearch config` writes it behind the values, as YAML comments.

What it prints is YAML that loads as a job again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf

from raysearch import config
from raysearch.config.settings import Job

COLUMN = 44  # where comments stand, unless a value reaches farther


def annotated(job: Job, parts: Sequence[tuple[str, DictConfig]]) -> str:
    """The job as YAML with the source of each value. parts: what it was merged from, as `config.parts` gives it."""
    sources = [(name, OmegaConf.to_container(part, resolve=False)) for name, part in parts]
    defaults, values = config.plain(Job()), config.plain(job)
    lines = []
    for path, text in _lines(values, ()):
        lines.append(text if path is None else f"{text:<{COLUMN}}  # {_source(path, values, sources, defaults)}")
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
    return "default" if same else "filled in for the tiny model"


def _lines(values: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...] | None, str]]:
    """The lines of YAML, and of those that begin a value its path."""
    indent = "  " * len(path)
    for key, value in values.items():
        here = (*path, str(key))
        if isinstance(value, dict) and value:
            yield None, f"{indent}{yaml.safe_dump({key: 0}).split(':')[0]}:"
            yield from _lines(value, here)
            continue
        first, *more = yaml.safe_dump({key: value}, sort_keys=False, width=10**6, allow_unicode=True).splitlines()
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
