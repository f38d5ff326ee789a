"""How each pipeline class takes conditioning frames; a class that is not here takes text alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from raysearch.errors import UsageError

Frames = np.ndarray  # uint8 [T, H, W, 3]


def arguments(pipeline: str, text: str, frames: Frames | None, prompt_id: str) -> dict[str, Any]:
    """The part of the pipeline call that stands for the prompt. Raises UsageError where the class takes no frames."""
    if frames is None:
        return {"prompt": text}
    if pipeline not in FAMILIES:
        raise UsageError(
            f"prompt {prompt_id!r} has conditioning frames, but {pipeline} takes text alone; remove them, or use "
            + ", ".join(FAMILIES)
        )
    return {"prompt": text} | FAMILIES[pipeline](frames)


def _ltx_condition(frames: Frames) -> dict[str, Any]:
    """A clip (2k + 1 of its frames are used) or an image, at the start of the video."""
    import torch
    from diffusers.pipelines.ltx.pipeline_ltx_condition import LTXVideoCondition

    clip = torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2)[None].float() / 255
    return {"conditions": [LTXVideoCondition(video=clip, frame_index=0)]}


FAMILIES: dict[str, Callable[[Frames], dict[str, Any]]] = {"LTXConditionPipeline": _ltx_condition}
