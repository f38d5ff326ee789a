"""A particle of several tensors as one flat tensor [1, N], the entries of the first tensor before those of the next."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from raysearch.generators.contract import Path


def packed(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """Tensors [1, ...] as one, fp32."""
    return torch.cat([tensor.float().flatten(1) for tensor in tensors], dim=1)


def unpacked(x: torch.Tensor, shapes: Sequence[torch.Size]) -> list[torch.Tensor]:
    """The tensors of these shapes that `packed` made one."""
    pieces = torch.split(x, [shape[1:].numel() for shape in shapes], dim=1)
    return [piece.reshape(-1, *shape[1:]) for piece, shape in zip(pieces, shapes, strict=True)]


def joint_path(paths: Sequence[Path], shapes: Sequence[torch.Size]) -> Path:
    """(a, s, a', s') as tensors [1, N], of the path of each tensor."""
    sizes = [shape.numel() for shape in shapes]
    a, s, next_a, next_s = (
        torch.cat(
            [torch.full((1, n), float(level), dtype=torch.float64) for n, level in zip(sizes, each, strict=True)], 1
        )
        for each in zip(*paths, strict=True)
    )
    return a, s, next_a, next_s
