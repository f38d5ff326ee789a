"""In which shape pipelines take conditioning frames, and what is told of fitting them."""

import numpy as np
import pytest
import torch
from PIL import Image

from examples.tiny_parts import film, flow
from raysearch.config.generator import GeneratorConfig
from raysearch.errors import UsageError
from raysearch.generators import feasible
from raysearch.generators.conditioning import arguments, fitted, with_defaults
from raysearch.generators.diffusers import DiffusersModel
from raysearch.generators.families import PIPELINES
from raysearch.prompts import Prompt, frames
from tests.zoo import others, wan


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


def test_ltx_continues_from_the_last_frames_and_resizes_them_once(monkeypatch):
    """Of 12 frames 9 fill whole latent frames; those before the video that is made are the last ones."""
    pipeline, clip = others.ltx_condition(), film(12, 48)
    resized = []
    plain = type(pipeline.video_processor).preprocess_video

    def counted(self, video, *args, **options):
        resized.append(video)
        return plain(self, video, *args, **options)

    monkeypatch.setattr(type(pipeline.video_processor), "preprocess_video", counted)
    model = DiffusersModel(pipeline, 2, 8, height=32, width=32, num_frames=17, image_cond_noise_scale=0.0)
    generator = model.given("a red ball", clip, "p")
    with torch.no_grad():
        x = generator.draw(torch.Generator().manual_seed(0))
        for k in range(2):
            generator.denoise(x, k, torch.Generator().manual_seed(k))
        generator.decode(x, torch.Generator().manual_seed(0))
    (pictures,) = resized
    assert [p.size for p in pictures] == [(32, 32)] * 9  # small already, and whole bytes
    small = [Image.fromarray(frame).resize((32, 32), Image.Resampling.BICUBIC) for frame in clip[3:]]
    assert all((np.asarray(a) == np.asarray(b)).all() for a, b in zip(pictures, small, strict=True))


def test_how_many_frames_are_used_is_known_before_loading(tmp_path):
    others.ltx_condition().save_pretrained(tmp_path)
    config = GeneratorConfig(model=str(tmp_path))
    assert [feasible.used(config, n) for n in (1, 2, 9, 12, 17)] == [1, 1, 9, 9, 17]
    wan.vace().save_pretrained(tmp_path / "vace")
    assert feasible.used(GeneratorConfig(model=str(tmp_path / "vace")), 12) == 12
    assert feasible.used(GeneratorConfig(model="someone/unknown"), 12) == 12


def test_cosmos_sees_one_frame_or_the_last_five():
    rule = PIPELINES["Cosmos2VideoToWorldPipeline"].uses
    assert [rule(n, 4) for n in (1, 4, 5, 93)] == [1, 1, 5, 5]
