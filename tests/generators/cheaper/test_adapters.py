"""`generator.lora`: what is loaded is W + scale B A, exactly what the file holds, and part of the fingerprint."""

import copy
import json
from pathlib import Path

import diffusers
import pytest
import torch
from safetensors.torch import save_file

from examples.tiny_wan import network, wan
from raysearch import config as configuration
from raysearch.errors import UsageError
from raysearch.generators import cheaper, feasible
from raysearch.generators.cheaper import adapters
from raysearch.generators.diffusers import DiffusersModel
from raysearch.runs.fingerprints import generator_fingerprint
from tests.generators.cheaper.files import BLOCKS, adapter, lora
from tests.zoo import wan as zoo


def noise(seed):
    return torch.Generator().manual_seed(seed)


def settings(**given):
    return configuration.typed({"generator": given}, "the test").generator


def predicted(model):
    generator = model.given("one ball", None, "p")
    with torch.no_grad():
        return generator.denoise(generator.draw(noise(0)), 2, noise(1))


@pytest.fixture(scope="module")
def plain():
    torch.set_num_threads(1)
    return DiffusersModel.load(settings())


def by_hand(model, *several):
    """The prediction with W + scale B A in place of W, for each adapter's tensors and scale."""
    model = copy.deepcopy(model)
    for tensors, scale in several:
        for name in (n for n in tensors if "lora_A" in n):
            layer = model.pipeline.transformer.get_submodule(name.removeprefix("transformer.").partition(".lora_A")[0])
            layer.weight.data += scale * tensors[name.replace("lora_A", "lora_B")] @ tensors[name]
    return predicted(model)


@pytest.mark.parametrize("fused", [False, True])
def test_an_adapter_adds_its_product_to_the_weights(fused, plain, tmp_path):
    given = {"model": adapter(tmp_path), "scale": 0.5, "fused": fused}
    loaded = DiffusersModel.load(settings(lora=given))
    assert torch.allclose(predicted(loaded), by_hand(plain, (lora(), 0.5)), atol=2e-5)
    assert not torch.allclose(predicted(loaded), predicted(plain), atol=1e-3)
    assert any("lora" in name for name, _ in loaded.pipeline.transformer.named_parameters()) is not fused


def test_several_adapters_add_up_fused_or_not(plain, tmp_path):
    one, two = adapter(tmp_path, "one"), adapter(tmp_path, "two", seed=1, rank=2)
    given = [{"model": one, "fused": True}, {"model": two, "scale": -0.7}, adapter(tmp_path, "three", seed=2)]
    expected = by_hand(plain, (lora(), 1.0), (lora(1, 2), -0.7), (lora(2), 1.0))
    assert torch.allclose(predicted(DiffusersModel.load(settings(lora=given))), expected, atol=2e-5)


def original(block="blocks.0"):
    """An adapter with the names of Wan's makers, and a strength (alpha) of half the rank."""
    noise = torch.Generator().manual_seed(3)
    name = f"diffusion_model.{block}.self_attn.q"
    return {f"{name}.lora_down.weight": torch.randn(2, 24, generator=noise),
            f"{name}.lora_up.weight": torch.randn(24, 2, generator=noise),
            f"{name}.alpha": torch.tensor(1.0)}  # fmt: skip


def test_names_of_the_makers_are_read_and_a_second_expert_has_an_adapter_of_its_own(tmp_path):
    save_file(original(), tmp_path / "high.safetensors")
    pipeline = zoo.wan_two_experts()
    before = copy.deepcopy(pipeline.transformer_2.blocks[0].attn1.to_q.weight)
    given = [{"model": str(tmp_path / "high.safetensors"), "part": "transformer_2", "fused": True}]
    adapters.load(pipeline, settings(lora=given))
    down, up = (original()[f"diffusion_model.blocks.0.self_attn.q.lora_{n}.weight"] for n in ("down", "up"))
    assert torch.allclose(pipeline.transformer_2.blocks[0].attn1.to_q.weight, before + 0.5 * up @ down, atol=1e-5)
    assert torch.equal(pipeline.transformer.blocks[0].attn1.to_q.weight, network().blocks[0].attn1.to_q.weight)


def refused(model, tensors, folder, **more):
    save_file(tensors, folder / "a.safetensors")
    with pytest.raises(UsageError) as error:
        feasible.check(settings(lora={"model": str(folder / "a.safetensors"), **more}), [])
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_file_that_fits_no_layer_is_refused_before_anything_is_loaded(tmp_path):
    def of(change):
        return refused("tiny", change(lora()), tmp_path)

    layer = f"{BLOCKS}.0.attn1.to_q"
    assert "fit no layer of LTXVideoTransformer3DModel (transformer.transformer_blocks.9" in of(
        lambda t: t | lora(layers=("9.attn1.to_q",)))  # fmt: skip
    assert f"1 of 4 tensors fit no layer of LTXVideoTransformer3DModel ({layer}.lora_A.weight)" in of(
        lambda t: t | {f"{layer}.lora_A.weight": torch.ones(4, 64)})  # fmt: skip
    assert f"not whole: 1 of 3 tensors lack their other half ({layer.removeprefix('transformer.')}.lora_A" in of(
        lambda t: {k: v for k, v in t.items() if k != f"{layer}.lora_B.weight"})  # fmt: skip
    assert "holds no tensor with lora in its name" in of(lambda t: {"weight": torch.ones(1)})
    assert "holds DoRA factors" in of(lambda t: t | {f"{layer}.dora_scale": torch.ones(128)})
    assert "fit no layer" in of(lambda t: {k.replace("transformer.", "text_encoder.", 1): v for k, v in t.items()})
    save_file({k.replace("blocks.0", "x"): v for k, v in original().items()}, tmp_path / "a.safetensors")
    (one,) = adapters.read(settings(lora=str(tmp_path / "a.safetensors")))
    with pytest.raises(UsageError, match="WanPipeline cannot read its names"):
        adapters.expected(one, diffusers.WanPipeline, network())


@pytest.mark.parametrize(
    "given, message",
    [
        ("./nowhere.safetensors", r"generator\.lora='./nowhere.safetensors': there is no file nowhere"),
        ([{"scale": 1.0}], r"generator\.lora\[0\]\.model is missing"),
        ({"model": "{file}", "scale": "strong"}, r"generator\.lora\.scale='strong': give a number"),
        ({"model": "{file}", "scal": 1}, r"generator\.lora: key 'scal' is unknown; did you mean 'scale'"),
        ({"model": "{file}", "part": "vae"}, r"generator\.lora\.part: network 'vae' is unknown"),
        (
            {"model": "{file}", "part": "transformer_2"},
            r"part=transformer_2: LTXConditionPipeline of this model has no such",
        ),
        ({"model": "{file}", "fused": "perhaps"}, r"generator\.lora\.fused='perhaps'"),
        ("{file}.bin", r"is no .safetensors file"),
        ("{folder}", r"the folder holds 2 files"),
        ({"model": "{folder}", "weight_name": "c.safetensors"}, r"there is no file c.safetensors"),
        (["{file}", "{cut}"], r"generator\.lora\[1\]=.* is cut short"),
        ("{wan}", r"fit no layer of LTXVideoTransformer3DModel|cannot read its names"),
    ],
)
def test_what_is_no_adapter_is_one_line_before_anything_is_loaded(given, message, tmp_path):
    file = adapter(tmp_path)
    (tmp_path / "adapter.safetensors.bin").write_bytes(b"")
    data = Path(file).read_bytes()
    (tmp_path / "other.safetensors").write_bytes(data)
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut/a.safetensors").write_bytes(data[:-8])
    (tmp_path / "wan").mkdir()
    save_file(original(), tmp_path / "wan/a.safetensors")
    text = json.dumps(given)
    for name, path in {"file": file, "folder": tmp_path, "cut": tmp_path / "cut", "wan": tmp_path / "wan"}.items():
        text = text.replace(f"{{{name}}}", str(path))
    with pytest.raises(UsageError, match=message) as error:
        feasible.check(settings(lora=json.loads(text)), [])
    assert "\n" not in str(error.value)


def test_what_the_network_holds_is_compared_with_the_file_again(tmp_path):
    pipeline = wan()
    save_file(original(), tmp_path / "a.safetensors")
    (one,) = adapters.read(settings(lora=str(tmp_path / "a.safetensors")))
    wanted = adapters.expected(one, type(pipeline), pipeline.transformer)
    adapters._load(pipeline, "a", one)
    adapters._refuse_incomplete(pipeline.transformer, "a", one, wanted)
    with pytest.raises(UsageError, match=r"1 tensors not those of the network \(elsewhere\)"):
        adapters._refuse_incomplete(pipeline.transformer, "a", one, wanted | {"elsewhere"})
    with pytest.raises(UsageError, match=r"not whole: 1 tensors missing \(blocks.0.attn1.to_q.lora_A.weight\)"):
        adapters._refuse_incomplete(pipeline.transformer, "a", one,
                                    frozenset(n for n in wanted if "lora_B" in n))  # fmt: skip


def test_a_missing_package_and_a_pipeline_without_adapters_are_told(tmp_path, monkeypatch):
    given = settings(lora=adapter(tmp_path))
    monkeypatch.setattr(adapters, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"takes? the package peft.*pip install 'raysearch\[fast\]'"):
        feasible.check(given, [])
    monkeypatch.undo()
    with pytest.raises(UsageError, match="diffusers loads no adapters into StableVideoDiffusionPipeline"):
        adapters.check(given, {"transformer": ["diffusers", "X"]}, "StableVideoDiffusionPipeline", lambda part: None)


def test_another_adapter_scale_or_way_is_another_run(tmp_path):
    one, two = adapter(tmp_path, "one"), adapter(tmp_path, "two", seed=1)
    several = [{"model": one}, {"model": two}, {"model": one, "scale": 0.5}, {"model": one, "fused": True}]
    prints = {generator_fingerprint(cheaper.pin(settings(lora=given))) for given in [*several, several[:2], []]}
    assert len(prints) == 6
    assert generator_fingerprint(cheaper.pin(settings(lora=one))) in prints  # however it is spelled
    adapter(tmp_path, "one", seed=5)
    assert generator_fingerprint(cheaper.pin(settings(lora=one))) not in prints
