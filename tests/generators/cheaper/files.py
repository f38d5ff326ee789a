"""Adapters and quantised weights for tests: small files with random numbers, of the shipped tiny network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from raysearch.tinyworld import weights

BLOCKS = "transformer.transformer_blocks"
NETWORK = weights("generator") / "transformer/diffusion_pytorch_model.safetensors"


def lora(seed: int = 0, rank: int = 4, layers: tuple[str, ...] = ("0.attn1.to_q", "2.attn2.to_v")) -> dict[str, Any]:
    """The two factors of some layers, which are square here."""
    noise = torch.Generator().manual_seed(seed)
    tensors = {}
    for layer in layers:
        tensors[f"{BLOCKS}.{layer}.lora_A.weight"] = torch.randn(rank, 128, generator=noise) * 0.2
        tensors[f"{BLOCKS}.{layer}.lora_B.weight"] = torch.randn(128, rank, generator=noise) * 0.2
    return tensors


def adapter(folder: Path, name: str = "adapter", **given: Any) -> str:
    """A file with `lora(**given)`."""
    save_file(lora(**given), folder / f"{name}.safetensors")
    return str(folder / f"{name}.safetensors")


def gguf_file(folder: Path, drop: str = "") -> str:
    """The shipped network in 8 bits, with the names of diffusers, without the tensors whose name holds `drop`."""
    import gguf

    writer = gguf.GGUFWriter(str(folder / "network.gguf"), "ltxv")
    for name, tensor in sorted(load_file(NETWORK).items()):
        if drop and drop in name:
            continue
        values, few = tensor.float().numpy(), gguf.GGMLQuantizationType.Q8_0
        if tensor.ndim == 2 and "blocks" in name and name.endswith(".weight"):
            writer.add_tensor(name, gguf.quants.quantize(values, few), raw_dtype=few)
        else:
            writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return str(folder / "network.gguf")
