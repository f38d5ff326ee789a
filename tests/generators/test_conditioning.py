"""In which shape pipelines take conditioning frames, and what is told of fitting them."""

import pytest

from raysearch.errors import UsageError
from raysearch.generators.conditioning import arguments, fitted, with_defaults
from raysearch.generators.families import PIPELINES
from raysearch.prompts import Prompt, frames
from tests.zoo import others, wan
from tests.zoo.parts import film, flow


def shape(pipeline, **call):
    name = type(pipeline).__name__
    return PIPELINES[name].shape(pipeline, with_defaults(type(pipeline), call), (9, 16))


def test_cogvideox_has_the_size_of_its_network_unless_the_call_says_otherwise():
    pipeline = others.cog("ImageToVideo")
    config, scale = pipeline.transformer.config, pipeline.vae_scale_factor_spatial
    assert shape(pipeline) == (config.sample_height * scale, config.sample_width * scale)
    assert shape(pipeline, height=32, width=48) == (32, 48)


def test_wan_rounds_down_to_whole_patches():
    pipeline = wan.wan_image()
    one = pipeline.vae_scale_factor_spatial * pipeline.transformer.config.patch_size[1]
    assert shape(pipeline, height=3 * one + 1, width=2 * one) == (3 * one, 2 * one)


def test_sana_takes_the_nearest_size_of_its_training():
    pipeline = wan.sana(flow(shift=8.0), "ImageToVideo")
    assert shape(pipeline, height=64, width=96) == (64, 96)  # no training of that network is known
    pipeline.transformer.register_to_config(sample_size=30)
    assert shape(pipeline, height=480, width=480) == (624, 624)
    assert shape(pipeline, height=480, width=480, use_resolution_binning=False) == (480, 480)


@pytest.mark.parametrize("how", ["crop", "pad", "stretch"])
def test_what_was_done_is_told_once(capsys, how):
    pipeline, call = wan.wan_image(), {"height": 32, "width": 32}
    for _ in range(2):
        fitted(pipeline, film(1, 36)[:, :24], call, how, how)
    told = capsys.readouterr().err
    assert told.count("36x24") == 1 and "generator.fit" in told and repr(how) in told
    fitted(pipeline, film(1, 36), call, how, "square")
    assert not capsys.readouterr().err


def test_without_a_size_it_is_asked_for():
    with pytest.raises(UsageError, match=r"set generator\.height and generator\.width"):
        fitted(wan.vace(), film(1, 16), {}, "crop", "p")


def test_frames_for_a_pipeline_that_takes_text_alone():
    prompt = Prompt("p", "a ball", scene="one_ball", scene_seed=3)
    with pytest.raises(
        UsageError, match=r"prompt 'p' has 5 conditioning frames.*takes text alone.*LTXConditionPipeline"
    ):
        arguments("LTXPipeline", "a ball", frames(prompt), "p")
    assert arguments("LTXPipeline", "a ball", None, "p") == {"prompt": "a ball"}
