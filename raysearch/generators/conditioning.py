"""A prompt as arguments of the ordinary pipeline call. How a class takes frames stands in its family's file."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

import numpy as np

from raysearch import videos
from raysearch.errors import UsageError
from raysearch.generators import families, inputs
from raysearch.generators.blocks import parameters
from raysearch.generators.declare import Call, Frames, Pipeline, PipelineClass, pictures
from raysearch.videos.fitting import described

LENGTHS = ("num_frames", "frames", "video_length")  # how pipelines call the number of frames


def arguments(pipeline: str | type, text: str, frames: Frames | None, prompt_id: str, call: Call | None = None) -> Call:
    """The arguments of the pipeline call that stand for a prompt.

    Args:
        pipeline: the pipeline class, or its name.
        text: the text of the prompt.
        frames: its conditioning frames, uint8 [T, H, W, 3], or None.
        prompt_id: for messages.
        call: the arguments that no prompt changes, with all sizes.

    Raises:
        UsageError: if the class cannot do the prompt.
    """
    declared = families.of(pipeline)
    inputs.check(declared, 0 if frames is None else len(frames), prompt_id)
    call = call or {}
    takes_text = inputs.encodes_text(pipeline, call)
    inputs.check_packages(pipeline, takes_text)
    given: Call = {"prompt": text} if takes_text else {"prompt": None} if inputs.has_embeddings(call) else {}
    if frames is not None and declared.condition is not None:
        given |= declared.condition(frames, call, prompt_id)
    return given


def fitted(pipeline: Pipeline, frames: Frames, call: Call, how: videos.Fit, prompt_id: str) -> Frames:
    """Conditioning frames in the shape of the video, as `generator.fit` says; what was done is told once.

    Of a clip of which the class takes a part, the last frames: they are next to those that are made.

    Args:
        pipeline: the pipeline that takes them.
        frames: uint8 [T, H, W, 3].
        call: the arguments that no prompt changes, with all sizes.
        how: `generator.fit`.
        prompt_id: for messages.

    Raises:
        UsageError: if the pipeline does not say which size its videos have.
    """
    declared = families.of(type(pipeline))
    if declared.condition is None:
        return frames
    given, frames = frames.shape[1:3], frames[-used(declared, len(frames), pipeline) :]
    height, width = declared.shape(pipeline, call, given) if declared.shape else (call.get("height"), call.get("width"))
    if not height or not width:
        raise UsageError(
            f"generator.height: {type(pipeline).__name__} leaves the size of its videos open, so the frames of prompt "
            f"{prompt_id!r} cannot be fitted to it; set generator.height and generator.width"
        )
    if what := described(given, (height, width), how):
        videos.tell(f"prompt {prompt_id!r}: {what}")
    frames = videos.fit(frames, height, width, how)
    if declared.image_sizes and how == "stretch":  # elsewhere the pipeline stretches what it is given to the size
        return np.stack([np.asarray(p) for p in pictures(frames, {"height": height, "width": width})])
    return frames


def used(declared: PipelineClass, given: int, pipeline: Pipeline) -> int:
    """How many of so many conditioning frames a class takes, with the autoencoder of this pipeline; the last ones."""
    if declared.uses is None:
        return given
    return declared.uses(given, families.per_latent(type(pipeline.vae).__name__, pipeline.vae.config))


def own_names(pipeline: type, call: Call) -> Call:
    """`call` with num_frames under the pipeline's own name for it."""
    own = next((name for name in LENGTHS if name in parameters(pipeline)), LENGTHS[0])
    return {own if k == LENGTHS[0] else k: v for k, v in call.items()}


def taken(pipeline: type, call: Call) -> Call:
    """`call` without the size and the length of the video where the call of the class takes none: the frames that a
    prompt gives decide them."""
    declared = families.of(pipeline)
    without = {*(("height", "width") if declared.image_sizes else ()), *(LENGTHS if declared.redraws else ())}
    return {k: v for k, v in call.items() if k not in without}


def with_defaults(pipeline: type, call: Call, names: Sequence[str] = ("height", "width", "num_frames")) -> Call:
    """`call`, completed with the values that the pipeline itself would choose for the arguments in `names`."""
    known = parameters(pipeline)
    defaults = {k: known[k].default for k in names if k in known}
    return {k: v for k, v in defaults.items() if v is not None and v is not inspect.Parameter.empty} | call
