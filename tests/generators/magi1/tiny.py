"""A MAGI-1 checkpoint of random weights in the published layout, small enough to run in a moment."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from examples.tiny_parts import t5, tokenizer
from raysearch.config.settings import GeneratorConfig
from raysearch.generators.magi1.generator import MagiGenerator
from raysearch.generators.magi1.memo import Memo
from raysearch.generators.magi1.network import Network
from raysearch.generators.magi1.shape import Architecture
from raysearch.generators.magi1.stages import Stages
from raysearch.generators.magi1.text import null_caption
from raysearch.generators.magi1.vae import Vae
from raysearch.generators.magi1.vae_shape import VaeShape
from raysearch.generators.magi1.velocity import Velocity
from raysearch.moves import Kernel
from raysearch.sampling import kernels

TINY = Architecture(2, 64, 8, 4, 8, 96, condition=16, caption=32, captions=60, bands=1)
BIG = Architecture(2, 64, 8, 4, 8, 96, True, True, 16, 32, 60, 1)  # as the 24B one: a gated MLP, the latent twice
TINY_VAE = VaeShape(256, 1, 4, 64, 16, (4, 8, 8), (4, 4, 4), 1)
TENTHS = (".norm.weight", ".norm2.weight", "layer_norm.weight")  # norms that are not stored less 1


def drawn(tensors: Iterable[tuple[str, tuple[int, ...]]], seed: int) -> dict[str, Tensor]:
    """Random weights of about the size that keeps activations at 1; drawn in the order of the names."""
    noise, weights = torch.Generator().manual_seed(seed), {}
    for name, shape in sorted(tensors):
        x = torch.randn(shape, generator=noise)
        if name.endswith("null_caption_embedding"):
            weights[name] = x
        elif name == "rope.bands":
            weights[name] = 0.5 ** torch.arange(1.0, shape[0] + 1)
        elif name.endswith(("cls_token", "pos_embed")):
            weights[name] = 0.2 * x
        elif len(shape) > 1:
            weights[name] = x / math.sqrt(x[0].numel())
        else:
            weights[name] = 0.1 * x + name.endswith(TENTHS)
    return weights


def network_weights(a: Architecture, seed: int = 0) -> dict[str, Tensor]:
    return drawn(a.tensors(), seed)


def vae_weights(s: VaeShape, seed: int = 22) -> dict[str, Tensor]:
    with torch.device("meta"):
        shapes = {name: tuple(p.shape) for name, p in Vae(s).named_parameters()}
    noise_order = sorted(shapes, key=lambda name: (not name.startswith("encoder"), name))
    weights = drawn(((f"{i:04d}{name}", shapes[name]) for i, name in enumerate(noise_order)), seed)
    return {name[4:]: weight for name, weight in weights.items()}


def quantised(weights: dict[str, Tensor], layers: int) -> dict[str, Tensor]:
    """The weights as published in fp8, all layers but the first and last; what they stand for is `dequantised`."""
    out = dict(weights)
    for i in range(1, layers - 1):
        at = f"videodit_blocks.layers.{i}."
        for name in ("linear_qkv.q", "linear_qkv.qx", "linear_qkv.k", "linear_qkv.v", "linear_proj"):
            _quantise(out, f"{at}self_attention.{name}", name == "linear_proj")
        for name in ("linear_fc1", "linear_fc2"):
            _quantise(out, f"{at}mlp.{name}", name == "linear_fc2")
    return out


def _quantise(weights: dict[str, Tensor], name: str, smooth: bool) -> None:
    w, scale = weights[f"{name}.weight"], torch.tensor([0.01])
    columns = torch.linspace(0.5, 2, w.shape[1])
    if smooth:
        weights |= {f"{name}.input_scale": torch.tensor([0.5]), f"{name}.smooth_scale": columns[None]}
        w = w * columns / 0.5
    else:
        weights[f"{name}.input_scale"] = torch.full((w.shape[1],), 0.25)
    weights |= {f"{name}.weight": (w / scale)[None].to(torch.float8_e4m3fn), f"{name}.weight_scale": scale}


def write(
    root: Path, a: Architecture = TINY, name: str = "4.5B_base", sub: str = "inference_weight", shards: int = 2,
    fp8: bool = False, bins: bool = False,
) -> Path:  # fmt: skip
    """A checkpoint below root/ckpt; returns the folder that a job names. `name` is cut of its size, which is a lie."""
    network = root / "ckpt/magi" / name.partition("B_")[2] / sub
    network.mkdir(parents=True)
    weights = network_weights(a)
    weights = quantised(weights, a.layers) if fp8 else weights
    names = sorted(weights)
    index = {}
    for i in range(shards):
        file = f"model-{i + 1:05d}-of-{shards:05d}.safetensors"
        part = {n: weights[n] for n in names[i::shards]}
        save_file(part, network / file)
        index |= dict.fromkeys(part, file)
    (network / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))
    vae = root / "ckpt/vae"
    if not vae.exists():
        vae.mkdir()
        save_file(vae_weights(TINY_VAE), vae / "diffusion_pytorch_model.safetensors")
        (vae / "config.json").write_text(json.dumps({"ddconfig": {"num_heads": 4, "video_length": 16}}))
        text = root / "ckpt/t5/t5-v1_1-xxl"
        t5().save_pretrained(text)
        tokenizer().save_pretrained(text)
        if bins:
            (text / "model.safetensors").rename(text / "pytorch_model.bin")
        other = np.random.default_rng(0).standard_normal((100, a.caption))
        np.savez(root / "ckpt/special_tokens.npz", other_tokens=other)
    return network.parent


def settings(folder: Path, steps: int = 16, chunks: int = 2, window: int = 1, **more: object) -> GeneratorConfig:
    call = {"window": window, **more.pop("call", {})}  # type: ignore[dict-item]
    given = {"height": 32, "width": 48, "fps": 24} | more
    return GeneratorConfig(name="magi1", model=str(folder), steps=steps, chunks=chunks, call=call, **given)  # type: ignore[arg-type]


def generator(
    a: Architecture = TINY, chunks: int = 4, given: int = 0, each: int = 8, window: int = 4, distilled: bool = False,
    memo: int = 4, text: int = 5, sides: tuple[int, int] = (4, 6),
) -> MagiGenerator:  # fmt: skip
    """A generator of random weights, with captions of `text` tokens and, where `given`, a random prefix."""
    noise = torch.Generator().manual_seed(5)
    net = Network(a)
    net.load_state_dict(network_weights(a), assign=True)
    vae = Vae(TINY_VAE)
    vae.load_state_dict(vae_weights(TINY_VAE), assign=True)
    stages = Stages(chunks, given, each, window)
    words = net.requires_grad_(False).read(
        torch.randn(text + chunks, a.caption, generator=noise),
        {c: torch.tensor([c, *range(chunks, chunks + text)]) for c in range(chunks)},
    )
    velocity = Velocity(net, stages, words, null_caption(net, chunks), distilled, Memo(memo))
    prefix = torch.randn(1, a.latent, given, *sides, generator=noise) if given else None
    return MagiGenerator(velocity, vae.requires_grad_(False), sides, prefix, torch.device("cpu"))


def chain(generator: MagiGenerator, x: Tensor, start: int = 0, to: int | None = None) -> Tensor:
    """The latents after the steps from `start` to `to`, by the ode."""
    none = torch.Generator()
    for k in range(start, generator.steps if to is None else to):
        x, _ = kernels.step(Kernel("ode"), x, generator.denoise(x, k, none), generator.path(k), None, 0.5)
    return x
