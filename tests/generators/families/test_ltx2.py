"""What LTX-2 holds of its tokens, and what its autoencoder covers."""

import torch

from raysearch.generators.families.ltx2 import AUTOENCODERS, hold_conditions
from tests.zoo import ltx2


def test_tokens_of_full_strength_are_held_at_their_clean_value():
    x, clean, strength = torch.zeros(1, 3, 2), torch.ones(1, 3, 2), torch.tensor([1.0, 0.7, 0.0]).view(1, 3, 1)
    assert hold_conditions(x, x, [strength, clean, None])[0, :, 0].tolist() == [1, 0, 0]


def test_the_autoencoder_covers_what_it_says_when_it_is_built():
    (declared,), vae = AUTOENCODERS, ltx2.vae()
    assert declared.covers(vae.config) == (vae.temporal_compression_ratio, vae.spatial_compression_ratio) == (4, 4)
    assert declared.covers({}) == (8, 32)  # the published one
