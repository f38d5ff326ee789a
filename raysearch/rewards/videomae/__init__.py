"""The VideoMAE reward: its options. reward.py has the computation; nothing here needs torch."""

from __future__ import annotations

from typing import Literal

from raysearch.options import Count
from raysearch.rewards.base import Declaration, Reward
from raysearch.rewards.networks.checkpoints import Dtype


@Declaration(differentiable=True, shipped="videomae")
def videomae(
    *,
    model: str = "tiny",
    revision: str | None = None,
    dtype: Dtype = "float32",
    stride: Count | None = None,
    context: Count | None = None,
    norm_pix: bool | None = None,
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
        context: how many frames of a window are given; null for half of them.
        norm_pix: the unit of the error, each patch's own deviation (true) or pixels of [0, 1] (false); null for what
            the network was trained on. In the other unit, mean and deviation of the true patch are given to the
            prediction.
        reduce: mean or max of the surprise over windows.

    Paper: Garrido et al. 2025, arXiv 2502.11831 (surprise); Tong et al. 2022, arXiv 2203.12602 (VideoMAE)
    """
    from raysearch.rewards.videomae.reward import VideoMAEReward

    return VideoMAEReward.load(
        model, device, dtype, revision, stride=stride, context=context, norm_pix=norm_pix, reduce=reduce
    )
