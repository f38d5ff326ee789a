"""Gradients of many independent parts, computed part by part, so that only one graph at a time is in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def eager(judge: Callable[[Tensor], Tensor], clips: Tensor) -> Tensor:
    """judge(clips), whose gradient is computed in the forward pass instead of in a backward pass.

    It costs no more than usual and gives the same gradient, but of the graph of `judge` only the gradient is kept. The
    result can be differentiated once. Where no gradient is wanted, this is judge(clips).

    Args:
        judge: from clips [B, ...] to one number each, [B]; clips must not influence one another.
        clips: the clips.
    """
    if not (torch.is_grad_enabled() and clips.requires_grad):
        return judge(clips)
    values: Tensor = _Eager.apply(clips, judge)  # type: ignore[no-untyped-call]
    return values


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
