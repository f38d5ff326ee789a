"""Add a LoRA adapter in PEFT's format to a network: W + scale B A for every adapted layer; PEFT itself is not needed.

Source: Hu et al. 2021, arXiv 2106.09685; with rsLoRA's scale alpha / sqrt(r), Kalajdzievski 2023, arXiv 2312.03732.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from raysearch.errors import UsageError
from raysearch.pretrained import config, damage, hub

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
PREFIX, A, B = "base_model.model.", ".lora_A.weight", ".lora_B.weight"
PLAIN = {  # settings under which the sum above is all that an adapter does, with the values that say so
    "peft_type": ("LORA", None), "use_dora": (False, None), "modules_to_save": (None, []), "bias": ("none", None),
    "rank_pattern": ({}, None), "alpha_pattern": ({}, None), "fan_in_fan_out": (False, None),
    "layer_replication": (None,), "lora_bias": (False, None),
}  # fmt: skip


@torch.no_grad()
def merge(network: nn.Module, adapter: str, model: str, key: str) -> None:
    """Add the weights of an adapter to those of a network, in fp32, rounded to the network's type at the end.

    Args:
        network: changed in place.
        adapter: a hub id or a folder.
        model: the hub id or folder of the network; another hub id than the adapter was trained on is refused.
        key: the key of the job that names the adapter; errors begin with it.

    Raises:
        UsageError: for an adapter that cannot be read, of another kind, or for another network.
    """
    settings = config(_read(adapter, CONFIG, key), adapter, key)
    for name, plain in PLAIN.items():
        if settings.get(name) not in plain and name in settings:
            raise UsageError(f"{key}={adapter!r}: {name}={settings[name]!r} is not supported; merge it with PEFT first")
    base = str(settings.get("base_model_name_or_path") or "")
    if base and base != model and "/" in base and not Path(base).is_dir() and not Path(model).is_dir():
        raise UsageError(f"{key}={adapter!r}: it was trained on {base}, not on {model}; set model: {base}")
    scale = _scale(settings, adapter, key)
    weights = _read(adapter, WEIGHTS, key)
    if why := damage(weights):
        raise UsageError(f"{key}={adapter!r}: {WEIGHTS} {why}; fetch it again")
    parts = {n.removeprefix(PREFIX): t for n, t in load_file(weights).items()}
    names = [n.removesuffix(A) for n in parts if n.endswith(A)]
    if not names or len(parts) != 2 * len(names) or not all(n + B in parts for n in names):
        raise UsageError(f"{key}={adapter!r}: {WEIGHTS} does not hold pairs of lora_A and lora_B alone")
    layers = dict(network.named_modules())
    for name in names:
        _add(_layer(layers, name, adapter, key), parts[name + A], parts[name + B], scale, f"{key}={adapter!r}: {name}")


def _add(layer: nn.Module, a: Tensor, b: Tensor, scale: float, where: str) -> None:
    weight = getattr(layer, "weight", None)
    if not isinstance(weight, Tensor) or weight.shape != (b.shape[0], a.shape[1]):
        shape = list(weight.shape) if isinstance(weight, Tensor) else "no"
        raise UsageError(f"{where}: is for weights [{b.shape[0]}, {a.shape[1]}], and the network has {shape}")
    more = scale * (b.float() @ a.float()).to(weight.device)
    weight.copy_((weight.float() + more).to(weight.dtype))


def _layer(layers: Mapping[str, nn.Module], name: str, adapter: str, key: str) -> nn.Module:
    """The layer of that name; versions of transformers differ in what comes before `layers.0`, so the end counts."""
    if name in layers:
        return layers[name]
    ends = name.split(".")
    for start in range(1, len(ends)):
        end = "." + ".".join(ends[start:])
        found = [n for n in layers if n.endswith(end)]
        language = [n for n in found if ("visual" in n) == ("visual" in name)]
        if len(language) == 1:
            return layers[language[0]]
        if len(language) > 1:
            break
    raise UsageError(f"{key}={adapter!r}: the network has no layer {name}; it is an adapter of another model")


def _scale(settings: Mapping[str, Any], adapter: str, key: str) -> float:
    try:
        rank, alpha = int(settings["r"]), float(settings["lora_alpha"])
    except (KeyError, TypeError, ValueError):
        raise UsageError(f"{key}={adapter!r}: {CONFIG} does not say r and lora_alpha") from None
    return alpha / (math.sqrt(rank) if settings.get("use_rslora") else rank)


def _read(adapter: str, name: str, key: str) -> Path:
    folder = Path(adapter).expanduser()
    if folder.is_dir():
        if not (folder / name).is_file():
            raise UsageError(f"{key}={adapter!r}: holds no {name}, so it is no adapter in PEFT's format")
        return folder / name
    found = hub.fetch(adapter, name, key)
    assert found is not None  # it is not optional
    return found
