"""Settings of a generator beside its prompt: revisions, code that a model brings, memory, compiling."""

import json
import shutil

import numpy as np
import pytest
import torch

from raysearch import config as configuration
from raysearch import generators, runs
from raysearch.config.settings import GeneratorConfig, Job
from raysearch.errors import UsageError
from raysearch.generators import feasible, memory, model_files
from raysearch.generators.diffusers import DiffusersModel
from raysearch.moves import Move
from raysearch.pretrained import hub as hub_files
from raysearch.prompts import Prompt
from raysearch.sampling.workers import run_move
from tests.zoo import others, wan
from tests.zoo.cases import CASES, size, wan_size

COMMIT = "0123456789abcdef0123456789abcdef01234567"
PROMPT = Prompt("p", "a red ball")
REWARD = {"name": "flicker"}
CALL = {"height": 16, "width": 16, "num_frames": 9, "call": {"max_sequence_length": 16}}


def noise(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("model")
    others.cog().save_pretrained(folder)
    return folder


@pytest.fixture
def hub(saved, tmp_path, monkeypatch):
    """The local cache of a hub that cannot be reached: main of someone/model is at COMMIT."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    root = tmp_path / "models--someone--model"
    shutil.copytree(saved, root / "snapshots" / COMMIT)
    (root / "refs").mkdir()
    (root / "refs/main").write_text(COMMIT)
    hub_files.fetch.cache_clear()
    return root


def test_a_branch_is_pinned_to_its_commit(hub, tmp_path):
    asked = GeneratorConfig(model="someone/model", revision="main", steps=2, fps=8, **CALL)
    pinned = feasible.pin(asked)
    assert pinned.revision == COMMIT and asked.revision == "main"
    assert feasible.pin(GeneratorConfig(model="someone/model")).revision == COMMIT == feasible.pin(pinned).revision
    job = Job(generator=asked, reward=REWARD, run=str(tmp_path / "run"))
    manifest = runs.manifest(job)
    assert manifest["generator"]["revision"] == COMMIT
    assert manifest == runs.manifest(Job(generator=pinned, reward=REWARD, run=str(tmp_path / "run")))
    generator = generators.load(pinned).on(PROMPT)  # from the cache, by the commit
    with torch.no_grad():
        assert len(generator.decode(generator.draw(noise(0)), noise(0))) == 9
    (hub / "refs/main").write_text("f" * 40)  # the branch moves; this process stays where it was
    assert runs.manifest(job) == manifest
    shutil.copytree(hub / "snapshots" / COMMIT, hub / "snapshots" / ("f" * 40))
    hub_files.fetch.cache_clear()
    assert runs.manifest(job)["generator"]["revision"] == "f" * 40
    assert runs.manifest(job)["generator"]["weights"] != manifest["generator"]["weights"]


def test_a_folder_has_no_revision_and_an_unknown_commit_is_said(saved, tmp_path, monkeypatch):
    config = GeneratorConfig(model=str(saved))
    assert feasible.pin(config) is config and feasible.pin(GeneratorConfig()).revision is None
    hub_files.fetch.cache_clear()
    flat = shutil.copytree(saved, tmp_path / "flat")
    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", lambda *args, **options: None)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *args, **options: str(flat / model_files.INDEX))
    with pytest.warns(UserWarning, match="the commit of revision dev is not known, so the run is not pinned"):
        assert feasible.pin(GeneratorConfig(model="someone/other", revision="dev")).revision == "dev"
    hub_files.fetch.cache_clear()


def bring(saved, folder, entry, file, base):
    """A copy of the model whose index names a class of its own, in a file of its own that leaves a trace."""
    shutil.copytree(saved, folder)
    index = json.loads((folder / "model_index.json").read_text()) | {entry: ["own", "Own"]}
    (folder / "model_index.json").write_text(json.dumps(index))
    trace = f"open({str(folder / 'ran')!r}, 'w')"
    (folder / file).write_text(f"from diffusers import {base}\n{trace}\nclass Own({base}):\n    pass\n")


@pytest.mark.parametrize("own", [
    ("_class_name", "own.py", "CogVideoXPipeline"), ("vae", "vae/own.py", "AutoencoderKLCogVideoX"),
], ids=["pipeline", "part"])  # fmt: skip
def test_code_that_a_model_brings_runs_only_where_it_is_asked_for(saved, tmp_path, monkeypatch, own):
    monkeypatch.setattr("diffusers.utils.dynamic_modules_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    folder = tmp_path / "model"
    bring(saved, folder, *own)
    config = GeneratorConfig(model=str(folder), steps=2, fps=8, **CALL)
    with pytest.raises(UsageError, match=r"brings its own code.*set generator.trust_remote_code=true") as told:
        generators.load(config)
    assert "\n" not in str(told.value) and not (folder / "ran").exists()
    config.trust_remote_code = True
    generator = generators.load(config).on(PROMPT)
    assert (folder / "ran").exists()
    with torch.no_grad():
        assert len(generator.decode(generator.draw(noise(0)), noise(0))) == 9


@pytest.mark.parametrize("word", ["yes", 1, "true please", None])
def test_only_the_word_true_trusts(word):
    job = {"generator": {"trust_remote_code": word}}
    with pytest.raises(UsageError, match=r"generator.trust_remote_code=.* takes the word true"):
        configuration.typed(job, "job")
    assert configuration.typed({"generator": {"trust_remote_code": True}}, "job").generator.trust_remote_code is True


@pytest.mark.parametrize(("build", "settings", "told"), [
    (others.svd, {"tiling": True}, "tiling=true: AutoencoderKLTemporalDecoder has no tiles"),
    (wan.wan, {"decode_chunk": 2}, "AutoencoderKLWan always decodes 1 latent frames at a time; leave decode_chunk out"),
    (others.cog, {"decode_chunk": 4}, "AutoencoderKLCogVideoX always decodes 2 latent frames"),
    (others.svd, {"decode_chunk": 4}, "in pieces; leave decode_chunk out, and set call.decode_chunk_size"),
    (others.ltx, {"decode_chunk": 1}, "blends overlapping pieces, which takes at least 2 latent frames"),
])  # fmt: skip
def test_what_an_autoencoder_cannot_do_is_said_before_loading(build, settings, told, tmp_path):
    """The index alone is enough, and the loaded pipeline says the same."""
    pipeline = build()
    index = {"_class_name": type(pipeline).__name__, "vae": ["diffusers", type(pipeline.vae).__name__]}
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    config = GeneratorConfig(model=str(tmp_path), steps=2, fps=8, **settings)
    for refuse in (lambda: feasible.check(config, []), lambda: memory.prepare(pipeline, config)):
        with pytest.raises(UsageError, match=told):
            refuse()


def test_pieces_of_latent_frames():
    """Blended pieces are other pixels; one piece is the whole."""

    def film(n):
        model = DiffusersModel(others.ltx(), 2, 8, GeneratorConfig(decode_chunk=n), **size(32, 33)())
        generator = model.given("a red ball", None, "p")
        with torch.no_grad():
            return generator.decode(generator.draw(noise(0)), noise(0))

    whole, one, pieces = film(None), film(9), film(4)
    assert (whole == one).all() and pieces.shape == whole.shape and (pieces != whole).any()


def test_slices_and_tiles_are_switched_on():
    pipeline = others.cog()
    memory.prepare(pipeline, GeneratorConfig(tiling=True, slicing=True))
    assert pipeline.vae.use_tiling and pipeline.vae.use_slicing


def test_encoders_come_to_the_device_for_a_prompt_and_leave_it(saved):
    """What is asked of the encoder, call by call; both devices are the CPU here."""
    pipeline = others.cog()
    moves = []
    pipeline.text_encoder.to = lambda device: moves.append(str(device))
    model = DiffusersModel(pipeline, 2, 8, offload=torch.device("cpu:0"), **size(16)())
    plain = DiffusersModel(others.cog(), 2, 8, **size(16)())
    for k, text in enumerate(("a red ball", "a red ball falls")):
        moves.clear()
        generator, other = model.given(text, None, "p"), plain.given(text, None, "p")
        with torch.no_grad():
            x = generator.draw(noise(k))
            assert (generator.denoise(x, 0, noise(0)) == other.denoise(x, 0, noise(0))).all()
            generator.denoise(x, 1, noise(0))
        assert moves == ["cpu", "cpu:0", "cpu"]  # kept off, fetched once for the prompt, and sent back
        assert str(generator.pipe._execution_device) == "cpu:0" == str(generator.pipe.device)
    assert DiffusersModel.load(GeneratorConfig(model=str(saved), steps=2, fps=8, **CALL)).offload is None  # on a CPU


@pytest.mark.parametrize("id", ["wan", "cogvideox", "ltx"])
def test_half_precision_drifts_little_around_a_state_in_fp32(id):
    """Twenty steps in bf16: the latents stay fp32 and within 2 % of those of fp32 weights."""
    case, x = next(c for c in CASES if c.id == id), []
    for dtype in (torch.float32, torch.bfloat16):
        call = {k: v.to(dtype) if k.endswith("embeds") else v for k, v in case.call().items()}
        generator = DiffusersModel(case.build().to(dtype), 20, 8, **call).given(PROMPT.text, case.frames(), "p")
        with torch.no_grad():
            state, *_ = run_move(generator, Move(None, (0, 0, 1), 20), PROMPT, None, torch.device("cpu"))
            drawn = generator.draw(noise(0))
            assert drawn.dtype == generator.denoise(drawn, 0, noise(0)).dtype == torch.float32
        x.append(state.x)
    assert x[1].dtype == np.float32 and (x[0] != x[1]).any()
    assert np.linalg.norm(x[0] - x[1]) < 0.02 * np.linalg.norm(x[0])


@pytest.mark.slow
def test_a_compiled_network_makes_the_same_video_up_to_rounding():
    films = []
    for on in (False, True):
        settings = GeneratorConfig(compile=on)
        generator = DiffusersModel(wan.wan(), 2, 8, settings, **wan_size()()).given("", None, "p")
        with torch.no_grad():
            x0 = generator.denoise(generator.draw(noise(0)), 0, noise(0))
            films.append(generator.decode(x0, noise(0)))
    assert torch.allclose(*films, atol=1e-3)
