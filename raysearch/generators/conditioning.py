"""How each pipeline class takes conditioning frames: a prompt becomes arguments of the ordinary pipeline call.

`families.py` says what a class takes; here is how, one short function per way of asking.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from raysearch.errors import UsageError
from raysearch.generators import families

Frames = np.ndarray  # uint8 [T, H, W, 3]
Call = dict[str, Any]


def arguments(pipeline: str, text: str, frames: Frames | None, prompt_id: str, call: Call | None = None) -> Call:
    """The part of the pipeline call that stands for the prompt. call: the part that does not, with all sizes.

    Raises UsageError where the class cannot do the prompt.
    """
    families.check(pipeline, 0 if frames is None else len(frames), prompt_id)
    call = call or {}
    takes_text = families.encodes_text(pipeline, call)
    families.check_packages(pipeline, takes_text)
    given: Call = {"prompt": text} if takes_text else {"prompt": None} if "prompt_embeds" in call else {}
    if frames is not None:
        given |= HOW[pipeline](frames, call, prompt_id)
    return given


def own_names(pipeline: type, call: Call) -> Call:
    """`call` with num_frames under the pipeline's own name for it."""
    parameters = inspect.signature(pipeline.__call__).parameters
    rename = "num_frames" not in parameters and "frames" in parameters
    return {"frames" if rename and k == "num_frames" else k: v for k, v in call.items()}


def with_defaults(pipeline: type, call: Call, names: Sequence[str] = ("height", "width", "num_frames")) -> Call:
    """`call` with the sizes (or what else `names` says) that the pipeline would choose."""
    parameters = inspect.signature(pipeline.__call__).parameters
    found = {k: parameters[k].default for k in names if k in parameters}
    return {k: v for k, v in found.items() if v is not None and v is not inspect.Parameter.empty} | call


def _image(frames: Frames, call: Call, prompt_id: str) -> Call:
    return {"image": _pictures(frames)[0]}


def _sized_image(frames: Frames, call: Call, prompt_id: str) -> Call:
    """Of the video's size: this class does not resize what it is given."""
    return {"image": _pictures(frames, call)[0]}


def _ltx_condition(frames: Frames, call: Call, prompt_id: str) -> Call:
    """A clip (8k + 1 of its frames are used) or an image, at the start of the video."""
    import torch
    from diffusers.pipelines.ltx.pipeline_ltx_condition import LTXVideoCondition

    clip = torch.from_numpy(np.array(frames)).permute(0, 3, 1, 2)[None].float() / 255  # a copy: frames may be read-only
    return {"conditions": [LTXVideoCondition(video=clip, frame_index=0)]}


def _vace(frames: Frames, call: Call, prompt_id: str) -> Call:
    """The clip, then grey; a mask that keeps (black) the one and makes (white) the other."""
    from PIL import Image

    total, size = _total(frames, call, prompt_id), (call["width"], call["height"])
    kept, made = len(frames), total - len(frames)
    grey = Image.new("RGB", size, (128, 128, 128))
    keep, make = Image.new("L", size, 0), Image.new("L", size, 255)
    return {"video": [*_pictures(frames, call), *[grey] * made], "mask": [keep] * kept + [make] * made}


def _cosmos(frames: Frames, call: Call, prompt_id: str) -> Call:
    _total(frames, call, prompt_id)
    return _image(frames, call, prompt_id) if len(frames) == 1 else {"video": _pictures(frames)}


def _cosmos25(frames: Frames, call: Call, prompt_id: str) -> Call:
    """One latent frame of an image; of a clip two, that is its last five frames."""
    if len(frames) == 1:
        return _image(frames, call, prompt_id)
    if len(frames) < 5:
        raise UsageError(
            f"prompt {prompt_id!r} has {len(frames)} conditioning frames; Cosmos 2.5 continues 1 or at least 5"
        )
    return {"video": _pictures(frames), "num_latent_conditional_frames": 2}


def _skyreels(frames: Frames, call: Call, prompt_id: str) -> Call:
    """The clip is the history of the only chunk."""
    total, kept = _total(frames, call, prompt_id), (len(frames) - 1) // 4 * 4 + 1
    return {"video": _pictures(frames[-kept:], call), "overlap_history": kept, "base_num_frames": total}


def _total(frames: Frames, call: Call, prompt_id: str) -> int:
    """Frames of the whole video; there must be something left to make."""
    total = call["num_frames"]
    if len(frames) >= total:
        raise UsageError(families.TOO_LONG.format(prompt=prompt_id, given=len(frames), total=total))
    return total


def _pictures(frames: Frames, call: Call | None = None) -> list[Any]:
    """PIL images, of the video's size if the call is given."""
    from PIL import Image

    pictures = [Image.fromarray(f) for f in frames]
    return [p.resize((call["width"], call["height"]), Image.Resampling.BICUBIC) for p in pictures] if call else pictures


HOW: dict[str, Callable[[Frames, Call, str], Call]] = {
    "WanImageToVideoPipeline": _image,
    "WanVACEPipeline": _vace,
    "LTXImageToVideoPipeline": _image,
    "LTXConditionPipeline": _ltx_condition,
    "CogVideoXImageToVideoPipeline": _image,
    "Cosmos2VideoToWorldPipeline": _cosmos,
    "Cosmos2_5_PredictBasePipeline": _cosmos25,
    "SkyReelsV2DiffusionForcingImageToVideoPipeline": _image,
    "SkyReelsV2DiffusionForcingVideoToVideoPipeline": _skyreels,
    "SkyReelsV2ImageToVideoPipeline": _image,
    "SanaImageToVideoPipeline": _image,
    "StableVideoDiffusionPipeline": _sized_image,
}
