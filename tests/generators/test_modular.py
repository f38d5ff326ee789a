"""A pipeline of blocks, driven step by step: sound, conditions, and what the contract suite does not see."""

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image

from examples.tiny_parts import film
from raysearch.errors import UsageError
from raysearch.generators import memory
from raysearch.generators.diffusers import DiffusersModel, driver
from raysearch.generators.modular import ModularGenerator
from raysearch.moves import Kernel
from raysearch.sampling import kernels
from tests.zoo.cases import minimax_call
from tests.zoo.minimax import minimax_h3

STEPS = 4


def noise(seed):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def model():
    torch.set_num_threads(1)
    return DiffusersModel(minimax_h3(), STEPS, 24, **minimax_call())


def chain(generator):
    with torch.no_grad():
        x = generator.draw(noise(0))
        for k in range(STEPS):
            x0 = generator.denoise(x, k, noise(1))
            x, _ = kernels.step(Kernel(), x, x0, generator.path(k), None, k / (STEPS - 1))
        return x


def test_the_sound_is_that_of_the_stock_pipeline(model):
    blocks = model.pipeline.blocks.get_workflow("t2va")
    del blocks.sub_blocks["text_encoder"]
    stock = blocks.init_pipeline()
    stock.update_components(**{k: v for k, v in model.pipeline.components.items() if k in stock.components})
    expected = stock(**minimax_call(), num_inference_steps=STEPS + 1, generator=noise(0), output="audio")[0]
    generator = model.given("", None, "p")
    waveform, rate = generator.sound(chain(generator), noise(0))
    assert rate == 8000 and waveform.dtype == np.float32 and waveform.shape == expected.shape == (2, 207 * 200)
    assert np.abs(waveform - expected.numpy()).max() < 1e-5 and np.abs(waveform).max() > 0


def test_the_particle_is_what_is_made_and_each_part_has_its_levels(model):
    plain, given = model.given("", None, "p"), model.given("", film(1, 32), "p")
    assert type(plain) is driver(type(model.pipeline), {}) is ModularGenerator
    x, rows, heard = plain.draw(noise(3)), 37 * 2 * 2 * 16, 2 * 207 * 4
    assert x.shape == given.draw(noise(3)).shape == (1, rows + heard)  # the frame is no part of it
    _, s, _, next_s = given.path(1)
    assert s.shape == x.shape and len(s[0, :rows].unique()) == len(s[0, rows:].unique()) == 1
    assert s[0, 0] > s[0, -1] and (next_s < s).all() and (given.path(STEPS - 1)[3] == 0).all()


def test_all_particles_see_the_frame_under_the_same_noise(model):
    """A replica that has drawn others predicts the same; the draws themselves go on as the stock pipeline's do."""
    one, two = (model.given("", film(1, 32), "p") for _ in range(2))
    x = one.draw(noise(5))
    two.draw(noise(6)), two.draw(noise(7))
    assert torch.equal(two.draw(noise(5)), x)
    with torch.no_grad():
        assert torch.equal(one.denoise(x, 1, noise(0)), two.denoise(x, 1, noise(0)))


def test_steps_of_no_length_are_refused(model):
    crowded = minimax_h3(scheduler=diffusers.MiniMaxH3Scheduler(shift=1e7))
    generator = ModularGenerator(crowded, 100, **minimax_call())
    with pytest.raises(UsageError, match=r"generator.steps=100: MiniMaxH3Scheduler makes \d+ steps of them"):
        generator.path(0)


def test_encoders_are_on_the_device_while_conditions_are_encoded(model):
    """On the CPU the parts that wait are put on the device `meta`, where nothing can be computed."""

    class Encoder(torch.nn.Linear):
        def __call__(self, _, state):
            state.set("prompt_embeds", self.forward(torch.zeros(1, 6, 4)))
            state.set("text_token_tags", torch.ones(6).long())
            return _, state

        intermediate_output_names = ("prompt_embeds", "text_token_tags")

    pipeline, where = minimax_h3(), []
    encoder = Encoder(4, 16)
    encoder.to = lambda device: where.append(str(device))
    pipeline.text_encoder = encoder
    memory.offload(pipeline, torch.device("cpu"), "waiting")
    size = {k: v for k, v in minimax_call().items() if k in ("height", "width", "num_frames")}
    generator = ModularGenerator(pipeline, STEPS, **size)
    generator._encoders[0] = encoder
    generator.draw(noise(0))
    generator.draw(noise(1))
    assert where == ["waiting", "cpu", "waiting"]  # once for the prompt


def test_an_image_takes_the_blocks_of_an_image(model):
    still = ModularGenerator(model.pipeline, STEPS, image=Image.fromarray(film(1, 32)[0]), **minimax_call())
    names = [type(block).__name__ for block in still._drawers]
    assert "MiniMaxH3FL2VAPrepareLatentsStep" in names
    assert [type(b).__name__ for b in ModularGenerator(model.pipeline, STEPS, **minimax_call())._drawers] != names
