"""`generator.preview`: reads before the end are decoded more cheaply, finished videos whole, and Outcomes say which."""

import json

import pytest
import torch
import yaml

from raysearch import config as configuration
from raysearch.cli import main
from raysearch.errors import UsageError
from raysearch.generators import feasible, tiny_decoder
from raysearch.generators.cheaper import preview
from raysearch.generators.diffusers import DiffusersModel
from raysearch.generators.tiny_decoder import Layout, TinyDecoder
from raysearch.moves import Outcome
from raysearch.runs.fingerprints import generator_fingerprint
from raysearch.tinyworld import weights

TINY = Layout(96, (16, 8, 8, 8), (1, 1, 2))


def noise(seed):
    return torch.Generator().manual_seed(seed)


def settings(**given):
    return configuration.typed({"generator": given}, "the test").generator


def saved(folder, layout=TINY, seed=0):
    torch.manual_seed(seed)
    tiny_decoder.save(TinyDecoder(layout), folder / "small.safetensors")
    return str(folder / "small.safetensors")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    torch.set_num_threads(1)
    file = saved(tmp_path_factory.mktemp("decoder"))
    model = DiffusersModel.load(settings(preview={"decoder": file}))
    return model, model.given("one ball", None, "p")


def test_a_tiny_decoder_gets_the_latents_as_the_network_makes_them(loaded):
    model, generator = loaded
    x = generator.draw(noise(0))
    with torch.no_grad():
        full = generator.decode(x, noise(1))
        with generator.previewing() as name:
            cheap = generator.decode(x, noise(1))
        latents = x[0].T.reshape(96, 9, 4, 4).transpose(0, 1)  # LTX packs [C, F, h, w] as [F h w, C]
        assert torch.allclose(cheap, model.previews.decoder(latents), atol=1e-6) and name == "small"
        assert cheap.shape == full.shape and not torch.allclose(cheap, full)
        assert torch.equal(generator.decode(x, noise(1)), full)


def test_a_generator_that_only_decodes_still_encodes_its_conditions_by_the_models_own_autoencoder(loaded):
    model, _ = loaded
    clip = torch.randint(0, 255, (5, 32, 32, 3), dtype=torch.uint8, generator=noise(3)).numpy()
    first, second = model.given("one ball", clip, "p"), model.given("one ball", clip, "p")
    with torch.no_grad(), first.previewing():
        first.decode(second.draw(noise(0)), noise(1))
    with torch.no_grad():
        assert torch.equal(first.denoise(second.draw(noise(0)), 0, noise(2)),
                           second.denoise(second.draw(noise(0)), 0, noise(2)))  # fmt: skip


def test_smaller_latents_are_decoded_by_the_model_itself_and_enlarged():
    generator = DiffusersModel.load(settings(preview={"size": 0.5})).given("one ball", None, "p")
    x = generator.draw(noise(0))
    with torch.no_grad():
        full = generator.decode(x, noise(1))
        with generator.previewing() as name:
            small = generator.decode(x, noise(1))
    assert name == "size 0.5" and small.shape == full.shape
    assert 0 < (small - full).abs().mean() < 0.5


@pytest.mark.parametrize(
    "given, message",
    [
        ({"decode": "x"}, r"generator\.preview: key 'decode' is unknown; did you mean 'decoder'"),
        ({"decoder": "./nowhere.safetensors"}, r"decoder='./nowhere.safetensors': there is no file"),
        ({"decoder": "somewhere.safetensors"}, r"say which file, owner/name/FILE"),
        ({"decoder": "{folder}/small.pth"}, r"small.pth is no .safetensors file"),
        ({"decoder": str(weights("generator") / "vae/diffusion_pytorch_model.safetensors")}, "layout of a tiny"),
        ({"size": 1.5}, r"generator\.preview\.size=1\.5"),
        ({"decoder": 4}, r"generator\.preview\.decoder=4"),
    ],
    ids=["key", "absent", "no file", "pickle", "another kind", "size", "number"],
)
def test_what_cannot_be_is_refused_before_anything_is_loaded(given, message, tmp_path):
    (tmp_path / "small.pth").write_bytes(b"\x80\x02")
    given = {k: v.replace("{folder}", str(tmp_path)) if isinstance(v, str) else v for k, v in given.items()}
    with pytest.raises(UsageError, match=message) as refused:
        feasible.check(settings(preview=given), [])
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "layout, message",
    [
        (Layout(96, (8, 4, 4, 4), (1, 2, 2)), "4 frames of 8 pixels a side of each latent, TinyPatchCodec 2 of 8"),
        (Layout(96, (8, 4, 4, 4), (1, 1, 2), 2), "2 frames of 16 pixels"),
        (Layout(16, (8, 4, 4, 4), (1, 1, 2)), "latents of 16 channels, those of TinyPatchCodec have 96"),
    ],
)
def test_the_decoder_of_another_model_is_refused_by_its_header(layout, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        feasible.check(settings(preview={"decoder": saved(tmp_path, layout)}), [])


def test_another_decoder_is_another_run_and_none_leaves_every_key_as_it_was(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    plain = generator_fingerprint(settings())
    one, two = (saved(tmp_path / name, seed=i) for i, name in enumerate("ab"))
    first = generator_fingerprint(settings(preview={"decoder": one}))
    saved(tmp_path / "a", seed=1)  # other weights in the same file
    prints = {plain, first, *(generator_fingerprint(settings(preview=p)) for p in
              ({"decoder": one}, {"decoder": two}, {"size": 0.5}, {"decoder": one, "size": 0.5}))}  # fmt: skip
    assert len(prints) == 6 and generator_fingerprint(settings(preview={})) == plain


def test_a_run_reads_by_the_preview_and_shows_the_whole_decode(tmp_path):
    job = {
        "run": str(tmp_path / "run"), "prompts": {"heldout": 1, "scenes": ["one_ball"]},
        "search": {"name": "halving", "n": 3}, "generator": {"steps": 4, "preview": {"decoder": saved(tmp_path)}},
        "reward": {"name": "flicker"}, "watch": [], "films": "none", "cluster": {"executor": "inline"},
    }  # fmt: skip
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(job))
    assert main(["run", str(tmp_path / "job.yaml")]) == 0
    lines = [json.loads(line) for path in sorted((tmp_path / "run").rglob("*.jsonl"))
             for line in path.read_text().splitlines()]  # fmt: skip
    said = [entry.get("decode") for entry in _outcomes(lines) if entry["rewards"]]
    assert {"small", None} == set(said), said
    (search,) = json.loads((tmp_path / "run/result.json").read_text())["searches"]
    assert all(not final["decode"] for final in search["finals"])


def _outcomes(value):
    """Every mapping that is an Outcome, however deep."""
    if isinstance(value, dict):
        if {"key", "reward", "log_ratio"} <= set(value):
            yield value
        value = list(value.values())
    for each in value if isinstance(value, list) else ():
        yield from _outcomes(each)


def test_an_outcome_says_which_decode_it_has_seen_and_old_journals_are_read():
    cheap, whole = Outcome("k", 1.0, decode="small"), Outcome("k", 1.0)
    assert Outcome.from_json(cheap.to_json()) == cheap and "decode" not in whole.to_json()
    assert Outcome.from_json(whole.to_json()) == whole


def test_only_pipelines_of_diffusers_take_it():
    with pytest.raises(UsageError, match=r"generator\.preview: generator\.name='examples.clockwork:load'"):
        feasible.check(settings(name="examples.clockwork:load", steps=4, fps=8, preview={"size": 0.5}), [])
    assert preview.name(settings()) == ""
