"""Memory by count: of the published models, and against tensors that are really there."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from raysearch.generators import custom
from raysearch.generators.magi1.folder import Checkpoint
from raysearch.generators.magi1.footprint import footprint, lines
from raysearch.generators.magi1.settings import MagiSettings, Options, settings
from raysearch.generators.magi1.shape import MAGI_4_5B, MAGI_24B
from raysearch.generators.magi1.vae import Vae
from raysearch.generators.magi1.vae_shape import VaeShape
from tests.generators.magi1 import tiny

PUBLISHED_VAE = VaeShape(1024, 24, 16, 4096, 16, (4, 8, 8), (4, 32, 32), 4)
CARD = 24e9  # bytes of a GPU of 24 GB


def published(architecture, folder, window, memo=2, chunks=4):
    """A 720 x 720 video with the published settings, in bf16."""
    of = Checkpoint("m", folder, (), folder, folder, None, architecture, PUBLISHED_VAE, False, False)
    asked = MagiSettings(of, False, chunks, 64, 720, 720, 7.5, 1.5, Options(window=window, memo=memo))
    config = replace(tiny.settings(folder), dtype="bfloat16")
    return footprint(asked, config, given=72)


@pytest.mark.parametrize("window", [4, 2, 1])
def test_the_model_of_4_5b_runs_at_720_x_720_on_24_gb(window, tmp_path):
    f = published(MAGI_4_5B, tmp_path, window)
    assert f.on_gpu < 0.95 * CARD and f.network == pytest.approx(2 * MAGI_4_5B.parameters, rel=0.01)
    assert f.chunk == pytest.approx(1.69e9, rel=0.01)  # as the published sizes give by hand: 12,150 tokens x 34 layers
    assert f.particle == 2 * 4 * 16 * 6 * 7 * 90 * 90
    assert f.network + f.vae > 0.4 * CARD, "the weights alone would be a lie"


def test_a_larger_memo_and_the_larger_model_take_more(tmp_path):
    small, large = published(MAGI_4_5B, tmp_path, 4), published(MAGI_4_5B, tmp_path, 4, memo=8)
    assert large.on_gpu - small.on_gpu == 6 * small.chunk
    assert published(MAGI_24B, tmp_path, 4).on_gpu > 2 * CARD
    assert (
        published(MAGI_4_5B, tmp_path, 1, memo=0).past == 5 * small.chunk
    )  # the four that a chunk sees are there anyway


def test_the_count_is_that_of_the_tensors_that_are_loaded(folder):
    config = tiny.settings(folder, steps=32, chunks=2)
    f = footprint(settings(config), config)
    made = tiny.generator(chunks=2, each=16, window=1)
    assert f.network == sum(4 * p.numel() for p in made.velocity.network.parameters())
    assert f.vae == sum(4 * p.numel() for p in made.vae.parameters())
    kept = made.velocity.network.remember(torch.zeros(1, 16, 6, 4, 6), 0, 0.9999, made.velocity.null, True)
    assert f.chunk == sum(4 * part.numel() for layer in kept for part in layer)
    from transformers import T5EncoderModel

    text = T5EncoderModel.from_pretrained(folder.parents[1] / "t5/t5-v1_1-xxl")
    assert f.text == 4 * sum(p.numel() for p in text.parameters())


WIDENED = VaeShape(64, 1, 2, 96, 24, (4, 8, 8), (3, 6, 6), 3, widened=True)


@pytest.mark.parametrize("shape", [PUBLISHED_VAE, tiny.TINY_VAE, WIDENED])
def test_parameters_of_an_autoencoder_are_counted_right(shape):
    with torch.device("meta"):
        assert shape.parameters == sum(p.numel() for p in Vae(shape).parameters())


def test_it_says_what_the_model_is_before_it_is_loaded(folder):
    config = tiny.settings(folder, steps=14, chunks=4, window=4, call={"memo": 3})
    said = lines(config)
    assert custom.about(config) == said
    assert said["model"].startswith("MAGI-1 ") and ", base: " in said["model"] and "2 layers of 64" in said["model"]
    assert said["chunks"] == "4 of 8 steps, 4 in flight; published with 64 steps"
    assert "call.memo=3" in said["on the GPU"] and said["text encoder"].endswith("on the CPU")
    assert Path(config.model).name == "base"
