"""A checkpoint on disk as a model: prompts of text, image and clip."""

import pickle

import numpy as np
import pytest
import torch

from raysearch import generators
from raysearch.prompts import Prompt
from tests.generators.magi1 import tiny


@pytest.fixture(scope="module")
def model(folder):
    return generators.load(tiny.settings(folder, steps=8, chunks=2, fit="stretch"))


def film(frames, seed=0):
    return np.random.default_rng(seed).integers(0, 255, (frames, 40, 56, 3), np.uint8)


@pytest.mark.parametrize(("given", "held", "frames"), [(0, 0, 48), (1, 1, 48), (30, 6, 72), (72, 18, 120)])
def test_a_prompt_of_every_kind(model, given, held, frames):
    clip = film(given) if given else None
    g = model.given("a red ball rolls", clip, "p")
    assert g.steps == 8 and model.fps == 24
    x = tiny.chain(g, g.draw(torch.Generator().manual_seed(0)))
    video = g.decode(x, torch.Generator())
    assert video.shape == (frames, 3, 32, 48) and x.isfinite().all()
    assert g.held()[0, 0, :, 0, 0].sum() == held
    if given:
        other = model.given("a red ball rolls", film(given, 1), "p")
        assert not torch.equal(other.given, g.given)
        assert torch.equal(x[:, :, :held], g.given)


def test_the_text_reaches_the_network(model):
    noise = torch.Generator
    x = model.given("a red ball", None, "p").draw(noise().manual_seed(0))
    one, other = (model.given(words, None, "p").denoise(x, 0, noise()) for words in ("a red ball", "falls down"))
    assert not torch.equal(one, other)


def test_a_text_that_was_encoded_elsewhere_gives_the_same_bits_without_the_encoder(model, folder):
    settings = tiny.settings(folder, steps=8, chunks=2, fit="stretch")
    assert generators.hands_over(settings)
    other, noise, prompt = generators.load(settings, encoders=False), torch.Generator, Prompt("p", "a red ball")
    own = model.on(prompt)
    handed = other.on(prompt, pickle.loads(pickle.dumps(own.conditions())))
    assert other._encoder is None
    x = own.draw(noise().manual_seed(0))
    assert torch.equal(handed.denoise(x, 0, noise()), own.denoise(x, 0, noise()))
    assert torch.equal(other.on(prompt).denoise(x, 0, noise()), own.denoise(x, 0, noise()))  # which loads it now
    assert other._encoder is not None


def test_generators_of_all_prompts_share_what_is_remembered(model):
    assert model.given("a", None, "p").velocity.memo is model.given("b", None, "q").velocity.memo
