"""`generator.quantization`: GGUF on the CPU, torchao where it is installed, and what cannot be is one line."""

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from raysearch import config as configuration
from raysearch.errors import UsageError
from raysearch.generators import cheaper, feasible
from raysearch.generators.cheaper import quantization
from raysearch.generators.diffusers import DiffusersModel
from raysearch.runs.fingerprints import generator_fingerprint
from tests.generators.cheaper.files import adapter, gguf_file

INT8 = {"with": "torchao", "type": "Int8WeightOnlyConfig"}
FOUR_BITS = {"with": "bitsandbytes", "load_in_4bit": True}


def noise(seed):
    return torch.Generator().manual_seed(seed)


def settings(**given):
    return configuration.typed({"generator": given}, "the test").generator


def predicted(**given):
    generator = DiffusersModel.load(settings(**given)).given("one ball", None, "p")
    with torch.no_grad():
        return generator.denoise(generator.draw(noise(0)), 2, noise(1))


@pytest.fixture(scope="module")
def plain():
    torch.set_num_threads(1)
    return predicted()


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    return gguf_file(tmp_path_factory.mktemp("gguf"))


def test_a_network_from_a_gguf_file_is_the_model_in_fewer_bits(few, plain):
    given = {"transformer": {"with": "gguf", "model": few}}
    model = DiffusersModel.load(settings(quantization=given))
    kinds = {type(module).__name__ for module in model.pipeline.transformer.modules()}
    assert "GGUFLinear" in kinds
    made = predicted(quantization=given)
    assert 0 < (made - plain).abs().mean() < 0.05 * plain.abs().mean()
    assert torch.equal(made, predicted(quantization=given))


def test_an_adapter_is_added_beside_quantised_weights(few, tmp_path):
    given = {"transformer": {"with": "gguf", "model": few}}
    both = predicted(quantization=given, lora=adapter(tmp_path))
    assert torch.allclose(both, predicted(lora=adapter(tmp_path)), atol=0.5)
    assert not torch.allclose(both, predicted(quantization=given), atol=1e-2)
    with pytest.raises(UsageError, match=r"lora\.fused=true: the weights of transformer are quantised"):
        feasible.check(settings(quantization=given, lora={"model": adapter(tmp_path), "fused": True}), [])


def test_a_gguf_file_that_lacks_tensors_is_refused(tmp_path):
    given = {"transformer": {"with": "gguf", "model": gguf_file(tmp_path, drop="proj_out")}}
    with pytest.raises(UsageError, match=r"part transformer: the file lacks tensors of"):
        DiffusersModel.load(settings(quantization=given))


@pytest.mark.skipif(find_spec("torchao") is None, reason="torchao is not installed (pip install 'raysearch[fast]')")
def test_torchao_turns_the_models_own_weights_into_8_bits(plain):
    given = {"transformer": INT8}
    feasible.check(settings(quantization=given), [])
    made = predicted(quantization=given)
    assert 0 < (made - plain).abs().mean() < 0.1 * plain.abs().mean()
    assert torch.equal(made, predicted(quantization=given))
    with pytest.raises(UsageError, match=r"type: configuration of torchao 'Int8WeightOnly' is unknown; did you mean"):
        feasible.check(settings(quantization={"transformer": {**INT8, "type": "Int8WeightOnly"}}), [])
    with pytest.raises(UsageError, match="option of Int8WeightOnlyConfig 'group' is unknown; did you mean"):
        feasible.check(settings(quantization={"transformer": {**INT8, "group": 8}}), [])


@pytest.mark.parametrize(
    "given, message",
    [
        ({"transformer_2": INT8}, r"generator\.quantization: part 'transformer_2' is unknown; did you mean 'tr"),
        ({"transformer": {}}, r"generator\.quantization\.transformer\.with is missing; e\.g\. \{with: torchao"),
        ({"transformer": {"with": "quanto"}}, r"with: library 'quanto' is unknown"),
        ({"transformer": {"with": "gguf"}}, r"quantization\.transformer\.model is missing"),
        ({"transformer": {"with": "gguf", "model": "./none.gguf"}}, r"model='./none.gguf': there is no file none.gguf"),
        ({"transformer": {"with": "gguf", "model": "{folder}/a.safetensors"}}, r"a.safetensors is no .gguf file"),
        ({"transformer": {"with": "gguf", "model": "{folder}/b.gguf"}}, r"b.gguf is no GGUF file; fetch it again"),
        ({"transformer": {"with": "gguf", "model": "{folder}/b.gguf", "bits": 4}}, r"transformer\.bits: a GGUF file"),
        ({"text_encoder": {"with": "gguf", "model": "{folder}/c.gguf"}}, r"reads no single file of a T5EncoderModel"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_before_anything_is_loaded(given, message, tmp_path, monkeypatch):
    monkeypatch.setattr(quantization, "find_spec", lambda name: name)
    for name, data in (("a.safetensors", b""), ("b.gguf", b"no"), ("c.gguf", b"GGUF")):
        (tmp_path / name).write_bytes(data)
    given = {part: {k: v.replace("{folder}", str(tmp_path)) if isinstance(v, str) else v for k, v in entry.items()}
             for part, entry in given.items()}  # fmt: skip
    with pytest.raises(UsageError, match=message) as error:
        feasible.check(settings(quantization=given), [])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "given", [INT8, FOUR_BITS, {"with": "gguf", "model": "x.gguf"}], ids=lambda given: given["with"]
)
def test_a_library_that_is_not_installed_is_named_with_what_to_install(given, monkeypatch):
    monkeypatch.setattr(quantization, "find_spec", lambda name: None)
    name = given["with"]
    with pytest.raises(UsageError, match=f"takes the package {name}, which is not installed; pip install {name}"):
        feasible.check(settings(quantization={"transformer": given}), [])


def test_options_of_bitsandbytes_are_checked_and_a_cpu_is_refused_before_loading(monkeypatch):
    monkeypatch.setattr(quantization, "find_spec", lambda name: name)
    with pytest.raises(
        UsageError, match="option of bitsandbytes 'load_in_4bits' is unknown; did you mean 'load_in_4bit"
    ):
        feasible.check(settings(quantization={"transformer": {"with": "bitsandbytes", "load_in_4bits": True}}), [])
    with pytest.raises(UsageError, match="say load_in_8bit or load_in_4bit"):
        feasible.check(settings(quantization={"transformer": {"with": "bitsandbytes"}}), [])
    with pytest.raises(UsageError, match=r"transformer\.with=bitsandbytes: computes on a GPU alone"):
        DiffusersModel.load(settings(quantization={"transformer": FOUR_BITS}), "cpu")


def test_other_weights_are_another_run(few, tmp_path):
    copy = tmp_path / "network.gguf"
    copy.write_bytes(Path(few).read_bytes())
    given = [{}, {"transformer": {"with": "gguf", "model": str(copy)}}, {"transformer": INT8}]
    prints = [generator_fingerprint(cheaper.pin(settings(quantization=each))) for each in given]
    copy.write_bytes(Path(few).read_bytes() + b"\0")
    prints.append(generator_fingerprint(cheaper.pin(settings(quantization=given[1]))))
    assert len(set(prints)) == 4
