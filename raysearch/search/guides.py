"""The guide of a job, `search.guide`: the name of a preset, or a mapping of the fields of Guide. Plain data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from raysearch import options
from raysearch.errors import UsageError
from raysearch.moves import GUIDES, NORMS, Guide
from raysearch.names import lookup

PRESETS: dict[str, Guide] = {
    # WMReward's published settings (2601.10553, table 8, and the scripts of its repository).
    "wmreward-vldm": Guide("full", 0.001, (0.1, 1.0), every=1, shrink=0.8, through_context=False),
    "wmreward-magi": Guide("full", 0.005, (0.0, 1.0), every=5, through_context=False),
    # Scales chosen on the shipped pair. No backward pass through the network, or one every three steps.
    "cheap": Guide("mean", 0.1, (0.2, 1.0), every=3),
    "sparse": Guide("full", 0.05, every=3),
    # The same as cheap with the least memory, for large models.
    "lean": Guide("mean", 0.1, (0.2, 1.0), every=3, shrink=0.5, chunk=2, recompute=True),
}
SAMPLER = {"strict": True, "clip": 1.0}  # defaults for a search whose weights correct the guide
GUIDE = options.describe(Guide, "a guide")


def guide_of(given: Any, sampler: bool = False, key: str = "search.guide") -> Guide | None:
    """The guide that a job describes; None where there is none or its scale is 0.

    Args:
        given: null, the name of a preset, or a mapping of the fields of Guide, with `preset` as a starting point.
        sampler: whether the search corrects its weights by log p - log q. Then the guide is by default strict and moves
            the mean of a step by at most one sd: with more, a single particle would have all the weight.
        key: where it stands in the job; errors begin with it.

    Raises:
        UsageError: for unknown names and keys, and for values out of range.
    """
    if given is None or isinstance(given, Guide):
        return given if given is None or given.scale else None
    if isinstance(given, str):
        given = {"preset": given}
    if not isinstance(given, Mapping):
        raise UsageError(f"{key}={given!r}: give {', '.join(PRESETS)}, or a mapping such as {{preset: cheap}}")
    for name in given:
        lookup(f"{key}: key", str(name), dict.fromkeys(["preset", *GUIDE.options]))
    values = {name: value for name, value in given.items() if name != "preset"}
    base = lookup(f"{key}.preset: guide", str(given["preset"]), PRESETS) if "preset" in given else None
    if base is None and not {"name", "scale"} <= set(values):
        raise UsageError(
            f"{key}={dict(given)}: give a preset ({', '.join(PRESETS)}), or both name ({', '.join(GUIDES)}) and scale"
        )
    options.check(GUIDE, values, key)
    if "window" in values:
        values["window"] = tuple(values["window"])
    guide = Guide(**{**asdict(base or Guide()), **(SAMPLER if sampler else {}), **values})
    if ":" not in guide.name:
        lookup(f"{key}.name: guide", guide.name, dict.fromkeys(GUIDES))
    lookup(f"{key}.norm: norm", guide.norm, dict.fromkeys(NORMS))
    if guide.norm == "variance" and guide.inner > 1:
        raise UsageError(f"{key}.inner={guide.inner}: with norm variance a step is one shift; set inner: 1")
    return guide if guide.scale else None


def drift_of(given: Any, key: str = "search.drift") -> Guide | None:
    """The drift that a job describes: a guide of which only name, scale, clip, shrink, chunk and recompute count.

    Raises:
        UsageError: as `guide_of` does, and for the other fields of a guide.
    """
    drift = guide_of(given, key=key)
    for name in ("window", "every", "inner", "travel", "norm", "strict"):
        if drift is not None and getattr(drift, name) != getattr(Guide(), name):
            raise UsageError(
                f"{key}.{name}={getattr(drift, name)!r}: a drift acts on the initial noise alone; give name, scale, "
                "clip, shrink, chunk and recompute, such as {name: full, scale: 1}"
            )
    if drift is not None:
        lookup(f"{key}.name: drift", drift.name, dict.fromkeys(GUIDES))
    return drift
