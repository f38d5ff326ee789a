"""The guides that a job can name, and how it describes a custom one: plain data, no arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from raysearch.errors import UsageError
from raysearch.moves import GUIDES, NORMS, Guide
from raysearch.names import lookup

PRESETS: dict[str, Guide] = {
    # WMReward's published settings (2601.10553, table 8, and the scripts of its repository).
    "wmreward-vldm": Guide("full", 0.001, (0.1, 1.0), every=1, shrink=0.8),
    "wmreward-magi": Guide("full", 0.005, (0.0, 1.0), every=5),
    # Scales chosen on the shipped pair. No backward pass through the network, or one at a step in three.
    "cheap": Guide("mean", 0.1, (0.2, 1.0), every=3),
    "sparse": Guide("full", 0.05, every=3),
    # The same as cheap with the least memory, for large models.
    "lean": Guide("mean", 0.1, (0.2, 1.0), every=3, shrink=0.5, chunk=2, recompute=True),
}
SAMPLER = {"strict": True, "clip": 1.0}
_RANGES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "scale": ("a finite number, at least 0", lambda v: _number(v) and 0 <= v < math.inf),
    "every": ("a whole number, at least 1", lambda v: _whole(v) and v >= 1),
    "inner": ("a whole number, at least 1", lambda v: _whole(v) and v >= 1),
    "travel": ("a whole number, at least 0", lambda v: _whole(v) and v >= 0),
    "clip": ("a number above 0, or null", lambda v: v is None or (_number(v) and v > 0)),
    "strict": ("true or false", lambda v: isinstance(v, bool)),
    "shrink": ("a number in (0, 1]", lambda v: _number(v) and 0 < v <= 1),
    "chunk": ("a whole number, at least 1, or null", lambda v: v is None or (_whole(v) and v >= 1)),
    "recompute": ("true or false", lambda v: isinstance(v, bool)),
    "window": (
        "two fractions of the steps, [start, end]",
        lambda v: isinstance(v, (list, tuple)) and len(v) == 2 and all(map(_number, v)) and 0 <= v[0] <= v[1] <= 1,
    ),
}


def guide_of(options: Any, sampler: bool = False) -> Guide | None:
    """The guide of `search.guide`: null, the name of a preset, or a mapping of Guide's fields, `preset` to start from.

    sampler: the search weighs by log p - log q. Then, unless the mapping says otherwise, the guide is strict, and moves
    the mean of a step by one sd at the most: with more, a single particle has all the weight.
    A guide of scale 0 is none. Raises UsageError for unknown names, keys and values.
    """
    if isinstance(options, str):
        options = {"preset": options}
    if options is None:
        return None
    if not isinstance(options, Mapping):
        raise UsageError(f"search.guide={options!r}: give {', '.join(PRESETS)}, or a mapping such as {{preset: cheap}}")
    known = dict.fromkeys(["preset", *(f.name for f in fields(Guide))])
    for key in options:
        lookup("search.guide: key", str(key), known)
    given = dict(options)
    base = lookup("search.guide.preset: guide", str(given.pop("preset")), PRESETS) if "preset" in given else None
    if base is None and not {"name", "scale"} <= set(given):
        raise UsageError(
            f"search.guide={dict(options)}: give a preset ({', '.join(PRESETS)}), or both name (mean, full) and scale"
        )
    for key, value in given.items():
        if key in _RANGES and not _RANGES[key][1](value):
            raise UsageError(f"search.guide.{key}={value!r}: must be {_RANGES[key][0]}")
    if "window" in given:
        given["window"] = tuple(given["window"])
    settings = {f.name: getattr(base or Guide(), f.name) for f in fields(Guide)} | (SAMPLER if sampler else {}) | given
    lookup("search.guide.name: guide", str(settings["name"]), dict.fromkeys(GUIDES))
    lookup("search.guide.norm: norm", str(settings["norm"]), dict.fromkeys(NORMS))
    found = Guide(**settings)
    if found.norm == "variance" and found.inner > 1:
        raise UsageError(f"search.guide.inner={found.inner}: with norm variance a step is one shift; set inner: 1")
    return found if found.scale else None


def _number(v: Any) -> bool:
    return isinstance(v, (int, float)) and not isinstance(v, bool)


def _whole(v: Any) -> bool:
    return isinstance(v, int) and not isinstance(v, bool)
