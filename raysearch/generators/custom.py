"""Custom generators, named in a job by `generator.name: package.module:function`, and those of OWN by a short name.

The function receives a GeneratorConfig and a device and returns a Model. It describes itself: its docstring says what
it is, and parameters after the first two are the options that a job gives under `generator.call`, read and checked as
those of every other part. Attributes of the function say more, all of them before anything is loaded: `takes`, some of
text, image and frames, and `needs_frames`, that a prompt has to give an image or frames; `options`, a dataclass, in
place of the parameters; `check(config, prompts)` raises UsageError; `ends(config)` says where chunks end, as fractions
of the steps, `lengths(config)` how many frames each of them makes, `files(config)` which folders and files the results
depend on beside `generator.model`, `about(config)` what the model is and takes, {name: finding}, which `raysearch
doctor` prints, and `conditions`, True, that the model is a contract.Encoding: one replica encodes a prompt for all.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import replace
from importlib import import_module
from typing import Any

from raysearch import options
from raysearch.config.settings import GeneratorConfig
from raysearch.errors import UsageError
from raysearch.generators import inputs
from raysearch.generators.contract import Factory, Model
from raysearch.generators.declare import KINDS, PipelineClass
from raysearch.prompts import Prompt

# raysearch's own that are no pipelines of diffusers
OWN = {
    "magi1": "raysearch.generators.magi1:load",
    "api": "raysearch.generators.api:load",
    "stepwise": "raysearch.generators.stepwise:load",
}


def function(name: str) -> Callable[..., Model]:
    """The function that a job names. Raises UsageError if it cannot be imported."""
    module, _, attribute = OWN.get(name, name).partition(":")
    try:
        make: Callable[..., Model] = getattr(import_module(module), attribute)
    except Exception as error:  # importing runs code of others, which may raise anything
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise UsageError(
            f"generator.name={name!r}: {reason}; give `diffusers`, or package.module:function of a package that every "
            "worker can import"
        ) from None
    return make


def factory(name: str) -> Factory:
    """The function as one of a configuration and a device, with the options that the job gives."""
    make = function(name)
    if not describe(name).options:
        return make
    return lambda config, device: make(config, device, **config.call)


def describe(name: str) -> options.Part:
    """The custom generator as it describes itself; its options are those that stand under `generator.call`."""
    make = function(name)
    if (declared := getattr(make, "options", None)) is not None:
        return replace(options.describe(declared, name), summary=options.describe(make).summary)
    try:
        first_two = list(inspect.signature(make).parameters)[:2]
    except (TypeError, ValueError):  # not callable, or without a signature: the call will tell
        return options.Part(name, "no description", "", {})
    return options.describe(make, name, without=first_two)


def pipeline_class(name: str) -> PipelineClass:
    """What it takes, in the form in which pipeline classes are declared; `takes` is empty if it does not say."""
    make: Any = function(name)
    takes = tuple(getattr(make, "takes", ()))
    if unknown := [kind for kind in takes if kind not in KINDS]:
        raise UsageError(f"generator.name={name!r}: takes={unknown[0]!r} is none of {', '.join(KINDS)}")
    needs_frames = bool(getattr(make, "needs_frames", False))
    return PipelineClass(name, describe(name).summary, takes, needs_frames, tested=False, why="not in the table")


def check(config: GeneratorConfig, prompts: Iterable[Prompt]) -> None:
    """Raise UsageError for options that the generator does not have, and for prompts that it cannot do."""
    prompts = list(prompts)
    part, declared = describe(config.name), pipeline_class(config.name)
    if part.options:
        options.check(part, config.call, "generator.call")
    if declared.takes:
        for prompt in prompts:
            inputs.check(declared, inputs.frame_count(prompt, config.fps, config.num_frames), prompt.id)
    if (further := getattr(function(config.name), "check", None)) is not None:
        further(config, prompts)


def ends(config: GeneratorConfig) -> list[float] | None:
    """Where the chunks but the last end, as fractions of the steps; None of a generator that does not say."""
    of = getattr(function(config.name), "ends", None)
    return None if of is None else list(of(config))


def lengths(config: GeneratorConfig) -> list[int]:
    """Frames of each chunk that is made; empty of a generator that does not say."""
    of = getattr(function(config.name), "lengths", None)
    return [] if of is None else list(of(config))


def files(config: GeneratorConfig) -> list[str]:
    """Folders and files that the results depend on beside `generator.model`."""
    of = getattr(function(config.name), "files", None)
    return [] if of is None else [str(path) for path in of(config)]


def about(config: GeneratorConfig) -> dict[str, str]:
    """What the generator says of its model before it is loaded, name and finding, for people."""
    of = getattr(function(config.name), "about", None)
    return {} if of is None else dict(of(config))
