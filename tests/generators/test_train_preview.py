"""Training of the tiny generator's preview decoder, and the one that is shipped."""

import pytest
import torch

from raysearch.generators import tiny_decoder, train_preview
from raysearch.generators.families.tiny import preview
from raysearch.generators.tiny_decoder import Layout, TinyDecoder
from raysearch.tinyworld.train.loop import TrainingRecipe


def test_what_is_trained_is_what_is_used():
    """Several videos at once, and pixels that are not cut off: else the frames of TinyDecoder, video by video."""
    torch.manual_seed(0)
    decoder, z = TinyDecoder(Layout(6, (8, 4, 4, 4), (1, 1, 2))), torch.randn(2, 5, 6, 2, 2)
    frames = train_preview.unclamped(decoder, z)
    assert frames.shape == (2, 9, 3, 16, 16) and frames.min() < 0
    for video, latents in zip(frames, z, strict=True):
        assert torch.allclose(video.clamp(0, 1), decoder(latents), atol=1e-6)


def test_a_few_steps_bring_it_nearer_to_the_autoencoder(tmp_path, monkeypatch):
    monkeypatch.setattr(train_preview, "LAYOUT", Layout(96, (8, 4, 4, 4), (1, 1, 2)))
    recipe = TrainingRecipe(steps=12, batch=2, lr=1e-2, seed=8, warmup=1, ema=0.5)
    torch.manual_seed(recipe.seed)
    before = train_preview.psnr(TinyDecoder(train_preview.LAYOUT).eval(), 2)
    assert train_preview.psnr(train_preview.train(recipe, tmp_path), 2) > before + 0.2


def test_the_shipped_decoder_is_near_the_autoencoder():
    decoder = tiny_decoder.load(preview(), "generator.preview.decoder")
    assert decoder.layout == train_preview.LAYOUT
    assert train_preview.psnr(decoder, 8) > 23  # the mean picture is at 18


def test_noise_on_latents_shows_in_the_frames_to_be_learned():
    codec = train_preview._codec()
    (z, video), (clean, exact) = (train_preview._pairs(codec, 8, 0, 2, blur) for blur in (2.0, 0.0))
    assert z.shape == clean.shape == (2, 9, 96, 4, 4) and video.shape == (2, 17, 3, 32, 32)
    assert (video - exact).square().mean() > 1e-4 and exact.min() >= 0 and exact.max() <= 1
    assert clean.std() == pytest.approx(1, abs=0.5)  # as the network makes them: about unit power
