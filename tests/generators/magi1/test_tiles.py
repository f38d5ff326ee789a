"""Tiles: what they cover, and that blending neighbours of one picture gives the picture."""

import pytest
import torch

from raysearch.generators.magi1.tiles import Tiles, tiled


@pytest.mark.parametrize("blended_first", [False, True])
@pytest.mark.parametrize("shape", [(1, 3, 7, 20, 26), (1, 3, 3, 8, 8), (1, 3, 12, 9, 17)])
def test_tiles_of_the_identity_are_the_video(shape, blended_first):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    same = tiled(x, lambda tile: tile.clone(), Tiles((3, 8, 8), (1, 1, 1), blended_first))
    assert torch.allclose(same, x, atol=1e-6)


def test_a_tile_goes_over_into_the_next_one():
    def numbered(tile):
        numbered.calls += 1
        return torch.full_like(tile, float(numbered.calls))

    numbered.calls = 0
    row = tiled(torch.zeros(1, 1, 1, 8, 14), numbered, Tiles((1, 8, 8), (1, 1, 1)))[0, 0, 0, 0]
    assert row[:6].tolist() == [1] * 6
    assert row[6:8].tolist() == [1, 1.5] and row[8:12].tolist() == [2] * 4
