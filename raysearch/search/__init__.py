"""The strategies: name -> function (seed, steps, *, options) -> Search. Numpy only; each file reads like its paper."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from raysearch.moves import Search
from raysearch.names import lookup
from raysearch.search.best_of_n import best_of_n

STRATEGIES: dict[str, Callable[..., Search]] = {f.__name__: f for f in (best_of_n,)}


@dataclass(frozen=True)
class Description:
    """One strategy for a reader: summary in a line, options with their defaults, and the paper it comes from."""

    name: str
    summary: str
    options: dict[str, Any]
    paper: str


def strategy(name: str) -> Callable[..., Search]:
    """The strategy of that name. Raises ValueError that suggests the nearest one."""
    return lookup("strategy", name, STRATEGIES)


def describe() -> list[Description]:
    """Every strategy, from its signature and docstring."""
    found = []
    for name, search in STRATEGIES.items():
        lines = (inspect.getdoc(search) or "").splitlines()
        papers = [line.removeprefix("Paper: ") for line in lines if line.startswith("Paper: ")]
        options = list(inspect.signature(search).parameters.values())[2:]
        found.append(Description(name, lines[0], {p.name: p.default for p in options}, papers[0]))
    return found
