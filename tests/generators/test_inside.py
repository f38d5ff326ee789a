"""A particle of video and sound whose sound is made where the video is."""

import numpy as np
import pytest
import torch

from raysearch.generators import memory
from raysearch.generators.contract import Sounding
from raysearch.generators.diffusers import DiffusersModel
from raysearch.generators.inside import WithSoundInside
from raysearch.moves import Kernel
from raysearch.sampling import kernels
from tests.zoo.cases import cosmos3_call, first_order
from tests.zoo.cosmos3 import cosmos3

STEPS, TEXT = 4, "a red ball rolls left"


def noise(seed):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def generator():
    torch.set_num_threads(1)
    return DiffusersModel(cosmos3(), STEPS, 24, **cosmos3_call(True)).given(TEXT, None, "p")


def test_the_sound_is_that_of_the_stock_pipeline(generator):
    pipeline = cosmos3(**first_order)
    pipeline.set_progress_bar_config(disable=True)
    call = cosmos3_call(True) | {"num_inference_steps": STEPS, "generator": noise(0), "output_type": "pt"}
    stock = pipeline(TEXT, **call).sound
    with torch.no_grad():
        x = generator.draw(noise(0))
        for k in range(STEPS):
            x0 = generator.denoise(x, k, noise(1))
            x, _ = kernels.step(Kernel(), x, x0, generator.path(k), None, k / (STEPS - 1))
    waveform, rate = generator.sound(x, noise(0))
    assert rate == 8000 and waveform.dtype == np.float32 and waveform.shape == stock.shape and len(waveform) == 2
    assert np.abs(waveform - stock.numpy()).max() < 1e-5 and np.abs(waveform).max() > 0


def test_sound_and_video_are_decoded_apart_from_each_other(generator):
    with torch.no_grad():
        x0 = generator.denoise(generator.draw(noise(0)), 0, noise(1))
        other = x0.clone()
        other[:, -8:] += 1
        assert torch.equal(generator.decode(other, noise(0)), generator.decode(x0, noise(0)))
        assert (generator.sound(other, noise(0))[0] != generator.sound(x0, noise(0))[0]).any()
    assert "decode_sound" not in vars(generator.pipe)  # the pipeline's own is back in its place


def test_without_sound_a_particle_is_the_video_alone(generator):
    plain = DiffusersModel(cosmos3(), STEPS, 24, **cosmos3_call(False)).given(TEXT, None, "p")
    assert isinstance(generator, WithSoundInside) and isinstance(generator, Sounding)
    assert not isinstance(plain, Sounding) and plain.draw(noise(0)).shape == (1, 16, 4, 4, 4)
    assert generator.draw(noise(0)).shape[1] > 16 * 4 * 4 * 4


def test_a_pipeline_that_asks_its_network_where_to_compute_is_told_the_device():
    pipeline = cosmos3()
    memory.offload(pipeline, torch.device("meta"))
    assert pipeline._get_execution_device() == torch.device("meta")
