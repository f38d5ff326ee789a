"""Gradients of many independent parts, found part by part, so that the graph of only one is ever in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def eager(judge: Callable[[Tensor], Tensor], clips: Tensor) -> Tensor:
    """judge(clips), one number [B] per clip [B, ...], whose gradient is found at once instead of in a backward pass.

    No more work than usual, and the same gradient, but of judge's graph nothing is kept but the gradient. It is
    differentiable once. Without a gradient to find it is judge(clips).
    """
    if not (torch.is_grad_enabled() and clips.requires_grad):
        return judge(clips)
    return _Eager.apply(clips, judge)


class _Eager(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, clips: Tensor, judge: Callable[[Tensor], Tensor]) -> Tensor:
        with torch.enable_grad():
            leaf = clips.detach().requires_grad_(True)
            values = judge(leaf)
            (slope,) = torch.autograd.grad(values.sum(), leaf)
        ctx.save_for_backward(slope)
        return values.detach()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None]:
        (slope,) = ctx.saved_tensors
        return upstream.view(-1, *[1] * (slope.dim() - 1)).to(slope.dtype) * slope, None
