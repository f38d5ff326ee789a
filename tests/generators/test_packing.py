"""Several tensors as one, and back."""

import torch

from raysearch.generators.packing import joint_path, packed, unpacked


def test_tensors_come_back_in_their_shapes():
    tensors = [torch.randn(1, 2, 3), torch.randn(1, 5).bfloat16()]
    x = packed(tensors)
    assert x.shape == (1, 11) and x.dtype == torch.float32
    for before, after in zip(tensors, unpacked(x, [t.shape for t in tensors]), strict=True):
        assert torch.equal(before.float(), after)


def test_every_entry_has_the_levels_of_its_tensor():
    levels = joint_path([(0.1, 0.9, 0.2, 0.8), (0.5, 0.5, 1.0, 0.0)], [torch.Size((1, 2)), torch.Size((1, 1, 3))])
    assert levels[0].tolist() == [[0.1, 0.1, 0.5, 0.5, 0.5]]
    assert levels[3].tolist() == [[0.8, 0.8, 0.0, 0.0, 0.0]]
