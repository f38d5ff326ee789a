"""The grid of a sweep: its axes, from the command line and the job, and the job that each point of it makes.

`key=a,b,c` is an axis; `particles` is short for search.n. Every point is checked before anything is loaded.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from raysearch import config
from raysearch.config.settings import Job
from raysearch.errors import UsageError
from raysearch.moves import digest
from raysearch.names import lookup
from raysearch.security import refuse_secrets

ALIASES = {"particles": "search.n", "search": "search.name"}
FIXED = {
    "run": "all points share one folder", "cluster": "all points share one cluster", "films": "it holds for all points",
    "latents": "it holds for all points", "sweep": "it is the grid itself", "searches": "give search=NAME,NAME",
}  # fmt: skip


@dataclass(frozen=True)
class GridPoint:
    """One point of the grid.

    Attributes:
        settings: Its values by key, as given.
        job: The job that they make.
    """

    settings: Mapping[str, Any]
    job: Job


def axes(words: Sequence[str]) -> tuple[dict[str, list[Any]], list[str]]:
    """The axes among the words (`key=a,b`; commas in brackets or quotes do not count), and the other words.

    Raises UsageError for an axis that all points must share, and for a value given twice.
    """
    found, rest = {}, []
    for word in words:
        key, _, value = word.partition("=")
        values = _split(value)
        if len(values) > 1 or key in ALIASES:
            found[key] = [_plain(key, v) for v in values]
        else:
            rest.append(word)
    return found, rest


def points(
    job_file: str, words: Sequence[str] = (), cluster_file: str | None = None, elsewhere: bool = False
) -> list[GridPoint]:
    """Every point of the grid, checked.

    Args:
        job_file: The job file; its `sweep:` gives the axes that the words leave out.
        words: Axes (key=a,b) and overrides (key=a).
        cluster_file: The cluster file; None for none.
        elsewhere: Whether it will run on another machine, as in `config.load`.

    Returns:
        The points, the strategy varying slowest.

    Raises:
        UsageError: Anything that can be known to be wrong before a model is loaded.
    """
    given, rest = axes(words)
    refuse_secrets(given, "the command line")
    base = config.load(job_file, rest, cluster_file, elsewhere)
    written = config.merged(job_file, rest, cluster_file)["generator"]
    if not any(word.startswith("films=") for word in rest):
        base.films = "none"
    replaced = {ALIASES.get(key, key) for key in (*given, *(word.partition("=")[0] for word in rest))}
    grid_of = {key: values for key, values in base.sweep.items() if ALIASES.get(key, key) not in replaced} | given
    known = dict.fromkeys([*ALIASES, *(f.name for f in fields(Job))])
    for key, values in grid_of.items():
        if "." not in key:
            lookup("sweep: axis", key, known, "the axis of an option is written search.KEY, generator.KEY, ...")
        if (why := FIXED.get(key.split(".")[0])) is not None:
            raise UsageError(f"{key}: cannot be swept over, {why}")
        if not isinstance(values, list) or not values:
            raise UsageError(f"sweep.{key}={values!r}: give a list of values, e.g. {key}: [1, 2]")
        if len({digest(v) for v in values}) < len(values):
            raise UsageError(f"{key}={values}: a value is given twice; leave one out")
    search = config.overrides(rest).get("search")
    options = {k: v for k, v in search.items() if k != "name"} if isinstance(search, dict) else {}
    order = sorted(grid_of, key=lambda key: key != "search")  # the strategy first: its options are set after it
    made = []
    for values in itertools.product(*(grid_of[key] for key in order)):
        settings = dict(zip(order, values, strict=True))
        made.append(GridPoint(settings, _job(base, written, settings, options, elsewhere)))
    return made


def _job(
    base: Job, written: Mapping[str, Any], settings: Mapping[str, Any], options: Mapping[str, Any], elsewhere: bool
) -> Job:
    """The job with these settings.

    Another strategy brings the options of `searches`, or its defaults. Another setting of the generator is filled up
    anew from the card of its model: what suits one model or size is not left to the next.

    Args:
        base: the job without the axes.
        written: its generator, before it was filled up.
        settings: value by axis.
        options: of the search, from the command line; they hold for every strategy.
        elsewhere: as in `points`.
    """
    plain = config.plain(base) | {"generator": copy.deepcopy(dict(written))}
    if "search" in settings:
        name = settings["search"]
        if name in base.searches:
            plain["search"] = {"name": name, **base.searches[name]}
        elif name != base.search["name"]:
            plain["search"] = {"name": name}
        plain["search"] = plain["search"] | options
    for key, value in settings.items():
        if key == "search":
            continue
        *path, last = ALIASES.get(key, key).split(".")
        inner = plain
        for part in path:
            inner = inner.setdefault(part, {})
            if not isinstance(inner, dict):
                raise UsageError(f"{key}: {part} has no keys below it")
        inner[last] = value
    return config.typed(plain, f"sweep point {dict(settings)}", elsewhere)


def _split(text: str) -> list[str]:
    """Cut at the commas outside of brackets, braces and quotes."""
    parts, depth, quote, start = [], 0, "", 0
    for i, c in enumerate(text):
        if quote:
            quote = "" if c == quote else quote
        elif c in "\"'":
            quote = c
        elif c in "[{(":
            depth += 1
        elif c in ")}]":
            depth -= 1
        elif c == "," and not depth:
            parts.append(text[start:i])
            start = i + 1
    return [*parts, text[start:]]


def _plain(key: str, text: str) -> Any:
    """The value as YAML reads it."""
    if not text.strip():
        raise UsageError(f"{key}: an empty value between commas; write {key}=1,2")
    return config.overrides([f"value={text}"])["value"]
