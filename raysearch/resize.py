"""Bilinear resizing as two matrix products: the values of torch's interpolate, with a reproducible gradient.

The backward pass of torch's interpolate adds up in an arbitrary order on a GPU.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor


def bilinear(x: Tensor, height: int, width: int, antialias: bool = False) -> Tensor:
    """Resize x [..., H, W] to [..., height, width], computed in fp32 at least; x itself if it has that size.

    antialias: widen the filter when shrinking, as torch's `antialias=True` does.
    """
    if x.shape[-2:] == (height, width):
        return x
    y = x.to(torch.promote_types(x.dtype, torch.float32))
    rows, columns = (
        torch.tensor(_weights(now, then, antialias), dtype=y.dtype, device=y.device)
        for now, then in zip(x.shape[-2:], (height, width), strict=True)
    )
    return (rows @ (y @ columns.mT)).to(x.dtype)


@lru_cache(maxsize=64)
def _weights(now: int, then: int, antialias: bool) -> np.ndarray:
    """[then, now]: the share of each old pixel of a line in each new one."""
    scale = now / then
    centres = (np.arange(then)[:, None] + 0.5) * scale
    if not antialias:
        centres = centres.clip(0.5, now - 0.5)  # beyond the first and the last pixel there is nothing
    reach = max(scale, 1.0) if antialias else 1.0
    weights = (1 - np.abs(np.arange(now) + 0.5 - centres) / reach).clip(0)
    shares: np.ndarray = weights / weights.sum(1, keepdims=True)
    return shares
