"""The VideoMAE reward: its options. reward.py has the computation; nothing here needs torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from raysearch.options import Count
from raysearch.rewards import frames as of_frames
from raysearch.rewards.base import Declaration, Reward, Spec
from raysearch.rewards.frames import Frames
from raysearch.rewards.networks.checkpoints import Dtype


def _check(spec: Spec, key: str) -> None:
    of_frames.check_policy(spec.get("frames", "all"))


def _fits(settings: Mapping[str, Any], count: int, fps: float | None) -> None:
    of_frames.select(settings.get("frames", "all"), count, fps, 1)


def _identity(settings: dict[str, Any]) -> dict[str, Any]:
    later = {"contexts": "mean", "distance": "mse", "frames": "all"}
    return {name: value for name, value in settings.items() if name not in later or value != later[name]}


@Declaration(differentiable=True, shipped="videomae", check=_check, identity=_identity, fits=_fits)
def videomae(
    *,
    model: str = "tiny",
    revision: str | None = None,
    dtype: Dtype = "float32",
    stride: Count | None = None,
    context: Count | Sequence[Count] | None = None,
    contexts: Literal["mean", "min"] = "mean",
    distance: Literal["mse", "l1"] = "mse",
    norm_pix: bool | None = None,
    frames: Frames = "all",
    reduce: Literal["mean", "max"] = "mean",
    device: str = "cpu",
) -> Reward:
    """1 - the error with which VideoMAE reconstructs the last frames of every window from the first.

    A window has the length that the network was made for, 16 frames mostly.

    Args:
        model: a hub id such as MCG-NJU/videomae-base, or a folder; `tiny` ships with raysearch.
        revision: a branch or a commit of a hub id.
        dtype: the type of the weights and of the computation.
        stride: the number of frames from one window to the next; null for half a window.
        context: how many frames of a window are given, or several such numbers; null for half of them.
        contexts: of several contexts, the mean of their errors or the smallest.
        distance: mse, the mean squared error, or l1, the mean absolute error.
        norm_pix: the unit of the error, each patch's own deviation (true) or pixels of [0, 1] (false); null for what
            the network was trained on. In the other unit, mean and deviation of the true patch are given to the
            prediction.
        frames: which frames are seen: `all`, {fps: X}, {span: s}, the rate at which a window lasts s seconds, or
            {at_most: n}.
        reduce: mean or max of the surprise over windows.

    Paper: Garrido et al. 2025, arXiv 2502.11831 (surprise); Tong et al. 2022, arXiv 2203.12602 (VideoMAE)
    """
    from raysearch.rewards.videomae.reward import VideoMAEReward

    return VideoMAEReward.load(
        model, device, dtype, revision, stride=stride, context=context, contexts=contexts, distance=distance,
        norm_pix=norm_pix, frames=frames, reduce=reduce,
    )  # fmt: skip
