"""The strategies: name -> function (seed, steps, *, options) -> Search. Numpy only; each file reads like its paper."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from raysearch.errors import UsageError
from raysearch.moves import Search
from raysearch.names import lookup
from raysearch.search.beam import beam
from raysearch.search.best_of_n import best_of_n
from raysearch.search.evolutionary import evolutionary
from raysearch.search.halving import halving
from raysearch.search.paths import paths
from raysearch.search.pcn import pcn
from raysearch.search.rbf import rbf
from raysearch.search.smc import smc
from raysearch.search.zero_order import zero_order

STRATEGIES: dict[str, Callable[..., Search]] = {
    f.__name__: f for f in (best_of_n, halving, smc, beam, paths, zero_order, pcn, evolutionary, rbf)
}


@dataclass(frozen=True)
class Description:
    """One strategy for a reader: summary in a line, options with their defaults, and the paper it comes from."""

    name: str
    summary: str
    options: dict[str, Any]
    paper: str


def strategy(name: str) -> Callable[..., Search]:
    """The strategy of that name, or `package.module:function`, one of the user's own.

    Raises ValueError that suggests the nearest one.
    """
    if ":" not in name:
        return lookup("strategy", name, STRATEGIES)
    module, _, function = name.partition(":")
    try:
        found = getattr(import_module(module), function)
        names = list(inspect.signature(found).parameters)
    except (ImportError, AttributeError, TypeError) as error:
        raise UsageError(
            f"name={name!r}: {error}; give {', '.join(STRATEGIES)}, or package.module:function that can be imported"
        ) from None
    if len(names) < 2:
        raise UsageError(f"name={name!r}: a strategy takes seed, steps and its options; see docs/strategies.md")
    return found


def describe() -> list[Description]:
    """Every strategy, from its signature and docstring."""
    found = []
    for name, search in STRATEGIES.items():
        lines = (inspect.getdoc(search) or "").splitlines()
        papers = [line.removeprefix("Paper: ") for line in lines if line.startswith("Paper: ")]
        options = list(inspect.signature(search).parameters.values())[2:]
        found.append(Description(name, lines[0], {p.name: p.default for p in options}, papers[0]))
    return found
