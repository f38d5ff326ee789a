"""Prepare views for networks: as squares of floats, normalised as on ImageNet, and cut into windows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from transformers.image_utils import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD

from raysearch.resize import bilinear
from raysearch.rewards import frames


def tensor(view: np.ndarray, least: int = 1) -> Tensor:
    """The view, checked for at least `least` frames, as one video [1, T, 3, H, W] in [0, 1], fp32."""
    return torch.from_numpy(np.ascontiguousarray(frames.checked(view, least))).permute(0, 3, 1, 2)[None].float() / 255


def squared(video_BTCHW: Tensor, side: int, device: torch.device) -> Tensor:
    """The video on the device, at least fp32, squashed to side x side pixels; differentiable."""
    video = video_BTCHW.to(device, torch.promote_types(video_BTCHW.dtype, torch.float32))
    return bilinear(video, side, side, antialias=True)


def normalised(
    video: Tensor, mean: Sequence[float] = IMAGENET_DEFAULT_MEAN, std: Sequence[float] = IMAGENET_DEFAULT_STD
) -> Tensor:
    """Videos [..., 3, H, W] in [0, 1] less the mean of each colour, divided by its deviation; ImageNet's by default."""
    centre, spread = (torch.tensor(c, device=video.device, dtype=video.dtype).view(3, 1, 1) for c in (mean, std))
    return (video - centre) / spread


def windows(video_BTCHW: Tensor, length: int, stride: int) -> Tensor:
    """All windows of `length` frames, `stride` apart, [B, windows, length, 3, H, W], of a video that is long enough."""
    starts = range(0, video_BTCHW.shape[1] - length + 1, stride)
    return torch.stack([video_BTCHW[:, s : s + length] for s in starts], 1)


def uniform(count: int, total: int) -> list[int]:
    """Indices of `count` frames spread evenly over `total`, first and last included; all if there are no more."""
    return list(range(total)) if count >= total else np.linspace(0, total - 1, count).round().astype(int).tolist()
