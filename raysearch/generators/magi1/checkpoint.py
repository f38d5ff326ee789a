"""Weights of a MAGI-1 network from its safetensors files: every tensor in place, in the dtype it is computed in.

Weights in fp8 are multiplied out. The published kernel also rounds what they are applied to, which is left out here:
y = e4m3(x / q) W^T * input_scale * weight_scale becomes x W'^T with W' = W * weight_scale (where q is input_scale), or
W' = W * weight_scale * input_scale / q per column (where q is smooth_scale).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from raysearch.generators.magi1.folder import SCALES, Checkpoint
from raysearch.generators.magi1.network import Network
from raysearch.generators.magi1.shape import exact
from raysearch.generators.magi1.vae import Vae


def load_network(of: Checkpoint, dtype: torch.dtype, device: torch.device) -> Network:
    """The network of a checkpoint, frozen; parts that are published in fp32 stay so."""
    with torch.device("meta"):
        network = Network(of.architecture)
    network.load_state_dict(cast(_tensors(of.files), dtype, device), assign=True)
    return network.eval().requires_grad_(False)


def cast(weights: Iterable[tuple[str, Tensor]], dtype: torch.dtype, device: torch.device) -> dict[str, Tensor]:
    """Weights by name in the dtype of the network, but those of EXACT in fp32; taken one at a time."""
    placed = {}
    for name, weight in weights:
        placed[name] = weight.to(device, torch.float32 if exact(name) else dtype)
    return placed


def load_vae(of: Checkpoint, dtype: torch.dtype, device: torch.device) -> Vae:
    """The autoencoder of a checkpoint, frozen."""
    with torch.device("meta"):
        vae = Vae(of.vae_shape)
    weights = load_file(of.vae / "diffusion_pytorch_model.safetensors")
    vae.load_state_dict({name: weight.to(device, dtype) for name, weight in weights.items()}, assign=True)
    return vae.eval().requires_grad_(False)


def _tensors(files: Iterable[Path]) -> Iterable[tuple[str, Tensor]]:
    """Every tensor by name, one at a time, those in fp8 as fp32."""
    places: dict[str, Path] = {}
    for file in files:
        with safe_open(file, "pt") as opened:
            places |= dict.fromkeys(opened.keys(), file)
    scaled = {name.removesuffix(SCALES[0]) for name in places if name.endswith(SCALES[0])}
    for name in places:
        base = name.removesuffix(".weight")
        if base in scaled:
            parts = {scale: _one(places, base + scale) for scale in SCALES if base + scale in places}
            yield name, dequantised(_one(places, name), parts)
        elif not name.endswith(SCALES):
            yield name, _one(places, name)


def dequantised(weight: Tensor, scales: dict[str, Tensor]) -> Tensor:
    """A weight in fp8, [1, out, in] or [out, in], as fp32 [out, in]."""
    scale, given, smooth = (scales.get(name) for name in SCALES)
    assert scale is not None
    w = weight.float().reshape(weight.shape[-2:]) * scale.float().reshape(-1)[0]
    if smooth is not None and given is not None:
        w = w * (given.float().reshape(-1)[0] / smooth.float().reshape(-1))
    return w


def _one(places: dict[str, Path], name: str) -> Tensor:
    with safe_open(places[name], "pt") as opened:
        tensor: Tensor = opened.get_tensor(name)
    return tensor
