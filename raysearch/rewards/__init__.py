"""Rewards: what judges a preview. `load` makes one from its configuration; importing this loads no model library.

A reward eats views (uint8 videos reduced on the generator to `size` pixels a side) and returns Scores. Higher is
better. Measures that are only watched, such as the amount of motion, have the same form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from raysearch.errors import UsageError
from raysearch.names import lookup
from raysearch.prompts import Prompt


@dataclass(frozen=True)
class Scores:
    """value: the reward, NaN where it does not apply. details: named numbers beside it, e.g. per window."""

    value: float
    details: Mapping[str, float] = field(default_factory=dict)


class Reward(Protocol):
    """size: side of the square view it wants, px; None takes any. differentiable: a guide can use it."""

    size: int | None
    differentiable: bool

    def score(self, view: np.ndarray, prompt: Prompt) -> Scores:
        """The reward of one view, uint8 [frames, height, width, 3]."""
        ...


def label(spec: Mapping[str, Any]) -> str:
    """What a reward is called in results: its `label`, else its `name`."""
    return str(spec.get("label", spec["name"]))


def flat(specs: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The specs and the parts inside them."""
    for spec in specs:
        yield spec
        yield from flat(p for p in spec.get("parts", ()) if isinstance(p, Mapping))


def check(options: Mapping[str, Any], key: str = "reward") -> None:
    """Raise UsageError for a reward or an option that does not exist, without loading anything."""
    from raysearch.rewards import plugins

    entry = plugins.find(str(options.get("name")), key)
    if "." in label(options):
        raise UsageError(f"{key}.label={label(options)!r}: no dots in labels, they set details off")
    for option in options:
        if option not in ("name", "label"):
            known = dict.fromkeys(entry.options)
            elsewhere = key == "reward" and any(option in other.options for other in REWARDS.values())
            remedy = "reward=NAME leaves out the options of another reward" if elsewhere else ""
            if not known:
                raise UsageError(f"{key}.{option}: {options['name']} has no options{remedy and '; '}{remedy}")
            lookup(f"{key}: option of {options['name']}", option, known, remedy)
    model = options.get("model")
    if isinstance(model, str) and model.startswith((".", "/", "~")) and not Path(model).expanduser().is_dir():
        raise UsageError(f"{key}.model={model!r}: no such folder; give a folder or a hub id")
    if entry.watched_only and key == "reward":
        raise UsageError(f"{key}.name={options['name']}: it measures no quality; name it under watch, and see choose")
    if entry.check:
        entry.check(options, key)
    settings(options)


def settings(options: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting of a reward and of its parts, defaults filled in as far as it tells them; loads nothing.

    Raises UsageError for settings that contradict each other.
    """
    entry = REWARDS.get(str(options["name"]))
    own = {k: v for k, v in options.items() if k not in ("name", "label")}
    parts = {"parts": [settings(part) for part in options["parts"]]} if "parts" in options else {}
    if entry is None or entry.settings is None:
        return {**options, **parts}
    return {**options, **entry.settings(**{k: v for k, v in own.items() if k in entry.options})}


def fits(options: Mapping[str, Any], frames: int, fps: float | None) -> None:
    """Raise UsageError if a reward, or a part of it, cannot judge any video of so many frames; loads nothing."""
    for spec in flat([options]):
        entry = REWARDS.get(str(spec["name"]))
        if entry and entry.fits:
            entry.fits(settings(spec), frames, fps)


def maps(spec: Mapping[str, Any]) -> bool:
    """Whether this reward tells where and when in a video: it has `score_with_map`."""
    return str(spec["name"]) in REWARDS and REWARDS[str(spec["name"])].maps


def needs(options: Mapping[str, Any]) -> dict[str, str]:
    """What a reward and its parts must know of the prompt (`text`, `clip`, `scene`), each with the part that asks."""
    found: dict[str, str] = {}
    for spec in flat([options]):
        entry = REWARDS.get(str(spec["name"]))
        if entry and entry.needs and (wanted := entry.needs(spec)):
            found.setdefault(wanted, label(spec))
    return found


def differentiable(spec: Mapping[str, Any]) -> bool:
    """Whether a guide can use this reward, from its spec alone; of a fuse, every part that counts."""
    from raysearch.rewards import plugins

    able = plugins.find(str(spec["name"])).differentiable
    return able and all(differentiable(p) for p in spec.get("parts", ()) if p.get("weight", 1))


def load(options: Mapping[str, Any], device: str = "cpu") -> Reward:
    """The reward named by options["name"], with the other options. Raises UsageError for unknown names or options."""
    from raysearch.rewards import plugins

    check(options, "rewards")
    options = {k: v for k, v in options.items() if k != "label"}
    return plugins.find(options.pop("name")).load(device=device, **options)


def _vjepa2(device: str, **options: Any) -> Reward:
    from raysearch.rewards.vjepa2 import VJEPA2Reward

    return VJEPA2Reward.load(device=device, **options)


def _vjepa2_settings(**options: Any) -> dict[str, Any]:
    from raysearch.rewards.convention import settings

    return settings(**options)


def _vjepa2_fits(resolved: Mapping[str, Any], frames: int, fps: float | None) -> None:
    from raysearch.rewards.convention import Convention

    Convention.of(resolved).select(frames, fps)


def _motion(device: str, **options: Any) -> Reward:
    from raysearch.rewards.motion import Motion

    return Motion(**options)


def _flicker(device: str, **options: Any) -> Reward:
    from raysearch.rewards.flicker import Flicker

    return Flicker(**options)


def _smoothness(device: str, **options: Any) -> Reward:
    from raysearch.rewards.flicker import Smoothness

    return Smoothness(**options)


def _videomae(device: str, **options: Any) -> Reward:
    from raysearch.rewards.videomae import VideoMAEReward

    return VideoMAEReward.load(device=device, **options)


def _vlm(device: str, **options: Any) -> Reward:
    from raysearch.rewards.vlm import VLMReward

    return VLMReward.load(device=device, **options)


def _features(device: str, **options: Any) -> Reward:
    from raysearch.rewards.features import Features

    return Features.load(device=device, **options)


def _fuse(device: str, **options: Any) -> Reward:
    from raysearch.rewards.fuse import Fuse

    return Fuse.load(device=device, **options)


def _check_fuse(options: Mapping[str, Any], key: str) -> None:
    from raysearch.rewards.fuse import check

    check(options, key)


def _vlm_needs(options: Mapping[str, Any]) -> str:
    questions = options.get("questions", "physics")
    asked = list(questions) if isinstance(questions, (list, tuple, Mapping)) else [questions]
    return "text" if any(q == "text" or "{text}" in str(q) for q in asked) else ""


def _tinyworld(device: str, **options: Any) -> Reward:
    from raysearch.rewards.tinyworld_truth import Truth

    return Truth(**options)


@dataclass(frozen=True)
class Entry:
    """How a reward is made, the options it takes, and what else can be told of them without loading anything.

    check: raises UsageError for wrong ones. settings: all of them, defaults filled in. fits: raises UsageError for a
    length or rate of video that it cannot judge. needs: what it must know of the prompt, `text`, `clip` or `scene`.
    differentiable: it has `reward(video)`, from [B, T, 3, H, W] in [0, 1] to [B], with a gradient; of a fuse, if its
    parts have. watched_only: it cannot be searched by. maps: it has `score_with_map`, where and when in a video.
    """

    load: Callable[..., Reward]
    options: tuple[str, ...] = ()
    check: Callable[[Mapping[str, Any], str], None] | None = None
    settings: Callable[..., dict[str, Any]] | None = None
    fits: Callable[[Mapping[str, Any], int, float | None], None] | None = None
    needs: Callable[[Mapping[str, Any]], str] | None = None
    watched_only: bool = False
    differentiable: bool = False
    maps: bool = False


REWARDS: dict[str, Entry] = {
    "vjepa2": Entry(
        _vjepa2,
        (
            "model",
            "revision",
            "dtype",
            "preset",
            "window",
            "context",
            "stride",
            "distance",
            "cosine",
            "worst",
            "reduce",
            "frames",
            "resize",
            "attention",
            "batch",
            "compile",
        ),
        settings=_vjepa2_settings,
        fits=_vjepa2_fits,
        differentiable=True,
        maps=True,
    ),
    "motion": Entry(
        _motion, ("relative",), differentiable=True, needs=lambda options: "clip" if options.get("relative") else ""
    ),
    "flicker": Entry(_flicker, differentiable=True),
    "smoothness": Entry(_smoothness, ("step",), differentiable=True),
    "videomae": Entry(
        _videomae, ("model", "revision", "dtype", "stride", "context", "norm_pix", "reduce"), differentiable=True
    ),
    "vlm": Entry(
        _vlm, ("model", "revision", "dtype", "questions", "answer", "frames", "size", "fps"), needs=_vlm_needs
    ),
    "vjepa2_features": Entry(_features, ("model", "revision", "dtype", "frames", "grid", "dims"), watched_only=True),
    "fuse": Entry(_fuse, ("how", "parts", "at_least", "otherwise"), _check_fuse, differentiable=True),
    "tinyworld_truth": Entry(_tinyworld, needs=lambda options: "scene"),
}
