"""The training loop."""

import pytest
import torch

import raysearch.tinyworld.codec  # noqa: F401
from raysearch.tinyworld.train import codec as codec_training
from raysearch.tinyworld.train.loop import TrainingRecipe


def test_training_that_was_stopped_goes_on_as_the_unbroken_run(tmp_path, monkeypatch):
    recipe = TrainingRecipe(steps=6, batch=2, lr=1e-3, warmup=2)
    whole = codec_training.train(recipe, tmp_path / "whole", torch.device("cpu"))
    calls = {"n": 0}
    original = codec_training.clips

    def stop_at_four(seed, step, batch, frames):
        calls["n"] += step >= 0
        if calls["n"] == 5:
            raise KeyboardInterrupt
        return original(seed, step, batch, frames)

    monkeypatch.setattr("raysearch.tinyworld.train.loop.SAVE_EVERY", 2)
    monkeypatch.setattr(codec_training, "clips", stop_at_four)
    with pytest.raises(KeyboardInterrupt):
        codec_training.train(recipe, tmp_path / "cut", torch.device("cpu"))
    monkeypatch.setattr(codec_training, "clips", original)
    resumed = codec_training.train(recipe, tmp_path / "cut", torch.device("cpu"))
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)
    with pytest.raises(ValueError, match=r"another recipe \(lr: 0.001 -> 0.002\)"):
        codec_training.train(TrainingRecipe(steps=6, batch=2, lr=2e-3, warmup=2), tmp_path / "cut", torch.device("cpu"))
