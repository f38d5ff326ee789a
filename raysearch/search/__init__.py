"""The strategies: name -> function (seed, steps, *, options) -> Search. Numpy only; each file reads like its paper.

What an option means stands in the docstring of its strategy; of those that all take, here.
kernel: how one step moves a particle, a name (ode, 2m, ddim_eta, flow_sde, cps, renoise) or {name, eta, window}.
guide: steer with the reward's gradient, by a preset (cheap, sparse, lean, wmreward-vldm, wmreward-magi) or a mapping.
budget: network function evaluations (NFE) to spend at most, in place of the size of the population.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from raysearch.errors import UsageError
from raysearch.moves import Search
from raysearch.names import kind, lookup, meanings
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
    """One strategy for a reader: summary in a line, options with their defaults, the paper it comes from.

    meanings, kinds: of each option what it does, and which values it takes; empty where its author does not say.
    """

    name: str
    summary: str
    options: dict[str, Any]
    paper: str
    meanings: dict[str, str]
    kinds: dict[str, str]


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
    return [of(name) for name in STRATEGIES]


def of(name: str) -> Description:
    """One strategy, as `strategy` finds it."""
    search = strategy(name)
    doc = inspect.getdoc(search) or ""
    papers = [line.removeprefix("Paper: ") for line in doc.splitlines() if line.startswith("Paper: ")]
    options = {p.name: p for p in list(inspect.signature(search).parameters.values())[2:]}
    return Description(
        name,
        next(iter(doc.splitlines()), "no description"),
        {n: p.default for n, p in options.items()},
        " ".join(papers),
        meanings(options, doc, __doc__),
        {n: kind(p.annotation) for n, p in options.items()},
    )
