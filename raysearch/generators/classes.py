"""Pipeline classes of diffusers: the one for a prompt among those of the same weights, and what its call takes."""

from __future__ import annotations

import inspect
from typing import Any

from raysearch.errors import UsageError
from raysearch.generators.conditioning import own_names
from raysearch.generators.families import with_same_weights
from raysearch.names import lookup


def for_frames(pipeline: Any, frames: int) -> Any:
    """The pipeline, or one of another class on the same parts where that is the one that takes so many frames."""
    return of_class(
        pipeline, with_same_weights(type(pipeline).__name__, frames, bool(pipeline.config.get("expand_timesteps")))
    )


def of_class(pipeline: Any, name: str) -> Any:
    """The pipeline itself if it is of that class, else one that is, on the same parts."""
    import diffusers

    if name == type(pipeline).__name__:
        return pipeline
    cls = getattr(diffusers, name)
    known = {**pipeline.config, **pipeline.components}
    wanted = {k: known.get(k, p.default) for k, p in inspect.signature(cls.__init__).parameters.items() if k != "self"}
    result = cls(**wanted)
    result.set_progress_bar_config(disable=True)
    return result


def refuse_unknown(call: dict[str, Any], pipeline: str) -> None:
    """Raise UsageError for a class that diffusers does not have, or an argument that its call does not have."""
    import diffusers

    cls = getattr(diffusers, pipeline, None)
    if cls is None:
        raise UsageError(
            f"generator.model: diffusers {diffusers.__version__} has no {pipeline}; install a version that has it"
        )
    parameters = dict.fromkeys(inspect.signature(cls.__call__).parameters)
    for name in own_names(cls, call):
        lookup(f"generator.call: argument of {pipeline}", name, parameters)
