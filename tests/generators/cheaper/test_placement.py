"""Attention backends, casting layer by layer and offloading: the same numbers from another place, or one line."""

from pathlib import Path

import pytest
import torch

from examples.tiny_wan import wan
from raysearch import config as configuration
from raysearch import runs
from raysearch.errors import UsageError
from raysearch.generators import feasible
from raysearch.generators.cheaper import placement
from raysearch.generators.diffusers import DiffusersModel
from tests.zoo import wan as zoo
from tests.zoo.cases import wan_size


def noise(seed):
    return torch.Generator().manual_seed(seed)


def settings(**given):
    return configuration.typed({"generator": given}, "the test").generator


def predicted(pipeline):
    generator = DiffusersModel(pipeline, 4, 8, **wan_size()()).given("a ball", None, "p")
    with torch.no_grad():
        x = generator.denoise(generator.draw(noise(0)), 1, noise(1))
        return x, generator.decode(x, noise(2))


@pytest.fixture(scope="module")
def plain():
    torch.set_num_threads(1)
    return predicted(wan())


@pytest.mark.parametrize("offload", ["sequential", "group"])
def test_parts_of_a_network_that_wait_elsewhere_make_the_same_video(offload, plain):
    pipeline = wan()
    placement.offload(pipeline, settings(offload=offload), "cpu")
    assert getattr(pipeline.transformer, "_diffusers_hook", None) or any(
        hasattr(module, "_diffusers_hook") for module in pipeline.transformer.modules())  # fmt: skip
    assert all(torch.equal(a, b) for a, b in zip(predicted(pipeline), plain, strict=True))


def test_networks_and_autoencoder_take_turns(plain):
    pipeline, moves = zoo.wan_two_experts(), []
    parts = {"first": pipeline.transformer, "second": pipeline.transformer_2, "vae": pipeline.vae}
    for name, part in parts.items():
        object.__setattr__(part, "to", lambda where, name=name: moves.append((name, str(where))))
    placement.take_turns(pipeline, torch.device("cpu"), torch.device("meta"))
    generator = DiffusersModel(pipeline, 4, 8, **wan_size()()).given("a ball", None, "p")
    with torch.no_grad():
        x = generator.draw(noise(0))
        for k in range(4):
            x = generator.denoise(x, k, noise(1))
        generator.decode(x, noise(2))
    assert moves == [("first", "cpu"), ("first", "meta"), ("second", "cpu"), ("second", "meta"), ("vae", "cpu")]


def test_a_network_that_is_cast_layer_by_layer_computes_about_the_same(plain):
    pipeline = wan()
    placement.prepare(pipeline, settings(layerwise_casting="float8_e4m3fn"))
    stored = {p.dtype for p in pipeline.transformer.parameters()}
    assert torch.float8_e4m3fn in stored
    latents, _ = predicted(pipeline)
    assert 0 < (latents - plain[0]).abs().mean() < 0.3 * plain[0].abs().mean()


def test_another_attention_backend_computes_the_same_up_to_rounding(plain):
    pipeline = wan()
    placement.prepare(pipeline, settings(attention="_native_math"))
    try:
        assert torch.allclose(predicted(pipeline)[0], plain[0], atol=1e-5)
    finally:
        pipeline.transformer.set_attention_backend("native")  # diffusers keeps the last one for the whole process


@pytest.mark.parametrize(
    "given, message",
    [
        ({"attention": "flesh"}, r"generator\.attention: backend 'flesh' is unknown; did you mean 'flash'"),
        ({"attention": "xformers"}, r"generator\.attention=xformers: .* install `xformers"),
        ({"attention": "flash_hub"}, r"attention=flash_hub: runs code that is fetched from the hub"),
        ({"layerwise_casting": "int8"}, r"generator\.layerwise_casting: 'int8' is unknown"),
        ({"offload": "everything"}, r"generator\.offload: 'everything' is unknown"),
        ({"offload": "group", "compile": True}, r"offload=group: a compiled network stays"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_loaded(given, message):
    with pytest.raises(UsageError, match=message) as error:
        feasible.check(settings(**given), [])
    assert "\n" not in str(error.value)


def test_casting_what_is_quantised_is_refused(tmp_path):
    (tmp_path / "x.gguf").write_bytes(b"GGUF")
    given = {"transformer": {"with": "gguf", "model": str(tmp_path / "x.gguf")}}
    with pytest.raises(UsageError, match=r"layerwise_casting=bfloat16: generator\.quantization\.transformer keeps"):
        feasible.check(settings(layerwise_casting="bfloat16", quantization=given), [])


def test_offloading_from_a_cpu_and_beside_a_guide_is_refused():
    with pytest.raises(UsageError, match=r"generator\.offload=model: this generator is on the CPU already"):
        DiffusersModel.load(settings(offload="model"), "cpu")
    given = {"generator": {"offload": "group"}, "cluster": {"executor": "ray"}, "prompts": {"heldout": 1}}
    ray = configuration.typed(given, "the test")
    with pytest.raises(UsageError, match=r"offload=group: .*cluster\.generators\.num_gpus=1"):
        runs.resolve(ray)  # before Ray starts
    guided = configuration.load(str(Path(__file__).parents[3] / "jobs/guided.yaml"), ["generator.offload=model"])
    with pytest.raises(UsageError, match=r"generator\.offload=model: a guide needs network and autoencoder at once"):
        runs.resolve(guided)
