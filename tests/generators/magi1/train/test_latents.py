"""Encoded clips, and windows of them."""

import torch

from raysearch.generators.magi1.train import latents, sizes
from raysearch.generators.magi1.train.autoencoder import warm
from raysearch.generators.magi1.train.clips import films, tiles


def small():
    torch.manual_seed(0)
    vae = sizes.autoencoder().requires_grad_(False)
    warm(vae, tiles(0, 0, 50, 12))
    return vae


def test_clips_are_encoded_as_the_model_encodes_what_it_is_given():
    vae = small()
    video = films(0, 0, 2)[0]
    z, images = latents.encoded(vae, video)
    assert z.shape == (2, sizes.LATENT, 36, 4, 4) and images.shape == (2, 12, sizes.LATENT, 4, 4)
    torch.testing.assert_close(z[:1], vae.encode(video[:1]), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(images[1, 3], vae.encode(video[1:, :, 36:37])[0, :, 0], rtol=1e-4, atol=1e-4)


def test_a_cache_is_read_again_and_windows_lie_on_tiles(tmp_path, monkeypatch):
    monkeypatch.setattr(latents, "SHARD", 4)
    monkeypatch.setattr(latents, "BATCH", 2)
    vae = small()
    cache = latents.cached(vae, tmp_path, 1, 6)
    monkeypatch.setattr(latents, "_encode", None)
    again = latents.cached(vae, tmp_path, 1, 6)
    assert all(torch.equal(cache[name], again[name]) for name in cache) and len(cache["two"]) == 6
    z, image, two = latents.windows(cache, 8, 4, torch.Generator().manual_seed(0))
    assert z.shape == (8, 4, sizes.LATENT, 6, 4, 4) and image.shape == (8, sizes.LATENT, 4, 4) and len(two) == 8
    whole = torch.cat([c.float() for c in cache["latents"]], 1)
    assert any(torch.equal(z[0, 0], whole[:, i : i + 6]) for i in range(0, whole.shape[1] - 5, 3))
