"""The V-JEPA 2 reward (WMReward): its options, and what can be known of it before its network is loaded.

Here, and in convention.py, nothing needs torch; reward.py has the computation. Also in this folder: surprise maps and
how they are drawn, and the features of the same encoder for the reward vjepa2_features.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from raysearch.options import Count, PositiveFraction
from raysearch.rewards.base import Declaration, Reward, Spec
from raysearch.rewards.frames import Frames
from raysearch.rewards.networks.checkpoints import Dtype
from raysearch.rewards.vjepa2.convention import Convention, settings


def _fits(resolved: Spec, frames: int, fps: float | None) -> None:
    Convention.of(resolved).select(frames, fps)


@Declaration(differentiable=True, maps=True, shipped="worldmodel", settings=settings, fits=_fits)
def vjepa2(
    *,
    model: str = "tiny",
    revision: str | None = None,
    dtype: Dtype = "float32",
    preset: Literal["wmreward", "tiny"] | None = None,
    window: Count | None = None,
    context: Count | Sequence[Count] | None = None,
    stride: Count | None = None,
    distance: Literal["cosine", "l1"] | None = None,
    cosine: Literal["tokens", "features"] | None = None,
    worst: PositiveFraction | None = None,
    reduce: Literal["mean", "max"] | None = None,
    frames: Frames | None = None,
    resize: Literal["squash", "crop"] | None = None,
    attention: Literal["sdpa", "eager", "flash"] = "sdpa",
    batch: Count | None = None,
    compile: bool = False,
    device: str = "cpu",
) -> Reward:
    """How plausible the motion is: 1 - the surprise of V-JEPA 2 about the future of a video, given its past.

    Args:
        model: `tiny`, which ships with raysearch; vitl, vith, vitg or vitg384, the published checkpoints; a hub id or a
            folder.
        revision: a branch or a commit of a hub id.
        dtype: the type of the weights and of the computation.
        preset: settings that are pinned, `wmreward` (as published) or `tiny`. Without one the defaults are those of
            `tiny` for the tiny model, of `wmreward` for any other.
        window: the number of frames of a window.
        context: how many frames of a window are given, or several such numbers, whose surprises are averaged.
        stride: the number of frames from one window to the next.
        distance: `cosine` is 1 - cosine of the layer-normed features; `l1` the mean absolute difference of the
            prediction and the layer-normed target, the training loss of V-JEPA.
        cosine: the axis of the cosine, along `tokens` (per channel, as published) or `features` (per token).
        worst: the share of tokens that count, the most surprising ones.
        reduce: mean or max of the surprise over windows.
        frames: which frames are seen: `all`, {fps: X}, as near to X frames per second as whole frames come, {span: s},
            the rate at which a window lasts s seconds, or {at_most: n}, evenly over the video.
        resize: `squash` to the model's square, or `crop` the centre to a square first, for which whole frames travel.
        attention: `flash` needs the package flash-attn.
        batch: the most windows at a time; null for as many as fill the device and fit its memory.
        compile: compile the network by torch.compile, for long runs.

    Paper: WMReward, arXiv 2601.10553 (section 2.3); V-JEPA 2, arXiv 2506.09985
    """
    from raysearch.rewards.vjepa2.reward import VJEPA2Reward

    given: dict[str, Any] = dict(
        preset=preset, revision=revision, dtype=dtype, attention=attention, batch=batch, compile=compile, window=window,
        context=context, stride=stride, distance=distance, cosine=cosine, worst=worst, reduce=reduce, frames=frames,
        resize=resize,
    )  # fmt: skip
    return VJEPA2Reward.load(model, device, **given)
