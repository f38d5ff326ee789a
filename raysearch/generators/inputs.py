"""What a prompt and a job may ask of a pipeline class. Loads neither torch nor diffusers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from typing import Any

from raysearch import videos
from raysearch.config.settings import GeneratorConfig
from raysearch.errors import UsageError
from raysearch.generators.declare import Call, PipelineClass
from raysearch.generators.families import PIPELINES, of
from raysearch.prompts import Prompt, size


def frame_count(prompt: Prompt, fps: float | None = None, most: int | None = None) -> int:
    """The number of conditioning frames of a prompt at `fps` frames per second, counted to `most`. Reads the file."""
    given = size(prompt, fps, most)
    return 0 if given is None else given[0]


def refits(config: GeneratorConfig, prompt: Prompt) -> bool:
    """Whether `generator.fit` may change the picture or clip of a prompt, as far as the settings tell.

    Without a height and a width in the settings the shape of the video is the pipeline's own, and this says True.
    """
    if config.name != "diffusers" or (given := size(prompt, config.fps, 1)) is None:
        return False
    return not (config.height and config.width and videos.same_shape(given[1:], (config.height, config.width)))


def check(pipeline: PipelineClass, given: int, prompt_id: str) -> None:
    """Check that a pipeline class can do a prompt.

    Args:
        pipeline: the declaration of the class.
        given: the number of conditioning frames of the prompt, 0 for text alone.
        prompt_id: for the message.

    Raises:
        UsageError: if the class cannot be driven, needs frames and has none, or takes no frames, or fewer.
    """
    name = pipeline.pipeline
    if pipeline.refused:
        raise UsageError(
            f"generator.model: {name} cannot be driven one step at a time: {pipeline.refused}; use "
            + _names(PIPELINES.values())
        )
    kind = "frames" if given > 1 else "image"
    if not given:
        if pipeline.needs_frames:
            wanted = " or ".join(k for k in ("image", "frames") if k in pipeline.takes)
            raise UsageError(
                f"prompt {prompt_id!r} has no conditioning frames, but {name} needs {wanted}; give the prompt "
                f"`image` or `video`, or use " + _names(p for p in PIPELINES.values() if not p.needs_frames)
            )
    elif kind not in pipeline.takes:
        takes = " and ".join(pipeline.takes)
        takes = "text alone" if takes == "text" else f"{takes}, one frame at most" if given > 1 else takes
        raise UsageError(
            f"prompt {prompt_id!r} has {given} conditioning frame{'s' * (given > 1)}, but {name} takes {takes}; "
            "change the prompt, or use " + _names(p for p in PIPELINES.values() if kind in p.takes)
        )


def check_call(pipeline: str, chunks: int, call: Call) -> None:
    """Raise UsageError if the class cannot make a video in this number of chunks or be driven with these arguments."""
    able = [p for p in PIPELINES.values() if p.continuation]
    if chunks > 1 and pipeline not in [p.pipeline for p in able]:
        raise UsageError(
            f"generator.chunks={chunks}: {pipeline} makes a video whole; set chunks=1, or use {_names(able)}"
        )
    if (refuse := of(pipeline).check_call) is not None:
        refuse(call)


def with_same_weights(pipeline: str | type, given: int, config: Mapping[str, Any]) -> str:
    """The class that does a prompt with the weights of another.

    Args:
        pipeline: the class that the model names, or its name.
        given: the number of conditioning frames of the prompt.
        config: the pipeline's configuration, as in its model_index.json.

    Returns:
        The name of a class that takes such frames; `pipeline` itself where none has the same weights.
    """
    declared, name = of(pipeline), pipeline if isinstance(pipeline, str) else pipeline.__name__
    if not given or (declared.siblings_if and not config.get(declared.siblings_if)):
        return name
    return declared.siblings.get("frames" if given > 1 else "image", name)


def encodes_text(pipeline: str | type, call: Call) -> bool:
    """Whether the pipeline will be given a text, rather than none or embeddings."""
    return "text" in of(pipeline).takes and not has_embeddings(call)


def has_embeddings(call: Call) -> bool:
    """Whether a call brings embeddings of its text: `prompt_embeds`, or several that begin so."""
    return any(name.startswith("prompt_embeds") and value is not None for name, value in call.items())


def check_packages(pipeline: str | type, text: bool) -> None:
    """Raise UsageError for a Python package that the class needs and that is missing.

    Args:
        pipeline: the class, or its name.
        text: whether it is to encode a text, for which some classes need more.
    """
    declared = of(pipeline)
    for package in (*declared.needs, *(declared.reads if text else ())):
        if find_spec(package) is None:
            raise UsageError(
                f"generator.model: {declared.pipeline} needs the Python package {package}: pip install {package}"
            )


def check_network(pipeline: str | type, network: Mapping[str, Any]) -> None:
    """Raise UsageError for a network that cannot be driven one step at a time, though its class can.

    Args:
        pipeline: the pipeline class, or its name.
        network: the configuration of its network.
    """
    declared = of(pipeline)
    if declared.unfit is not None and (why := declared.unfit(network)):
        raise UsageError(f"generator.model: {declared.pipeline}: {why}")


def check_parts(pipeline: str, index: Mapping[str, Any]) -> None:
    """Raise UsageError for a package that is missing and needed to build a part that the model does not bring.

    Args:
        pipeline: the name of the class.
        index: the model's model_index.json.
    """
    declared = of(pipeline)
    if declared.builds_if and not index.get(declared.builds_if, True):
        return
    for part, package in declared.builds.items():
        entry = index.get(part)
        if not (isinstance(entry, list) and any(entry)) and find_spec(package) is None:
            raise UsageError(
                f"generator.model: {pipeline} builds its {part} with the Python package {package}: "
                f"pip install {package}"
            )


def _names(pipelines: Iterable[PipelineClass]) -> str:
    return ", ".join(p.pipeline for p in pipelines)
