"""A prompt as arguments of the ordinary pipeline call. How a class takes frames stands in its family's file."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from raysearch.generators import families, inputs
from raysearch.generators.declare import Call, Frames


def arguments(pipeline: str, text: str, frames: Frames | None, prompt_id: str, call: Call | None = None) -> Call:
    """The arguments of the pipeline call that stand for a prompt.

    Args:
        pipeline: the name of the pipeline class.
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
    given: Call = {"prompt": text} if takes_text else {"prompt": None} if "prompt_embeds" in call else {}
    if frames is not None and declared.condition is not None:
        given |= declared.condition(frames, call, prompt_id)
    return given


def own_names(pipeline: type, call: Call) -> Call:
    """`call` with num_frames under the pipeline's own name for it."""
    parameters = inspect.signature(pipeline.__call__).parameters
    rename = "num_frames" not in parameters and "frames" in parameters
    return {"frames" if rename and k == "num_frames" else k: v for k, v in call.items()}


def with_defaults(pipeline: type, call: Call, names: Sequence[str] = ("height", "width", "num_frames")) -> Call:
    """`call`, completed with the values that the pipeline itself would choose for the arguments in `names`."""
    parameters = inspect.signature(pipeline.__call__).parameters
    defaults = {k: parameters[k].default for k in names if k in parameters}
    return {k: v for k, v in defaults.items() if v is not None and v is not inspect.Parameter.empty} | call
