"""The strategies: functions (seed, steps, *, options) -> Search, one file each; numpy only.

A file `raysearch/search/NAME.py` with a function `NAME(seed, steps, ...)` is a strategy: nothing else registers it.
Its options are its keyword parameters, with types and bounds in the annotations and meanings in the docstring.
SHARED explains the options that all strategies take. A parameter `variants` is no option: it is given the wordings of
the prompt. A strategy without it runs over all wordings where a job says `across: variants`.
"""

from __future__ import annotations

import inspect
import math
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import wraps
from importlib import import_module
from typing import Any, Literal

from raysearch import options
from raysearch.errors import UsageError
from raysearch.moves import KERNELS, Search
from raysearch.names import find
from raysearch.options import Option, Part
from raysearch.search.guides import PRESETS, drift_of, guide_of
from raysearch.search.kernels import kernel_of

Strategy = Callable[..., Search]
KEY = "search"  # where the options of a strategy stand in a job
VARIANTS, ACROSS = "variants", "across"  # a parameter that a run fills, and an option that a run carries out
CORRECTED = ("smc", "pimh", "smc_pcn")  # whose weights correct a guide
SHARED = f"""
Args:
    kernel: how one step moves a particle, as a name ({", ".join(KERNELS)}) or as {{name, eta, window}}.
    guide: steering with the reward's gradient, as a preset ({", ".join(PRESETS)}) or as a mapping.
    budget: the largest number of network function evaluations (NFE) to spend, instead of the size of the population.
    across: variants runs one such search for every wording of a prompt, of which the best video is kept; a budget is
        divided evenly.
"""


def strategy(name: str) -> Strategy:
    """The strategy of that name, or a custom one as `package.module:function`; calling it checks its options.

    Raises:
        UsageError: if there is none; it names the nearest.
    """
    if ":" not in name:
        return find("strategy", name, STRATEGIES)
    custom = find("strategy", name, STRATEGIES)
    try:
        parameters = list(inspect.signature(custom).parameters)
    except (TypeError, ValueError):
        parameters = []
    if len(parameters) < 2:
        raise UsageError(f"name={name!r}: a strategy takes seed, steps and its options; see docs/strategies.md")
    return checked(custom)


def checked(function: Strategy) -> Strategy:
    """A strategy that holds its options against their annotations when it is called, before its first Round."""
    part = _described(function, function.__name__)

    @wraps(function)
    def begin(seed: int, steps: int, **given: Any) -> Search:
        options.check(part, {name: value for name, value in given.items() if name != VARIANTS}, KEY)
        return function(seed, steps, **given)

    return begin


def describe() -> list[Part]:
    """Every strategy of raysearch as it describes itself, in the order of the listings."""
    return [of(name) for name in STRATEGIES]


def of(name: str) -> Part:
    """One strategy, raysearch's own or a custom one, as it describes itself."""
    return _described(strategy(name), name)


def options_of(given: Mapping[str, Any]) -> tuple[Strategy, dict[str, Any]]:
    """The strategy that a job's `search` names, and its options as the strategy takes them.

    Args:
        given: `name` and the options of the strategy; `kernel` and `guide` as they are written in a job.

    Raises:
        UsageError: for an unknown name or option, and for a value that cannot be meant.
    """
    values = {key: value for key, value in given.items() if key != "name"}
    begin = strategy(str(given["name"]))
    part = _described(begin, begin.__name__)
    if "kernel" in values and "kernel" in part.options:
        values["kernel"] = kernel_of(values["kernel"])
    if "guide" in values and "guide" in part.options:
        values["guide"] = guide_of(values["guide"], sampler=begin.__name__ in CORRECTED)
    if "drift" in values and "drift" in part.options:
        values["drift"] = drift_of(values["drift"])
    options.check(part, values, KEY, _elsewhere(part, values))
    return begin, values


def _elsewhere(part: Part, values: Mapping[str, Any]) -> str:
    """Says which strategies have the first option that this one lacks; empty if none has it."""
    for key in values:
        if key not in part.options and (owners := [p.name for p in describe() if key in p.options]):
            shown = owners[0] if len(owners) == 1 else f"{', '.join(owners[:-1])} and {owners[-1]}"
            return f"{key} belongs to {shown}; search=NAME leaves out the options of another strategy"
    return ""


def words(function: Strategy) -> bool:
    """Whether a strategy chooses among the wordings of a prompt itself."""
    return VARIANTS in inspect.signature(function).parameters


def _described(function: Strategy, name: str) -> Part:
    seed, steps, *_ = inspect.signature(function).parameters
    part = options.describe(function, name, without=(seed, steps, VARIANTS), shared=SHARED)
    if words(function):
        return part
    choice = Option(ACROSS, None, Literal["variants"] | None, options.arguments(SHARED)[ACROSS])
    return replace(part, options={**part.options, ACROSS: choice})


def _discovered() -> dict[str, Strategy]:
    """The strategies among the files of this folder; LISTED in a file is its place in the listings."""
    modules = {info.name: import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)}
    own = {name: getattr(module, name, None) for name, module in modules.items()}
    strategies = {
        n: f for n, f in own.items() if callable(f) and list(inspect.signature(f).parameters)[:2] == ["seed", "steps"]
    }
    order = sorted(strategies, key=lambda name: (getattr(modules[name], "LISTED", math.inf), name))
    return {name: checked(strategies[name]) for name in order}


STRATEGIES: dict[str, Strategy] = _discovered()
