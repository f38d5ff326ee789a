"""What a job asks for is held against the checkpoint, in one line that names the remedy."""

import shutil

import pytest

from raysearch.errors import UsageError
from raysearch.generators.magi1.settings import Options, ends, settings
from tests.generators.magi1 import tiny


@pytest.fixture(scope="module")
def distilled(tmp_path_factory):
    return tiny.write(tmp_path_factory.mktemp("d"), name="4.5B_distill", sub="inference_weight.distill")


def test_steps_are_those_of_the_video(folder):
    asked = settings(tiny.settings(folder, steps=112, chunks=4, window=4))
    assert (asked.each, asked.made, asked.distilled, asked.text_scale, asked.past_scale) == (64, 4, False, 7.5, 1.5)
    assert settings(tiny.settings(folder, steps=256, chunks=4)).each == 64
    assert ends(tiny.settings(folder, steps=256, chunks=4)) == [0.25, 0.5, 0.75]
    assert ends(tiny.settings(folder, steps=112, chunks=4, window=4)) == [64 / 112, 80 / 112, 96 / 112]


@pytest.mark.parametrize(("given", "latents", "kept"), [
    (0, 0, []), (1, 1, [0]), (3, 1, [2]), (9, 2, list(range(1, 9))), (24, 6, list(range(24))),
    (32, 6, list(range(8, 32))), (72, 18, list(range(72))),
])  # fmt: skip
def test_a_clip_gives_whole_chunks_of_its_end(folder, given, latents, kept):
    asked = settings(tiny.settings(folder))
    assert asked.latents(given) == latents
    if given:
        assert list(range(given))[asked.kept(given)] == kept
    assert asked.stages(given, "p").chunks == latents // 6 + 2


@pytest.mark.parametrize(("change", "words"), [
    ({"fps": 16}, "generator.fps=16: MAGI-1 makes 24 frames per second"),
    ({"height": 40}, "generator.height=40: MAGI-1 makes multiples of 16 from 32 on; give 32"),
    ({"width": None}, "generator.width is missing"),
    ({"shift": 3.0}, "generator.shift=3.0: MAGI-1 has no such setting"),
    ({"negative_prompt": "bad"}, "generator.negative_prompt='bad': MAGI-1 has no such setting"),
    ({"times": "vp"}, "generator.times='vp'"),
    ({"steps": 24}, "12 steps a chunk are for distilled models, .* give 128 for 64 steps a chunk"),
    ({"call": {"distilled": True}}, "generator.call.distilled=true: .* is a base model by its name"),
    ({"call": {"shortcut": "16,16,8"}}, "only for distilled models with 12 steps a chunk; here a chunk takes 8"),
])  # fmt: skip
def test_what_cannot_be_meant_of_a_base_model_is_refused(folder, change, words):
    with pytest.raises(UsageError, match=words):
        settings(tiny.settings(folder, **change))


def test_a_distilled_model_is_not_guided(distilled):
    assert settings(tiny.settings(distilled, steps=24)).each == 12
    for change in ({"guidance_scale": 7.5}, {"call": {"past_scale": 1.5}}):
        with pytest.raises(UsageError, match="is distilled, and distilled models are not guided"):
            settings(tiny.settings(distilled, **change))


def test_special_tokens_that_are_not_there_are_missed_before_anything_is_loaded(folder, tmp_path):
    shutil.copytree(folder.parents[2], tmp_path / "ckpt")
    alone = tmp_path / "ckpt" / folder.relative_to(folder.parents[2])
    for file in tmp_path.rglob("special_tokens.npz"):
        file.unlink()
    with pytest.raises(UsageError, match=r"copy example/assets/special_tokens.npz"):
        settings(tiny.settings(alone))
    assert settings(tiny.settings(alone, call={"quality": False, "duration": False})).checkpoint.tokens is None


def test_a_length_that_leaves_another_number_of_chunks_is_refused(folder):
    asked = settings(tiny.settings(folder, num_frames=48))
    assert asked.stages(0, "p").chunks == asked.stages(1, "p").chunks == 2
    with pytest.raises(UsageError, match=r"num_frames=48: prompt 'p' gives 24 whole frames, and .* set num_frames=72"):
        asked.stages(24, "p")


def test_defaults_are_the_published_ones():
    assert Options() == Options(window=4, quality=True, duration=True, shortcut="8,16,16")
