"""Noise that a prompt sets: `generator.draw` names a function that gives structure to what a generator draws.

A plan of the motion, such as VLIPP's coarse boxes from a language model (arXiv 2503.23368), becomes noise that moves
along it: structured noise is another prior, so everything that starts from noise, or mixes fresh noise into it, draws
from it. The plan stands in the prompt (`plan`), the function in a module that every worker can import.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from importlib import import_module
from types import MethodType
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from raysearch.config.settings import GeneratorConfig
from raysearch.errors import UsageError
from raysearch.generators.contract import Generator, Model
from raysearch.prompts import Prompt

if TYPE_CHECKING:
    import torch

KEY = "generator.draw"
Draw: TypeAlias = "Callable[[Prompt, torch.Tensor, torch.Generator], torch.Tensor]"
"""From the prompt, what the generator has drawn, and the CPU generator of the same address: the noise to start from.

Shape, variance of each position, and positions that hold conditions are to be left as they are; all randomness comes
from the two arguments, so that a Move has the same noise wherever it runs.
"""


def function(name: str) -> Draw:
    """The function that a job names. Raises UsageError if it cannot be imported."""
    module, _, attribute = name.partition(":")
    try:
        found: Draw = getattr(import_module(module), attribute)
    except Exception as error:  # importing runs code of others, which may raise anything
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise UsageError(
            f"{KEY}={name!r}: {reason}; give package.module:function of a package that every worker can import"
        ) from None
    return found


def check(config: GeneratorConfig, prompts: Iterable[Prompt]) -> None:
    """Raise UsageError for a function that cannot be imported or draws nothing, and for plans that nobody uses."""
    if config.draw is not None:
        if config.name == "api":
            raise UsageError(f"{KEY}={config.draw!r}: an endpoint draws its own noise; leave it out")
        function(config.draw)
        return
    for prompt in prompts:
        if prompt.plan is not None:
            raise UsageError(
                f"prompt {prompt.id!r} has a plan, but no {KEY} names the function that makes noise of it; set it, or "
                "leave the plan out"
            )


def planned(model: Model, name: str) -> Model:
    """The model, whose generators draw by the function of this name."""
    draw, on = function(name), cast("Callable[..., Generator]", model.on)

    def with_plan(prompt: Prompt, *conditions: Any) -> Generator:
        generator = on(prompt, *conditions)
        if "draw" in vars(generator):  # one object for all prompts; each has a draw of its own
            generator = copy.copy(generator)
        own = MethodType(type(generator).draw, generator)

        def structured(noise: torch.Generator) -> torch.Tensor:
            drawn = own(noise)
            made = draw(prompt, drawn.clone(), noise)
            if made.shape != drawn.shape or made.dtype != drawn.dtype or not bool(made.isfinite().all()):
                raise UsageError(
                    f"{KEY}={name!r}: it made {made.dtype} {tuple(made.shape)} of {drawn.dtype} {tuple(drawn.shape)}; "
                    "keep shape and dtype, and every number finite"
                )
            return made

        _set(generator, "draw", structured)  # the object stays what it is, with all that it offers beside
        return generator

    _set(model, "on", with_plan)
    return model


def _set(thing: Any, name: str, value: Any) -> None:
    setattr(thing, name, value)
