"""Keys of adapters, fewer bits and previews: read from YAML and the command line, typed, with bounds."""

import pytest

from raysearch import config
from raysearch.canonical import keyed
from raysearch.config.settings import GeneratorConfig
from raysearch.errors import UsageError


def settings(**given):
    return config.typed({"generator": given}, "the test").generator


def test_an_adapter_is_a_file_a_mapping_or_a_list_of_both():
    entry = {"model": "a.safetensors", "scale": 0.5, "fused": True}
    assert settings(lora="a.safetensors").lora == "a.safetensors" and settings(lora=entry).lora == entry
    assert settings(lora=["a.safetensors", entry]).lora == ["a.safetensors", entry]


def test_the_command_line_reaches_every_key(tmp_path):
    (tmp_path / "job.yaml").write_text("generator: {model: tiny}\n")
    words = ["generator.preview.size=0.5", "generator.lora.model=a.safetensors", "generator.lora.scale=2",
             "generator.quantization.transformer.with=torchao", "generator.offload=group"]  # fmt: skip
    given = config.load(str(tmp_path / "job.yaml"), words).generator
    assert given.preview == {"size": 0.5} and given.lora == {"model": "a.safetensors", "scale": 2.0}
    assert given.quantization == {"transformer": {"with": "torchao"}} and given.offload == "group"
    assert config.typed(config.plain(config.Job(generator=given)), "again").generator == given


@pytest.mark.parametrize(
    "given, message",
    [
        ({"preview": {"size": 0}}, r"generator\.preview\.size=0"),
        ({"preview": {"size": 2}}, r"generator\.preview\.size=2"),
        ({"preview": "taew"}, r"generator\.preview='taew': give a mapping"),
        ({"lora": 3}, r"generator\.lora"),
        ({"lora": {"model": "a", "scale": 1000}}, r"generator\.lora\.scale=1000"),
        ({"quantization": "int8"}, r"generator\.quantization"),
        ({"offload": "disk"}, r"generator\.offload"),
        ({"layerwise_casting": "float4"}, r"generator\.layerwise_casting"),
    ],
)
def test_what_cannot_be_meant_is_refused(given, message):
    with pytest.raises(UsageError, match=message):
        settings(**given)


def test_settings_that_are_not_given_enter_no_key():
    later = {"lora", "quantization", "attention", "layerwise_casting", "offload", "preview"}
    assert not later & set(keyed(GeneratorConfig()))
    assert "preview" in keyed(settings(preview={"size": 0.5})) and "lora" in keyed(settings(lora="a.safetensors"))
