"""Tiles of a video: each is mapped by itself, and neighbours are blended over a quarter of their sides.

There is no overlap in time. Height is blended before width. On the way to latents a tile is blended with neighbours
that are blended already, on the way to pixels with those as they came from the decoder, as the published model does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Tiles:
    """How a video is cut.

    Attributes:
        size: frames, rows and columns of a tile, in units of the input.
        scale: units of the output for one of the input, per axis.
        blended_first: whether a tile is blended with neighbours that are blended already.
    """

    size: tuple[int, int, int]
    scale: tuple[float, float, float]
    blended_first: bool = False

    @property
    def stride(self) -> tuple[int, int, int]:
        """From one tile to the next, in units of the input."""
        return self.size[0], self.size[1] * 3 // 4, self.size[2] * 3 // 4

    @property
    def out(self) -> tuple[int, ...]:
        """The size of a mapped tile."""
        return tuple(int(n * up) for n, up in zip(self.size, self.scale, strict=True))

    @property
    def overlap(self) -> tuple[int, int]:
        """Rows and columns of the output over which two tiles are blended."""
        return self.out[1] // 4, self.out[2] // 4


def tiled(x: Tensor, function: Callable[[Tensor], Tensor], tiles: Tiles) -> Tensor:
    """The output for all of x [B, C, T, H, W], from that of its tiles."""
    size, stride = tiles.size, tiles.stride
    pieces = []
    for f in range(0, x.shape[2], stride[0]):
        grid = [
            [
                function(x[:, :, f : f + size[0], i : i + size[1], j : j + size[2]])
                for j in range(0, x.shape[4], stride[2])
            ]
            for i in range(0, x.shape[3], stride[1])
        ]
        pieces.append(_joined(grid, tiles))
    return torch.cat(pieces, 2)


def _joined(grid: list[list[Tensor]], tiles: Tiles) -> Tensor:
    """One picture in space of a grid of mapped tiles."""
    high, wide = tiles.overlap
    rows = []
    for i, line in enumerate(grid):
        joined = []
        for j, tile in enumerate(line):
            if i:
                tile = _blended(grid[i - 1][j], tile, high, 3)
            if j:
                tile = _blended(line[j - 1], tile, wide, 4)
            if tiles.blended_first:
                line[j] = tile
            joined.append(tile[:, :, : tiles.out[0], : tiles.out[1] - high, : tiles.out[2] - wide])
        rows.append(torch.cat(joined, 4))
    return torch.cat(rows, 3)


def _blended(before: Tensor, tile: Tensor, n: int, axis: int) -> Tensor:
    """The tile whose first n rows (or columns) go over from those at the end of the one before it."""
    n = min(n, before.shape[axis], tile.shape[axis])
    share = (torch.arange(n, device=tile.device) / n).reshape([-1 if i == axis else 1 for i in range(5)]).to(tile.dtype)
    end, begin = before.narrow(axis, before.shape[axis] - n, n), tile.narrow(axis, 0, n)
    mixed = end * (1 - share) + begin * share
    return torch.cat([mixed, tile.narrow(axis, n, tile.shape[axis] - n)], axis)
