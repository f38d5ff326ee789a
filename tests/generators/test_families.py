"""What a pipeline class cannot do is said before anything is loaded; a class of the same weights stands in for it."""

import json
import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from examples.tiny_parts import film, unipc
from raysearch import generators
from raysearch.config.settings import GeneratorConfig
from raysearch.errors import UsageError
from raysearch.generators import families, feasible, inputs
from raysearch.generators.conditioning import arguments
from raysearch.generators.declare import pictures
from raysearch.generators.diffusers import DiffusersModel
from raysearch.generators.families import wan as wan_family
from raysearch.moves import Move
from raysearch.prompts import Prompt
from raysearch.sampling.workers import run_move
from tests.zoo import hunyuan, others, wan
from tests.zoo.cases import hunyuan15_call, size, wan_size

CPU = torch.device("cpu")
TEXT = {"negative_prompt": "bad quality", "height": 16, "width": 16, "num_frames": 9}


def index(folder, pipeline: str) -> GeneratorConfig:
    """A model folder that names its class and holds nothing else: whatever is found out is found out before loading."""
    (folder / "model_index.json").write_text(f'{{"_class_name": "{pipeline}"}}')
    return GeneratorConfig(model=str(folder), steps=4, fps=8, num_frames=9)


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "image.png"
    Image.fromarray(film(1, 16)[0]).save(path)
    return Prompt("p", "a red ball", image=str(path))


def test_listing_families_loads_no_model_library():
    code = (
        "from raysearch.generators import families, feasible; import sys; print(len(families.describe()), *sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert int(out[0]) == len(families.PIPELINES) + len(families.REFUSED)
    assert not {"torch", "diffusers", "transformers"} & set(out)


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        ("LTX2DFRPipeline", "LTX2DFRPipeline cannot be driven one step at a time: its steps are taken.*WanVACE"),
        ("CogVideoXPipeline", "1 conditioning frame, but CogVideoXPipeline takes text alone.*CogVideoXImageToVideo"),
        ("MysteryPipeline", "MysteryPipeline cannot be driven .*: the installed diffusers does not have it"),
        ("SkyReelsV2DiffusionForcingVideoToVideoPipeline", "takes text and frames; change the prompt"),
    ],
)
def test_an_image_for_a_class_that_takes_none(tmp_path, image, pipeline, message):
    with pytest.raises(UsageError, match=message):
        feasible.check(index(tmp_path, pipeline), [image])


def test_text_alone_for_a_class_that_needs_an_image(tmp_path):
    told = "prompt 'p' has no conditioning frames, but CogVideoXImageToVideoPipeline needs image.*LTXConditionPipeline"
    with pytest.raises(UsageError, match=told):
        feasible.check(index(tmp_path, "CogVideoXImageToVideoPipeline"), [Prompt("p", "a red ball")])


def test_a_clip_for_a_class_that_takes_one_image_and_a_clip_too_long(tmp_path):
    scene = Prompt("p", "a ball", scene="one_ball")
    with pytest.raises(
        UsageError, match=r"5 conditioning frames, but CogVideoXImage.* text and image, one frame at mo"
    ):
        feasible.check(index(tmp_path, "CogVideoXImageToVideoPipeline"), [scene])
    config = index(tmp_path, "LTXConditionPipeline")
    feasible.check(config, [scene])
    config.num_frames = 5
    with pytest.raises(UsageError, match=r"5 conditioning frames, but generator.num_frames=5 counts them"):
        feasible.check(config, [scene])
    with pytest.raises(UsageError, match=r"generator.num_frames=5 counts them"):
        arguments("WanVACEPipeline", "", film(5, 16), "p", {"num_frames": 5, "prompt_embeds": 0})


def test_what_can_be_done_passes(tmp_path, image):
    for pipeline in ("CogVideoXImageToVideoPipeline", "LTXConditionPipeline", "LTXPipeline"):
        feasible.check(index(tmp_path, pipeline), [image])
    feasible.check(GeneratorConfig(), [Prompt("p", "a ball"), image, Prompt("s", scene="one_ball")])


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(inputs, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"WanPipeline needs the Python package ftfy: pip install ftfy"):
        arguments("WanPipeline", "a ball", None, "p")
    assert arguments("WanPipeline", "a ball", None, "p", {"prompt_embeds": 1}) == {"prompt": None}


def test_a_folder_without_an_index_and_a_name_that_is_no_model(tmp_path):
    with pytest.raises(UsageError, match=r"holds no model_index.json; give one that save_pretrained wrote"):
        feasible.check(GeneratorConfig(model=str(tmp_path)), [])
    with pytest.raises(UsageError, match="no folder of that name, and no hub id, which has the form owner/name"):
        feasible.check(GeneratorConfig(model="no such model"), [])


def test_an_argument_that_the_class_does_not_have_and_an_unknown_class(tmp_path):
    config = index(tmp_path, "CogVideoXPipeline")
    config.call = {"guidence_scale": 3}
    with pytest.raises(
        UsageError, match=r"CogVideoXPipeline 'guidence_scale' is unknown; did you mean 'guidance_scale'"
    ):
        generators.load(config)
    with pytest.raises(UsageError, match=r"has no MysteryPipeline; install a version that has it"):
        generators.load(index(tmp_path, "MysteryPipeline"))


def test_starting_from_a_noised_video_is_refused_where_no_family_says_how():
    with pytest.raises(UsageError, match=r"generator.call.strength=0.8: LTXConditionPipeline can only start"):
        DiffusersModel(others.ltx_condition(), 4, 8, strength=0.8, **size(32, 17)()).given("", None, "p")


@pytest.mark.parametrize(("strength", "first"), [(1.0, 1.0), (0.5, 0.75)])
def test_a_redrawn_video_takes_the_steps_it_is_asked_for_from_its_noise_on(strength, first):
    """Shift 3: half of eight steps start at sigma 3 * 0.5 / (1 + 2 * 0.5) = 0.75 of the table that goes to 0."""
    call = wan_size(strength=strength)()
    generator = DiffusersModel(wan.wan_video(unipc(3.0)), 4, 8, **call).given("", film(9, 16), "p")
    a, s, *_ = generator.path(0)
    assert generator.steps == 4 and generator.path(3)[3] == 0
    assert float(s) == pytest.approx(first, abs=0.02) and float(a) == pytest.approx(1 - float(s))
    x = generator.draw(torch.Generator().manual_seed(0))
    rest = (x - a * generator.origin()) / s
    assert abs(float(rest.mean())) < 0.1 and float(rest.std()) == pytest.approx(1, abs=0.1)
    with pytest.raises(UsageError, match=r"generator.call.strength=0: give a number above 0, up to 1"):
        DiffusersModel(wan.wan_video(), 4, 8, **call | {"strength": 0}).given("", film(9, 16), "p")


def test_hunyuan_1_5_makes_the_size_of_its_image_and_refuses_another():
    model = DiffusersModel(hunyuan.hunyuan15("ImageToVideo"), 4, 8, **hunyuan15_call() | {"height": 24, "width": 8})
    generator = model.given("", film(1, 16), "p")
    assert "height" not in generator._call and generator.draw(torch.Generator()).shape[-2:] == (6, 2)
    model.call["width"] = 16
    with pytest.raises(UsageError, match=r"generator.height=24: .* takes no size and makes \d+x\d+ of this shape; set"):
        model.given("", film(1, 16), "p")


def test_a_network_that_is_told_the_next_time_is_refused():
    pipeline = hunyuan.hunyuan15("ImageToVideo", use_meanflow=True)
    with pytest.raises(UsageError, match="distilled to few steps and is told the time of the next step too"):
        DiffusersModel(pipeline, 4, 8, **hunyuan15_call()).given("", film(1, 16), "p")


def test_the_configuration_of_a_network_refuses_it_before_it_is_loaded(tmp_path):
    index = {"_class_name": "HunyuanVideo15Pipeline", "transformer": ["diffusers", "HunyuanVideo15Transformer3DModel"]}
    (tmp_path / "transformer").mkdir()
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    (tmp_path / "transformer/config.json").write_text(json.dumps({"use_meanflow": True}))
    with pytest.raises(UsageError, match=r"generator.model: HunyuanVideo15Pipeline: this model is distilled to few"):
        feasible.check(GeneratorConfig(model=str(tmp_path), steps=4, fps=8), [])


@pytest.mark.parametrize(
    ("plain", "sibling", "call", "clip"),
    [
        (others.ltx, partial(others.ltx, "ImageToVideo"), size(32), film(1, 32)),
        (wan.wan_5b, wan.wan_image_5b, wan_size(), film(1, 16)),
        (wan.skyreels, partial(wan.skyreels, "ImageToVideo"), wan_size(), film(1, 16)),
        (wan.skyreels, partial(wan.skyreels, "VideoToVideo"), wan_size(), film(5, 16)),
    ],
)
def test_frames_choose_the_class_of_the_same_weights(plain, sibling, call, clip):
    drawn = []
    for build in (plain, sibling):
        generator = DiffusersModel(build(), 4, 8, **call()).given("a red ball", clip, "p")
        with torch.no_grad():
            state, *_ = run_move(generator, Move(None, (0,), 2), Prompt("p", "a red ball"), None, CPU)
        drawn.append(state.x)
    assert (drawn[0] == drawn[1]).all()


def test_a_saved_pipeline_is_loaded_by_path_and_takes_an_image(tmp_path, image):
    pipeline = others.cog("ImageToVideo")
    pipeline.save_pretrained(tmp_path / "model")
    config = GeneratorConfig(model=str(tmp_path / "model"), steps=4, fps=8, **TEXT, call={"max_sequence_length": 16})
    feasible.check(config, [image])
    here = DiffusersModel(pipeline, 4, 8, **config.pipeline_call()).on(image)
    there = generators.load(config).on(image)
    with torch.no_grad():
        states = [run_move(g, Move(None, (0,), 4), image, None, CPU)[0].x for g in (here, there)]
    assert (states[0] == states[1]).all() and np.isfinite(states[0]).all()


def test_tiles_decode_the_same_film_and_are_refused_where_there_are_none():
    films = []
    for tiling in (False, True):
        settings = GeneratorConfig(tiling=tiling)
        generator = DiffusersModel(others.cog(), 4, 8, settings, **size(16)()).given("a red ball", None, "p")
        x0 = generator.draw(torch.Generator().manual_seed(0))
        with torch.no_grad():
            films.append(generator.decode(x0, torch.Generator().manual_seed(0)))
    assert generator.pipe.vae.use_tiling and torch.allclose(*films, atol=1e-5)
    with pytest.raises(UsageError, match=r"tiling=true: AutoencoderKLTemporalDecoder has no tiles; leave tiling off"):
        DiffusersModel(others.svd(), 4, 8, GeneratorConfig(tiling=True))


def test_ltx_continues_from_the_last_whole_frames_of_a_clip_resized_once(monkeypatch):
    pipeline, clip = others.ltx_condition(), film(11, 48)
    resized, resize = [], pipeline.video_processor.preprocess_video
    monkeypatch.setattr(
        pipeline.video_processor, "preprocess_video", lambda *a, **o: resized.append(1) or resize(*a, **o)
    )
    generator = DiffusersModel(pipeline, 4, 8, **size(32, 17)()).given("a red ball", clip, "p")
    (condition,) = generator._call["conditions"]
    last = pictures(clip[2:], {"height": 32, "width": 32})  # 4k + 1 of 11, of this autoencoder
    assert [np.asarray(p).tolist() for p in condition.video] == [np.asarray(p).tolist() for p in last]
    with torch.no_grad():
        x = generator.draw(torch.Generator().manual_seed(0))
        for k in (0, 1):
            x0 = generator.denoise(x, k, torch.Generator().manual_seed(0))
        generator.decode(x0, torch.Generator().manual_seed(0))
    assert len(resized) == 1


NEW_FAMILY = '''
"""A new family."""
from raysearch.generators.declare import TEXT_IMAGE, Autoencoder, PipelineClass, image

def condition(frames, call, prompt_id):
    return image(frames, call, prompt_id) | {"strength_of_image": 0.5}

PIPELINES = (
    PipelineClass("NewVideoPipeline", "New", TEXT_IMAGE, condition=condition, notes="an example"),
)
AUTOENCODERS = (Autoencoder("AutoencoderKLNew", tiles=False),)
'''
ASK = """
import numpy as np
from raysearch.cli import main
from raysearch.config.settings import GeneratorConfig
from raysearch.errors import UsageError
from raysearch.generators import memory
from raysearch.generators.conditioning import arguments

main(["generators"])
frames, embeds = np.zeros((1, 8, 8, 3), np.uint8), {"prompt_embeds": 1}
print(sorted(arguments("NewVideoPipeline", "a ball", frames, "p", embeds)))
for refused in (lambda: arguments("NewVideoPipeline", "", np.zeros((2, 8, 8, 3), np.uint8), "p", embeds),
                lambda: memory.check(GeneratorConfig(tiling=True), "AutoencoderKLNew")):
    try:
        refused()
    except UsageError as error:
        print(error)
"""


def test_a_new_family_is_one_file(tmp_path):
    """In a copy of the package: everything that is known of a family follows from the file that is added."""
    package = Path(families.__file__).parents[2]
    copy = tmp_path / "raysearch/generators"
    shutil.copytree(package / "generators", copy)
    for entry in package.iterdir():
        if entry.name != "generators":
            (tmp_path / "raysearch" / entry.name).symlink_to(entry)
    (copy / "families/new.py").write_text(NEW_FAMILY)
    run = [sys.executable, "-c", ASK]
    env = os.environ | {"PYTHONPATH": str(tmp_path)}
    out = subprocess.run(run, capture_output=True, text=True, env=env, cwd=tmp_path, check=True)
    (row,) = [line.split() for line in out.stdout.splitlines() if line.startswith("NewVideoPipeline")]
    assert row[1:] == ["yes", "yes", "-", "yes", "-", "prompts", "an", "example"]
    assert "['image', 'prompt', 'strength_of_image']" in out.stdout
    assert "2 conditioning frames, but NewVideoPipeline takes text and image, one frame at most" in out.stdout
    assert "generator.tiling=true: AutoencoderKLNew has no tiles" in out.stdout


def test_two_families_cannot_declare_the_same_class():
    with pytest.raises(ValueError, match=r"declares .*WanPipeline.*, which another family declares"):
        families._table([wan_family, wan_family], "pipeline", "PIPELINES")
