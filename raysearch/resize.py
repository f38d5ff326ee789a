"""Bilinear resizing as two matrix products: the numbers of torch's interpolate, and a gradient of the same bits always.

The backward pass of interpolate adds up in any order on a GPU, and has no other way.
"""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor


def bilinear(x: Tensor, height: int, width: int, antialias: bool = False) -> Tensor:
    """x [..., H, W] as [..., height, width], computed in fp32 at least; itself if it has that size."""
    if x.shape[-2:] == (height, width):
        return x
    y = x.to(torch.promote_types(x.dtype, torch.float32))
    rows, columns = (
        _weights(now, then, antialias).to(y) for now, then in zip(x.shape[-2:], (height, width), strict=True)
    )
    return (rows @ (y @ columns.mT)).to(x.dtype)


@lru_cache(maxsize=64)
def _weights(now: int, then: int, antialias: bool) -> Tensor:
    """[then, now], fp64: how much of each pixel of a line is in each of the new ones."""
    line = torch.eye(now, dtype=torch.float64)[:, None, None]  # every pixel in turn, [now, 1, 1, now]
    return F.interpolate(line, (1, then), mode="bilinear", antialias=antialias)[:, 0, 0].mT.contiguous()
