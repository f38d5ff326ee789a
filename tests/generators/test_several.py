"""A particle of video and sound: one flat tensor to the engine, two to the pipeline."""

import numpy as np
import pytest
import torch

from raysearch.generators.diffusers import DiffusersModel
from raysearch.moves import Kernel
from raysearch.sampling import kernels
from tests.zoo import ltx2
from tests.zoo.cases import ltx2_call, own_times

STEPS = 4


def noise(seed):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module", params=[ltx2.ltx2, own_times], ids=["same times", "own times"])
def generator(request):
    torch.set_num_threads(1)
    return DiffusersModel(request.param(), STEPS, 8, **ltx2_call()).given("", None, "p")


def chain(generator):
    with torch.no_grad():
        x = generator.draw(noise(0))
        for k in range(STEPS):
            x0 = generator.denoise(x, k, noise(1))
            x, _ = kernels.step(Kernel(), x, x0, generator.path(k), None, k / (STEPS - 1))
        return x


def test_the_sound_is_that_of_the_stock_pipeline(generator):
    pipeline = own_times() if generator._own else ltx2.ltx2()
    pipeline.set_progress_bar_config(disable=True)
    stock = pipeline(**ltx2_call(), num_inference_steps=STEPS, generator=noise(0), output_type="pt").audio[0]
    waveform, rate = generator.sound(chain(generator), noise(0))
    assert rate == 16000 and waveform.dtype == np.float32 and waveform.shape == stock.shape and len(waveform) == 2
    assert np.abs(waveform - stock.numpy()).max() < 1e-5 and np.abs(waveform).max() > 0


def test_the_particle_is_flat_and_each_part_has_its_levels(generator):
    x = generator.draw(noise(3))
    video, sound = (shape.numel() for shape in generator._shapes)
    assert x.shape == (1, video + sound) and sound > 0
    a, s, _, next_s = (torch.as_tensor(level) for level in generator.path(1))
    if not generator._own:
        assert s.ndim == 0
        return
    assert s.shape == x.shape and len(s[0, :video].unique()) == len(s[0, video:].unique()) == 1
    assert s[0, 0] != s[0, -1] and (a + s == 1).all() and (next_s < s).all()


def test_sound_and_video_are_decoded_apart_from_each_other(generator):
    with torch.no_grad():
        x0 = generator.denoise(generator.draw(noise(0)), 0, noise(1))
        video = generator.decode(x0, noise(0))
        other = x0.clone()
        other[:, -8:] += 1
        assert (generator.decode(other, noise(0)) == video).all()
        assert (generator.sound(other, noise(0))[0] != generator.sound(x0, noise(0))[0]).any()
    assert generator.pipe.vocoder.config.out_channels == 2  # the parts are back in their places
