"""Adapters in PEFT's format on a network by hand, and those that are refused."""

import json

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from raysearch.errors import UsageError
from raysearch.rewards.networks import lora

A, B = torch.tensor([[1.0, 0.0, 2.0]]), torch.tensor([[1.0], [-1.0]])  # rank 1, from 3 to 2


class Small(nn.Module):
    """Two layers under the names of a language model and of a vision tower."""

    def __init__(self):
        super().__init__()
        self.language = nn.ModuleDict({"layers": nn.ModuleList([nn.Linear(3, 2, bias=False)])})
        self.visual = nn.ModuleDict({"layers": nn.ModuleList([nn.Linear(3, 2, bias=False)])})
        for p in self.parameters():
            p.data.zero_()


def write(folder, name: str = "model.layers.0", settings: dict | None = None, tensors: dict | None = None) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    plain = {"peft_type": "LORA", "r": 1, "lora_alpha": 4, "bias": "none", "base_model_name_or_path": "owner/base"}
    (folder / lora.CONFIG).write_text(json.dumps(plain | (settings or {})))
    pair = {f"base_model.model.{name}.lora_A.weight": A, f"base_model.model.{name}.lora_B.weight": B}
    save_file(pair if tensors is None else tensors, folder / lora.WEIGHTS)
    return str(folder)


def test_the_product_is_added_to_the_layer_that_is_meant(tmp_path):
    network = Small()
    lora.merge(network, write(tmp_path), "owner/base", "vlm.adapter")
    assert (network.language["layers"][0].weight == 4 * B @ A).all() and not network.visual["layers"][0].weight.any()
    seen = Small()
    lora.merge(seen, write(tmp_path / "v", "visual.layers.0", {"use_rslora": True, "r": 16}), "owner/base", "k")
    assert (seen.visual["layers"][0].weight == B @ A).all() and not seen.language["layers"][0].weight.any()


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"settings": {"use_dora": True}}, "use_dora=True is not supported"),
        ({"settings": {"bias": "all"}}, "bias='all' is not supported"),
        ({"settings": {"r": None}}, "does not say r and lora_alpha"),
        ({"settings": {"base_model_name_or_path": "owner/other"}}, "trained on owner/other, not on owner/base"),
        ({"name": "model.layers.7"}, "has no layer model.layers.7"),
        ({"tensors": {"x": A}}, "does not hold pairs"),
        ({"tensors": {"base_model.model.model.layers.0.lora_A.weight": A.T.contiguous(),
                      "base_model.model.model.layers.0.lora_B.weight": torch.ones(2, 3)}}, r"weights \[2, 1\]"),
    ],
)  # fmt: skip
def test_adapters_that_are_refused(tmp_path, more, says):
    with pytest.raises(UsageError, match=says):
        lora.merge(Small(), write(tmp_path, **more), "owner/base", "vlm.adapter")
    with pytest.raises(UsageError, match="so it is no adapter"):
        lora.merge(Small(), str(tmp_path.parent), "owner/base", "vlm.adapter")


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        (lora.WEIGHTS, b"version https://git-lfs.github.com/spec/v1", "is a git-lfs pointer"),
        (lora.WEIGHTS, b"", "is empty"),
        (lora.WEIGHTS, b"\x10\x00", "is cut short"),
        (lora.CONFIG, b"{", "adapter_config.json"),
        (lora.CONFIG, b"[]", "adapter_config.json holds no mapping"),
    ],
)
def test_files_that_are_damaged_are_one_line(tmp_path, file, content, says):
    adapter = write(tmp_path)
    (tmp_path / file).write_bytes(content)
    with pytest.raises(UsageError, match=says):
        lora.merge(Small(), adapter, "owner/base", "vlm.adapter")
