"""Every reward for a reader: what it measures, its options with defaults, whether it can guide, and its paper.

Taken from the classes themselves, plug-ins included; so describing them imports them, but loads no weights.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from raysearch import rewards
from raysearch.errors import UsageError
from raysearch.names import kind, lookup, meanings
from raysearch.rewards import REWARDS, Entry, plugins

CLASSES = {
    "vjepa2": "raysearch.rewards.vjepa2:VJEPA2Reward",
    "motion": "raysearch.rewards.motion:Motion",
    "flicker": "raysearch.rewards.flicker:Flicker",
    "smoothness": "raysearch.rewards.flicker:Smoothness",
    "videomae": "raysearch.rewards.videomae:VideoMAEReward",
    "vlm": "raysearch.rewards.vlm:VLMReward",
    "vjepa2_features": "raysearch.rewards.features:Features",
    "fuse": "raysearch.rewards.fuse:Fuse",
    "tinyworld_truth": "raysearch.rewards.tinyworld_truth:Truth",
}
OPTIONS = {"vjepa2": ("raysearch.rewards.convention:Convention", "raysearch.rewards.convention:settings")}
SHARED = "raysearch.rewards.checkpoints:load"  # whose docstring tells of the options of all that load weights
REQUIRED = "(required)"  # in place of a default
PAPERS = {"vjepa2": "WMReward, arXiv 2601.10553 (section 2.3); V-JEPA 2, arXiv 2506.09985"}


@dataclass(frozen=True)
class Description:
    """One reward. options: defaults by name, None where the model decides. origin: the distribution of a plug-in.

    meanings, kinds: of each option what it does, and which values it takes; empty where its author does not say.
    """

    name: str
    summary: str
    options: dict[str, Any] = field(default_factory=dict)
    differentiable: bool = False
    paper: str = ""
    origin: str = ""
    error: str = ""
    meanings: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)


def describe() -> list[Description]:
    """All rewards: those of raysearch, then plug-ins by name; a broken plug-in with its error, not as an exception."""
    return [of(name) for name in names()]


def names() -> list[str]:
    """Of all rewards, those of raysearch first."""
    return list(dict.fromkeys([*REWARDS, *sorted(plugins.installed())]))


def of(name: str) -> Description:
    """One reward. Raises UsageError for an unknown name, suggesting the nearest."""
    points = plugins.installed().get(name, ())
    if not points:
        lookup("reward", name, dict.fromkeys(names()))
        return _of(name, REWARDS[name], _class(CLASSES[name]))
    origin = " and ".join(map(plugins.origin, points))
    try:
        return _of(name, plugins.find(name), plugins.make_of(points[0]), origin)
    except UsageError as error:
        return Description(name, "cannot be used", origin=origin, error=str(error))


def resolved(spec: Mapping[str, Any]) -> dict[str, Any]:
    """What a spec means: every option of it and of its parts with its default filled in, as plain values.

    Two specs that differ only in what they spell out are equal. Raises UsageError for an unknown name.
    """
    name = str(spec["name"])
    if plugins.find(name).settings:  # which also turn short names and presets into what they stand for
        filled = {k: v for k, v in rewards.settings(spec).items() if k != "preset"}
    else:
        filled = {**{k: v for k, v in of(name).options.items() if v != REQUIRED}, **spec}
    if "parts" in spec:
        parts = ({**part, "weight": float(part.get("weight", 1))} for part in spec["parts"])
        filled["parts"] = [resolved(part) for part in parts]
    return {**filled, "label": rewards.label(spec)}


def _of(name: str, entry: Entry, make: Any, origin: str = "") -> Description:
    lines = (inspect.getdoc(make) or "no description").splitlines()
    papers = [line.removeprefix("Paper: ") for line in lines if line.startswith("Paper: ")]
    makers = [make, *([make.load] if hasattr(make, "load") else []), *map(_class, OPTIONS.get(name, ()))]
    known = {k: p for m in makers for k, p in plugins.parameters(m).items() if k in entry.options}
    shared = () if origin else (_class(SHARED).__doc__,)
    return Description(
        name,
        lines[0],
        {o: _default(known.get(o)) for o in entry.options} | (entry.settings() if entry.settings else {}),
        entry.differentiable,
        " ".join(papers) or PAPERS.get(name, ""),
        origin,
        meanings=meanings(entry.options, *(inspect.getdoc(m) for m in makers), *shared),
        kinds={o: kind(known[o].annotation) if o in known else "" for o in entry.options},
    )


def _default(parameter: inspect.Parameter | None) -> Any:
    if parameter is None:
        return None
    return REQUIRED if parameter.default is inspect.Parameter.empty else parameter.default


def _class(where: str) -> Any:
    module, name = where.split(":")
    return getattr(importlib.import_module(module), name)
