"""The autoencoder's architecture is read off its tensors and its configuration."""

import pytest
import torch

from raysearch.errors import UsageError
from raysearch.generators.magi1.vae import Vae
from raysearch.generators.magi1.vae_shape import VaeShape, vae_shape

PUBLISHED = VaeShape(1024, 24, 16, 4096, 16, (4, 8, 8), (4, 32, 32), 4)


def shapes(s):
    with torch.device("meta"):
        return {name: tuple(p.shape) for name, p in Vae(s).named_parameters()}


def test_the_published_sizes_need_no_configuration():
    found = shapes(PUBLISHED)
    assert vae_shape(found, {}, "x") == PUBLISHED and PUBLISHED.tile == (12, 256, 256)
    assert found["decoder.pos_embed"] == (1, 4097, 1024) and found["encoder.last_layer.weight"] == (32, 1024)


@pytest.mark.parametrize("config", [{"num_heads": 7}, {"ddconfig": {"video_length": 12}}, {"ddconfig": 3}])
def test_a_configuration_of_another_one_is_refused(config):
    with pytest.raises(UsageError, match="the key: the autoencoder in vae/ is not that of MAGI-1"):
        vae_shape(shapes(PUBLISHED), config, "the key")
