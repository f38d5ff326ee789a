"""All of it together: what is not of diffusers refuses it, and files of the hub are pinned to their commit."""

from pathlib import Path

import pytest

from raysearch import config as configuration
from raysearch.errors import UsageError
from raysearch.generators import cheaper, feasible
from raysearch.pretrained import hub

COMMIT = "0123456789abcdef0123456789abcdef01234567"
GIVEN = {
    "lora": "owner/name/a.safetensors", "quantization": {"transformer": {"with": "gguf", "model": "owner/name/a.gguf"}},
    "preview": {"decoder": "owner/name/d.safetensors"}, "attention": "flash", "offload": "model",
    "layerwise_casting": "float8_e4m3fn",
}  # fmt: skip


def settings(**given):
    return configuration.typed({"generator": given}, "the test").generator


@pytest.mark.parametrize("key", cheaper.KEYS)
def test_other_generators_refuse_each_of_them(key):
    assert set(cheaper.KEYS) == set(GIVEN)
    with pytest.raises(UsageError, match=f"generator.{key}: generator.name='magi1' does not take it"):
        feasible.check(settings(name="magi1", steps=4, fps=24, **{key: GIVEN[key]}), [])


def test_files_of_the_hub_are_pinned_to_their_commit(monkeypatch):
    def fetch(model, name, key, revision=None):
        return Path(f"/cache/models--owner--name/snapshots/{COMMIT}/{name}")

    monkeypatch.setattr(hub, "fetch", fetch)
    pinned = cheaper.pin(settings(**{key: GIVEN[key] for key in ("lora", "quantization", "preview")}))
    assert pinned.lora[0]["revision"] == pinned.preview["revision"] == COMMIT
    assert pinned.quantization["transformer"] == {**GIVEN["quantization"]["transformer"], "revision": COMMIT}
    assert {file.name for file in cheaper.files(pinned)} == {"a.safetensors", "a.gguf", "d.safetensors"}
    assert cheaper.pin(settings()) == settings() and cheaper.files(settings()) == []
