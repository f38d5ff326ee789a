"""Pipeline classes of diffusers: the one for a prompt among those of the same weights, and what its call takes."""

from __future__ import annotations

import inspect

from raysearch.errors import UsageError
from raysearch.generators.conditioning import own_names, taken
from raysearch.generators.declare import Call, Pipeline
from raysearch.generators.inputs import with_same_weights
from raysearch.generators.parts import in_guider
from raysearch.names import lookup


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
    parameters = dict.fromkeys(inspect.signature(cls.__call__).parameters)
    if in_guider(cls):
        parameters["guidance_scale"] = None
    for name in taken(cls, own_names(cls, call)):
        lookup(f"generator.call: argument of {pipeline}", name, parameters)
