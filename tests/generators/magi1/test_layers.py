"""Parts of a block whose mistakes a whole run could hide."""

import pytest
import torch

from raysearch.generators.magi1.layers import LN1p, attend, rotated


def test_rotation_keeps_lengths_and_what_it_leaves_out():
    noise = torch.Generator().manual_seed(0)
    x, angles = torch.randn(1, 5, 2, 16, generator=noise), torch.randn(5, 1, 6, generator=noise)
    y = rotated(x, (angles.cos(), angles.sin()))
    assert torch.equal(y[..., 12:], x[..., 12:])
    assert torch.allclose(y[..., :12].norm(dim=-1), x[..., :12].norm(dim=-1), atol=1e-5)
    back = rotated(y, (angles.cos(), -angles.sin()))
    assert torch.allclose(back, x, atol=1e-5)


@pytest.mark.parametrize(("heads", "groups"), [(6, 2), (4, 4)])
def test_a_group_of_heads_reads_one_head_of_keys(heads, groups):
    noise = torch.Generator().manual_seed(0)
    q = torch.randn(2, 3, heads, 8, generator=noise)
    k, v = (torch.randn(2, 5, groups, 8, generator=noise) for _ in range(2))
    out = attend(q, k, v)
    for i in range(heads):
        g = i // (heads // groups)
        share = (q[:, :, i] @ k[:, :, g].transpose(1, 2) / 8**0.5).softmax(-1)
        assert torch.allclose(out[:, :, i], share @ v[:, :, g], atol=1e-5)


def test_the_stored_weight_of_a_norm_lacks_one():
    norm = LN1p(4)
    torch.nn.init.zeros_(norm.weight), torch.nn.init.zeros_(norm.bias)
    x = torch.tensor([1.0, 2.0, 3.0, 6.0])
    assert torch.allclose(norm(x), (x - 3) / 3.5**0.5, atol=1e-5)
