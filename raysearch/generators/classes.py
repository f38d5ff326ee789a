"""Pipeline classes of diffusers: the one for a prompt among those of the same weights, and what its call takes."""

from __future__ import annotations

import inspect
from typing import Any

from raysearch.config import by_card
from raysearch.config.settings import GeneratorConfig
from raysearch.errors import UsageError
from raysearch.generators import families
from raysearch.generators.blocks import parameters
from raysearch.generators.conditioning import own_names, taken
from raysearch.generators.declare import Call, Pipeline
from raysearch.generators.inputs import with_same_weights
from raysearch.generators.parts import class_of, in_guider
from raysearch.names import lookup

# Classes that take times but always give their scheduler sigmas as well, which it refuses.
OWN_SIGMAS = ("LTXPipeline", "LTXImageToVideoPipeline", "MochiPipeline", "MotifVideoPipeline")
KNOWN = ("height", "width", "num_frames", "guidance_scale", "negative_prompt")  # checked by their own keys


def for_frames(pipeline: Pipeline, frames: int) -> Pipeline:
    """The pipeline, or one on the same parts whose class takes this number of conditioning frames."""
    return of_class(pipeline, with_same_weights(type(pipeline), frames, pipeline.config))


def of_class(pipeline: Pipeline, name: str) -> Pipeline:
    """The pipeline itself if its class has this name, else a pipeline of that class on the same parts."""
    import diffusers

    if name == type(pipeline).__name__:
        return pipeline
    cls = getattr(diffusers, name)
    known = {**pipeline.config, **pipeline.components}
    wanted = {k: known.get(k, p.default) for k, p in inspect.signature(cls.__init__).parameters.items() if k != "self"}
    result = cls(**wanted)
    result.set_progress_bar_config(disable=True)
    return result


def refuse_unknown(call: Call, pipeline: str) -> None:
    """Raise UsageError for a class that diffusers does not have, or an argument that its call does not have."""
    import diffusers

    cls = getattr(diffusers, pipeline, None)
    if cls is None:
        raise UsageError(
            f"generator.model: diffusers {diffusers.__version__} has no {pipeline}; install a version that has it"
        )
    known = dict.fromkeys(parameters(cls))
    if in_guider(cls):
        known["guidance_scale"] = None
    for name in taken(cls, own_names(cls, call)):
        lookup(f"generator.call: argument of {pipeline}", name, known)


def check_call(config: GeneratorConfig, pipeline: str, call: Call) -> None:
    """Check the arguments of the call that no key of the settings and no card stands for, before anything is loaded.

    Raises:
        UsageError: for an argument that the class does not take, and for times where it makes its own.
    """
    if config.model in families.MODELS or config.trust_remote_code is True:
        return
    card = by_card.card_of(config)
    usual = {key.rpartition(".")[2] for key in card.settings} if card is not None else set()
    if not call.keys() - {*KNOWN} - usual:
        return
    cls = class_of(pipeline)
    if "timesteps" in call and (pipeline in OWN_SIGMAS or not _takes(cls, "timesteps")):
        key = f"generator.shift={config.shift:g}" if config.shift is not None else "generator.call.timesteps"
        raise UsageError(
            f"{key}: {pipeline} makes its times by itself; set the shift of its scheduler, generator.scheduler="
            "{flow_shift: 5.0} (UniPC, DPM++) or {shift: 5.0} (FlowMatchEuler)"
        )
    refuse_unknown(call, pipeline)


def _takes(cls: Any, name: str) -> bool:
    return cls is None or name in parameters(cls)
