"""What a job writes about a reward, a spec: checked, resolved and asked for its needs without loading anything.

A spec is a mapping with `name`, optionally `label`, and the options of the reward; those of a fuse hold the specs of
its parts. Invariant: nothing here converts a value, so what was written is what is used and hashed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from raysearch import options, pretrained
from raysearch.errors import UsageError
from raysearch.pretrained import hub
from raysearch.rewards import registry
from raysearch.rewards.base import Reward, Spec


def label(spec: Spec) -> str:
    """What a reward is called in results: its `label`, else its `name`, without the module of a custom one."""
    return str(spec.get("label", str(spec["name"]).rpartition(":")[2]))


def flat(specs: Iterable[Spec]) -> Iterator[Spec]:
    """The specs and, after each, the parts inside it."""
    for spec in specs:
        yield spec
        yield from flat(p for p in spec.get("parts", ()) if isinstance(p, Mapping))


def check(spec: Spec, key: str = "reward") -> None:
    """Hold a spec against what its reward says of itself; loads nothing.

    Args:
        spec: the spec.
        key: where it stands in the job, such as `reward` or `watch[0]`; errors begin with it.

    Raises:
        UsageError: for a reward or an option that does not exist, a value that cannot be meant, options that contradict
            each other, and a reward that no search can go by.
    """
    if not isinstance(spec.get("name"), str):
        raise UsageError(f"{key}.name is missing; name a reward that `raysearch rewards` lists")
    reward = registry.find(spec["name"], key)
    if "." in label(spec):
        raise UsageError(f"{key}.label={label(spec)!r}: labels hold no dots, for dots separate them from details")
    given = _options(spec)
    options.check(reward.part, given, key, _elsewhere(given, reward) if key == "reward" else "")
    model = given.get("model")
    if isinstance(model, str) and model.startswith((".", "/", "~")) and not Path(model).expanduser().is_dir():
        raise UsageError(f"{key}.model={model!r}: no such folder; give a folder or a hub id")
    if reward.declared.watched_only and key == "reward":
        raise UsageError(f"{key}.name={spec['name']}: it measures no quality; name it under watch, and see choose")
    if reward.declared.on_generators and not key.startswith("watch"):
        raise UsageError(
            f"{key}.name={spec['name']}: only a run can measure it, on its generator and of finished candidates; name "
            "it under watch, and see choose"
        )
    reward.declared.check(spec, key)
    settings(spec)


def settings(spec: Spec) -> dict[str, Any]:
    """All settings of a reward and of its parts that are known without loading it.

    Raises:
        UsageError: for settings that contradict each other.
    """
    reward = registry.find(str(spec["name"]))
    if reward.declared.settings:
        known = {k: v for k, v in _options(spec).items() if k in reward.part.options}
        return {**spec, **reward.declared.settings(**known)}
    return {**spec, **({"parts": [settings(part) for part in spec["parts"]]} if "parts" in spec else {})}


def resolved(spec: Spec) -> dict[str, Any]:
    """What a spec means: every option of it and of its parts, defaults filled in, as plain values.

    Two specs that differ only in which defaults they write out are equal.

    Raises:
        UsageError: for an unknown name.
    """
    reward = registry.find(str(spec["name"]))
    if reward.declared.settings:  # which also turns short names and presets into what they stand for
        filled = {k: v for k, v in settings(spec).items() if k != "preset"}
    else:
        defaults = {k: o.default for k, o in reward.part.options.items() if o.default is not options.REQUIRED}
        filled = {**defaults, **spec}
    if "parts" in spec:
        parts = ({**part, "weight": float(part.get("weight", 1))} for part in spec["parts"])
        filled["parts"] = [resolved(part) for part in parts]
    return reward.declared.identity({**filled, "label": label(spec)})


def check_models(spec: Spec, key: str = "reward", ask: bool = True) -> None:
    """Look at the models that a reward and its parts name, without loading them.

    Of a folder the headers of the weights are read; of a hub id the configuration is asked for, so that a model that is
    gated, misspelt or out of reach is known before anything is spent.

    Args:
        spec: a checked spec.
        key: where it stands in the job; errors begin with it.
        ask: whether the hub is asked; False looks at folders alone.

    Raises:
        UsageError: for files that are damaged or absent, and for what the hub refuses.
    """
    for i, part in enumerate(spec.get("parts", ())):
        check_models(part, f"{key}.parts[{i}]", ask)
    reward = registry.find(str(spec["name"]), key)
    model = None if reward.origin else resolved(spec).get("model")
    if not isinstance(model, str) or (model == "tiny" and reward.declared.shipped):
        return
    folder = Path(model).expanduser()
    if not folder.is_dir():
        if ask:
            hub.fetch(model, pretrained.CONFIG, f"{key}.model", spec.get("revision"))
        return
    pretrained.config(folder / pretrained.CONFIG, model, f"{key}.model")
    pretrained.check_files(folder, model, f"{key}.model")


def fits(spec: Spec, frames: int, fps: float | None) -> None:
    """Refuse a number of frames, at a rate, that a reward or one of its parts could never judge; loads nothing.

    Args:
        spec: the spec.
        frames: of the videos.
        fps: frames per second, None where not known.

    Raises:
        UsageError: naming the setting that does not fit.
    """
    for each in flat([spec]):
        registry.find(str(each["name"])).declared.fits(settings(each), frames, fps)


def needs(spec: Spec) -> dict[str, str]:
    """What a reward and its parts must know of the prompt (`text`, `clip`, `scene`), each with the label that asks."""
    asking: dict[str, str] = {}
    for each in flat([spec]):
        if need := registry.find(str(each["name"])).declared.needs(each):
            asking.setdefault(need, label(each))
    return asking


def on_generators(spec: Spec) -> bool:
    """Whether a reward is measured on generator replicas, by the generator itself."""
    return registry.find(str(spec["name"])).declared.on_generators


def maps(spec: Spec) -> bool:
    """Whether a reward can say where and when in a video."""
    return registry.find(str(spec["name"])).declared.maps


def differentiable(spec: Spec) -> bool:
    """Whether guidance can use a reward; of a fuse, whether it can use every part whose weight is not 0."""
    able = registry.find(str(spec["name"])).declared.differentiable
    return able and all(differentiable(p) for p in spec.get("parts", ()) if p.get("weight", 1))


def load(spec: Spec, device: str = "cpu", key: str = "rewards") -> Reward:
    """Load the reward that a spec names.

    Args:
        spec: the spec, which is checked first.
        device: the torch device for its network.
        key: where it stands in the job, as of `check`.

    Raises:
        UsageError: as `check`, and for weights that cannot be loaded.
    """
    check(spec, key)
    return registry.find(spec["name"]).load(device, _options(spec))


def _options(spec: Spec) -> dict[str, Any]:
    return {k: v for k, v in spec.items() if k not in ("name", "label")}


def _elsewhere(given: Spec, reward: registry.RewardPart) -> str:
    """What to do about an unknown option that another reward has: it was left over from a job file."""
    unknown = {option for option in given if option not in reward.part.options}
    if any(unknown & set(other.part.options) for other in registry.builtin().values()):
        return "reward=NAME leaves out the options of another reward"
    return ""
