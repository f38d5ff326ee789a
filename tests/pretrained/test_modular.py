"""Modular pipelines on disk: what their index says, which parts are loaded, and what is refused."""

import json

import diffusers
import pytest
import torch

from raysearch.config.settings import GeneratorConfig
from raysearch.errors import UsageError
from raysearch.generators import feasible, model_files
from raysearch.generators.diffusers import DiffusersModel
from raysearch.pretrained import Deferred
from raysearch.pretrained.modular import INDEX, library_and_class, pipeline
from raysearch.prompts import Prompt
from tests.zoo.cases import minimax_call
from tests.zoo.minimax import encoder, minimax_h3, network

KEY = "generator.model"
FLOWS = ("t2va", "fl2va")
SIZE = {"height": 32, "width": 32, "num_frames": 124}


@pytest.fixture
def folder(tmp_path):
    minimax_h3(transformer_ref=network()).save_pretrained(str(tmp_path / "model"), overwrite_modular_index=True)
    return tmp_path / "model"


def loaded(folder, **options):
    cls = diffusers.MiniMaxH3ModularPipeline
    return pipeline(cls, folder / INDEX, FLOWS, str(folder), KEY, **options)


def changed(folder, name, **where):
    index = json.loads((folder / INDEX).read_text())
    index[name][2] |= where
    (folder / INDEX).write_text(json.dumps(index))


def test_a_saved_pipeline_is_the_same_without_the_parts_that_no_workflow_uses(folder):
    here, there = minimax_h3(), loaded(folder)
    assert there.transformer_ref is None and (folder / "transformer_ref").is_dir()
    for name in ("transformer", "vae", "audio_vae"):
        one, two = getattr(here, name).state_dict(), getattr(there, name).state_dict()
        assert all(torch.equal(one[k], two[k]) for k in one) and not getattr(there, name).training
    assert (there.scheduler.shift, there.audio_scheduler.shift) == (12.0, 3.0)


def test_parts_get_their_dtypes(folder):
    there = loaded(folder, dtypes={"default": torch.bfloat16, "audio_vae": torch.float32})
    assert there.transformer.context_embedder.weight.dtype == torch.bfloat16
    assert there.audio_vae.dec_in_proj.weight.dtype == torch.float32


def test_an_encoder_can_wait_until_it_is_needed(tmp_path):
    here = minimax_h3(text_encoder=encoder())
    here.save_pretrained(str(tmp_path), overwrite_modular_index=True)
    later = loaded(tmp_path, deferred=("text_encoder", "transformer")).text_encoder
    assert isinstance(later, Deferred) and later.config.text_config.num_hidden_layers == 51 and later.waiting
    one, two = here.text_encoder.state_dict(), later.get().state_dict()
    assert one.keys() == two.keys() and all(torch.equal(one[k], two[k]) for k in one)
    assert not isinstance(loaded(tmp_path).text_encoder, Deferred)


def test_a_folder_that_was_moved_is_read_where_it_is(folder, tmp_path):
    moved = folder.rename(tmp_path / "moved")
    assert loaded(moved).vae is not None


def test_parts_elsewhere_and_damaged_ones_are_refused(folder):
    changed(folder, "vae", pretrained_model_name_or_path="me/other", subfolder="its_vae")
    with pytest.raises(UsageError, match=r"its part vae lies in 'me/other'; put all parts into one folder"):
        loaded(folder)
    changed(folder, "vae", subfolder="vae")
    (folder / "vae/diffusion_pytorch_model.safetensors").write_bytes(b"")
    with pytest.raises(UsageError, match=r"part vae: .* is empty; fetch the model again"):
        loaded(folder)


def test_a_class_that_nobody_has_is_refused(folder):
    index = json.loads((folder / INDEX).read_text())
    index["scheduler"][1] = "SomebodysScheduler"
    (folder / INDEX).write_text(json.dumps(index))
    with pytest.raises(UsageError, match=r"part scheduler is of the class diffusers\.SomebodysScheduler"):
        loaded(folder)


def test_an_entry_without_a_place_is_a_part_that_the_model_does_not_bring():
    hint = {"type_hint": ["diffusers", "AutoencoderKL"], "pretrained_model_name_or_path": "a/b"}
    assert library_and_class([None, None, hint]) == ["diffusers", "AutoencoderKL"]
    assert library_and_class([None, None, hint | {"pretrained_model_name_or_path": None}]) == [None, None]


def test_a_job_reads_it_like_any_other_model(folder):
    config = GeneratorConfig(
        model=str(folder), steps=4, fps=24, call={"prompt_embeds": 0, "text_token_tags": 0}, **SIZE
    )
    assert model_files.pipeline_class(config) == "MiniMaxH3ModularPipeline"
    assert model_files.model_index(config)["vae"] == ["diffusers", "AutoencoderKLMiniMaxH3"]
    feasible.check(config, [Prompt("p", "a ball")])
    assert feasible.length(config).made == 124 and feasible.pin(config) == config
    config.num_frames = 20
    with pytest.raises(UsageError, match=r"generator\.num_frames=20: MiniMaxH3ModularPipeline makes 17k \+ 5 frames"):
        feasible.check(config, [])


def test_a_job_loads_it_and_makes_a_video(folder):
    embeddings = {k: v for k, v in minimax_call().items() if k not in SIZE}
    config = GeneratorConfig(model=str(folder), steps=2, fps=24, dtype="float32", call=embeddings, **SIZE)
    generator = DiffusersModel.load(config).on(Prompt("p", "a ball"))
    with torch.no_grad():
        x0 = generator.denoise(generator.draw(torch.Generator().manual_seed(0)), 0, torch.Generator())
        assert generator.decode(x0, torch.Generator()).shape == (124, 3, 32, 32)
