"""Settings of a job that go to a part of a pipeline or to an argument of the model's own name.

The dtypes of the parts, the settings of the scheduler, the guidance that a guider holds, and the frame rate that some
networks are told. `check` needs the model's index and small configurations alone; it imports diffusers only for a name
that they do not settle.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from raysearch import pretrained
from raysearch.config import by_card
from raysearch.config.settings import GeneratorConfig
from raysearch.errors import UsageError
from raysearch.generators import families
from raysearch.generators.blocks import parameters
from raysearch.generators.declare import Call, Config, Pipeline
from raysearch.names import lookup


def check(config: GeneratorConfig, index: Config, scheduler_config: Config) -> None:
    """Check the dtypes of parts and the settings of the scheduler before anything is loaded.

    Args:
        config: the generator's settings.
        index: the model_index.json of the model.
        scheduler_config: the scheduler_config.json of the model; empty where it is not known.

    Raises:
        UsageError: for a part that the model does not have, or a setting that its scheduler does not have.
    """
    parts = [name for name, entry in index.items() if isinstance(entry, list) and entry[:1] != [None]]
    card = by_card.card_of(config)
    usual = {} if card is None or "dtype" not in card.settings else card.settings["dtype"].value
    for name in config.dtype if isinstance(config.dtype, Mapping) else ():
        if name != "default" and name not in usual:
            lookup("generator.dtype: part", name, dict.fromkeys(["default", *parts]))
    name = class_name(index, "scheduler")
    if unknown := [key for key in config.scheduler if key not in scheduler_config]:
        check_scheduler(class_of(name), name, unknown)


def check_ranks(index: Config, ranks: int) -> None:
    """Raise UsageError if a network of the model cannot be split over several processes."""
    for part in ("transformer", "transformer_2") if ranks > 1 else ():
        name = class_name(index, part)
        if name and getattr(class_of(name), "_cp_plan", None) is None:
            raise cannot_split(name, ranks)


def cannot_split(name: str, ranks: int) -> UsageError:
    """The error for a network, or a model, that diffusers cannot split."""
    return UsageError(
        f"cluster.generators.ranks={ranks}: diffusers cannot split {name} over several processes; set it to 1, and use "
        "more replicas"
    )


def class_name(index: Config, part: str) -> str:
    """The name of the class of a part, of which a model_index.json says [library, class]; empty where it says none."""
    entry = index.get(part)
    return entry[1] if isinstance(entry, list) and len(entry) == 2 and isinstance(entry[1], str) else ""


def class_of(name: str) -> Any:
    """The class of diffusers of this name; None where it has none."""
    import diffusers

    return getattr(diffusers, name, None)


def check_scheduler(cls: Any, name: str, settings: Iterable[str]) -> None:
    """Raise UsageError for settings that a class of schedulers does not have, with the nearest that it has."""
    if cls is None:
        raise UsageError(
            f"generator.scheduler: {name or 'the scheduler of the model'} is no class of diffusers whose settings are "
            "known; leave generator.scheduler out"
        )
    known = [p for p in inspect.signature(cls.__init__).parameters if p not in ("self", "kwargs")]
    for key in settings:
        lookup(f"generator.scheduler: setting of {name}", key, dict.fromkeys(known))


def set_scheduler(pipeline: Pipeline, settings: Mapping[str, Any]) -> None:
    """Give a loaded pipeline its scheduler anew, with these settings in place of those of its files.

    Raises:
        UsageError: for a setting that the scheduler does not have, or a value that it does not take.
    """
    if not settings:
        return
    cls = type(pipeline.scheduler)
    check_scheduler(cls, cls.__name__, settings)
    try:
        pipeline.scheduler = pretrained.reconfigured(cls, pipeline.scheduler.config, **settings)
    except (TypeError, ValueError, NotImplementedError, ArithmeticError) as error:
        raise UsageError(
            f"generator.scheduler={dict(settings)}: {cls.__name__} does not take it ({pretrained.one_line(error, 150)})"
        ) from None


def dtypes(config: GeneratorConfig) -> dict[str, Any]:
    """The torch.dtype of each part that the settings name, with `default` for the others."""
    import torch

    parts = config.dtype if isinstance(config.dtype, Mapping) else {}
    return {name: getattr(torch, by_card.part_dtype(config.dtype or {}, name)) for name in ("default", *parts)}


def set_guider(pipeline: Pipeline, call: Call) -> Call:
    """Give guidance_scale to the guider of a pipeline whose call does not take it; returns the rest of the call."""
    scale = call.get("guidance_scale")
    if scale is None or not in_guider(type(pipeline)):
        return call
    pipeline.guider = pipeline.guider.new(guidance_scale=scale)
    return {name: value for name, value in call.items() if name != "guidance_scale"}


def in_guider(cls: type) -> bool:
    """Whether a class of pipelines has its guidance scale in a guider, a part of it, rather than in its call."""
    return "guidance_scale" not in parameters(cls) and "guider" in inspect.signature(cls).parameters


def with_rate(config: GeneratorConfig, pipeline: str) -> GeneratorConfig:
    """The settings with generator.fps as the argument by which the class tells its network the rate, if it does.

    An argument that the job gives itself stays; the shipped model keeps the rate that it was trained with.
    """
    name = families.of(pipeline).rate
    if not name or name in config.call or config.fps is None or config.model in families.MODELS:
        return config
    fps = int(config.fps) if config.fps == int(config.fps) else config.fps
    return replace(config, call={**config.call, name: fps})
