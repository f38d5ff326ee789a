"""The tiny MAGI-1: the classes of the published one, at a size that trains on a CPU, and where its weights begin."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from raysearch.generators.magi1.layers import LN1p
from raysearch.generators.magi1.network import Network
from raysearch.generators.magi1.shape import Architecture
from raysearch.generators.magi1.vae import Vae
from raysearch.generators.magi1.vae_shape import VaeShape
from raysearch.tinyworld.models import text_encoder, tokenizer

LATENT = 24
# Positions are learned on 6 x 6 tokens, so that a picture of 4 x 4 is one tile.
AUTOENCODER = VaeShape(128, 3, 4, 512, LATENT, (4, 8, 8), (3, 6, 6), 3, widened=True)
NETWORK = Architecture(4, 128, 8, 8, 16, 512, condition=32, caption=32, captions=8, bands=2, latent=LATENT)
NAME = "tiny_base"
GATE, BRANCH = 0.5, -0.7  # gates begin at tanh(GATE), branches at 1 + BRANCH of their norm
BANDS = (2.0, 0.3)  # the frequencies of the rotary embedding begin as a geometric series


def autoencoder() -> Vae:
    """The autoencoder with random weights; see autoencoder.warm."""
    vae = Vae(AUTOENCODER)
    for half in (vae.encoder, vae.decoder):
        nn.init.zeros_(half.cls_token)
        nn.init.normal_(half.pos_embed, std=0.02)
    return vae


@torch.no_grad()
def network() -> Network:
    """The transformer with weights that train: small branches with open gates, and no velocity at first."""
    net = Network(NETWORK)
    for name, module in net.named_modules():
        if isinstance(module, LN1p):
            nn.init.constant_(module.weight, BRANCH if name.endswith("post_norm") else 0.0)
            nn.init.zeros_(module.bias)
        if name.endswith("ada_modulate_layer.proj.0"):
            nn.init.constant_(module.bias, GATE)
    nn.init.normal_(net.y_embedder.null_caption_embedding, std=0.5)
    net.rope.bands.copy_(BANDS[0] * BANDS[1] ** torch.arange(NETWORK.bands))
    nn.init.zeros_(net.final_linear["linear"].weight)  # type: ignore[arg-type]
    return net


def export(vae: Vae, net: Network, folder: Path) -> Path:
    """Write a checkpoint in the published layout below `folder`, in bf16. Returns the folder that a job names."""
    model = folder / "magi" / NAME
    parts = {
        model / "inference_weight" / "model.safetensors": net,
        folder / "vae" / "diffusion_pytorch_model.safetensors": vae,
    }
    for file, part in parts.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        save_file({name: p.detach().cpu().bfloat16().contiguous() for name, p in part.state_dict().items()}, file)
    s = AUTOENCODER
    about = {"num_heads": s.heads, "video_length": s.grid[0] * s.patch[0]}
    (folder / "vae" / "config.json").write_text(json.dumps({"ddconfig": about}, indent=2) + "\n")
    text_encoder().save_pretrained(folder / "t5" / "tiny")
    tokenizer().save_pretrained(folder / "t5" / "tiny")
    return model
