"""Which rewards there are, as each describes itself: those of raysearch, installed plug-ins, and `package.module:Name`.

The rewards of raysearch are the files and folders beside this one that hold a class or function marked by
`Declaration`; the file's name is the reward's. Options come from its signature and docstring, abilities from its
declaration, so a new reward is one new file. Listing and checking import those faces, which load no model library.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from raysearch import options
from raysearch.errors import UsageError
from raysearch.names import lookup
from raysearch.options import Part
from raysearch.rewards import plugins
from raysearch.rewards.base import Declaration, Reward, declaration, declared_by


@dataclass(frozen=True)
class RewardPart:
    """A reward that can be made.

    Attributes:
        part: name, summary, paper and options.
        declared: its abilities and checks.
        make: the class or function that makes it.
        origin: for a reader, where it comes from; empty for those of raysearch.
        version: what changes when its code does, part of the fingerprint; empty for those of raysearch.
    """

    part: Part
    declared: Declaration
    make: Callable[..., Any]
    origin: str = ""
    version: str = ""

    def load(self, device: str, given: Mapping[str, Any]) -> Reward:
        """Make it on a torch device, from checked options. Raises UsageError where it cannot be loaded."""
        if self.origin:
            where = f"reward {self.part.name}" + (f" of {self.origin}" if ":" not in self.part.name else "")
            return plugins.build(self.make, where, device, given)
        more = {"device": device} if plugins.takes(self.make, "device") else {}
        reward: Reward = self.make(**more, **given)
        return reward


def builtin() -> dict[str, RewardPart]:
    """The rewards of raysearch by name."""
    return dict(_builtin(str(Path(__file__).parent)))


@lru_cache(maxsize=4)
def _builtin(folder: str) -> dict[str, RewardPart]:
    names = sorted(module.name for module in pkgutil.iter_modules([folder]))
    modules = {name: import_module(f"{__package__}.{name}") for name in names}
    marked = {
        name: make
        for name, module in modules.items()
        for make in vars(module).values()
        if declared_by(make) and make.__module__ == module.__name__
    }
    return {name: _part(make, name) for name, make in marked.items()}


def names() -> list[str]:
    """The names of all rewards, those of raysearch first; nothing of a plug-in is imported."""
    return list(dict.fromkeys([*builtin(), *sorted(plugins.installed())]))


def able(ability: str) -> list[str]:
    """The names of the rewards of raysearch that declare an ability, such as `differentiable` or `maps`."""
    return [name for name, reward in builtin().items() if getattr(reward.declared, ability)]


def find(name: str, key: str = "reward") -> RewardPart:
    """The reward of a name, which imports it.

    Args:
        name: of a reward of raysearch or of a plug-in, or `package.module:Name`.
        key: where the name stands in the job; errors begin with it.

    Raises:
        UsageError: for an unknown name (with the nearest one), and for a reward that cannot be imported.
    """
    if ":" in name:
        return _custom(plugins.of_path(name, key), name)
    points = plugins.installed()
    lookup(f"{key}.name: reward", name, dict.fromkeys(names()))
    claimed = points.get(name, ())
    if claimed and name in builtin():
        raise UsageError(
            f"{key}.name={name}: {plugins.origin(claimed[0])} takes the name of a reward of raysearch; uninstall it or "
            "rename its entry point"
        )
    if len(claimed) > 1:
        both = " and ".join(map(plugins.origin, claimed))
        raise UsageError(f"{key}.name={name}: {both} both bring a reward of that name; uninstall one")
    if not claimed:
        return builtin()[name]
    origin = plugins.origin(claimed[0])
    return replace(_part(plugins.of_point(claimed[0]), name), origin=origin, version=origin)


def version(name: str) -> str:
    """What changes when the code of a reward of another package does; empty for those of raysearch.

    Of a plug-in, its distribution and version, which does not import it; of `package.module:Name`, a hash of its file.
    """
    if ":" in name:
        return find(name).version
    claimed = plugins.installed().get(name, ())
    return "" if name in builtin() or not claimed else plugins.origin(claimed[0])


def shipped(name: str) -> str:
    """The weights of the tiny world that `model: tiny` stands for in a reward of raysearch; empty where it is none."""
    reward = builtin().get(name)
    return reward.declared.shipped if reward else ""


def _custom(make: Callable[..., Any], name: str) -> RewardPart:
    return replace(_part(make, name), origin=name.partition(":")[0], version=plugins.source(make, name))


def _part(make: Callable[..., Any], name: str) -> RewardPart:
    """A reward as it describes itself; defaults that follow from other options are those of the default model."""
    part, declared = options.describe(make, name, without=("device",)), declaration(make)
    if declared.settings:
        filled = declared.settings()
        part = replace(part, options={k: replace(o, default=filled.get(k, o.default)) for k, o in part.options.items()})
    return RewardPart(part, declared, make)
