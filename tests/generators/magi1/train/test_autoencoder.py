"""The tiny autoencoder begins as a codec of principal components."""

import pytest
import torch

from raysearch.generators.magi1.train import autoencoder, sizes
from raysearch.generators.magi1.train.clips import tiles
from raysearch.generators.magi1.vae import SCALE
from raysearch.tinyworld.train.loop import TrainingRecipe


@pytest.fixture(scope="module")
def warm():
    torch.manual_seed(0)
    vae = sizes.autoencoder()
    video = tiles(3, 0, 80, 12)
    autoencoder.warm(vae, video)
    return vae, video


@torch.no_grad()
def test_it_begins_near_the_principal_components(warm):
    vae, video = warm
    torch.manual_seed(0)
    cold = sizes.autoencoder()
    held = tiles(4, 0, 32, 12)
    error = [((v.decoder(v.encoder(held)) - held).square().mean()).log10() * -10 for v in (cold, vae)]
    assert error[1] > error[0] + 15  # dB
    _, variance, _ = autoencoder.components(video)
    assert error[1] > -10 * (variance[sizes.LATENT :].sum() / 768).log10() - 4


@torch.no_grad()
def test_scaled_latents_have_unit_power_and_pixels_stay(warm):
    vae, video = warm
    before = vae.decoder(vae.encoder(video[:8]))
    autoencoder.scaled(vae, video)
    assert (vae.encoder(video) * SCALE).square().mean().item() == pytest.approx(1, rel=1e-3)
    torch.testing.assert_close(vae.decoder(vae.encoder(video[:8])), before, rtol=1e-3, atol=1e-3)


@torch.enable_grad()
def test_training_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(autoencoder, "STATISTICS", 30)
    recipe = TrainingRecipe(steps=2, batch=2, lr=1e-4, warmup=1)
    vae = autoencoder.train(recipe, tmp_path)
    again = autoencoder.train(recipe, tmp_path)  # both steps are in the checkpoint
    assert all(torch.equal(a, b) for a, b in zip(vae.parameters(), again.parameters(), strict=True))
