"""Tiny pipelines of classes that no family declares."""

from __future__ import annotations

from typing import Any

import diffusers
import torch

from examples.tiny_parts import alive, t5, tokenizer


def latte(scheduler: Any = None) -> Any:
    torch.manual_seed(0)
    net = diffusers.LatteTransformer3DModel(
        sample_size=8, num_layers=1, patch_size=2, attention_head_dim=8, num_attention_heads=3, caption_channels=32,
        in_channels=4, cross_attention_dim=24, out_channels=8, attention_bias=True, activation_fn="gelu-approximate",
        num_embeds_ada_norm=1000, norm_type="ada_norm_single", norm_elementwise_affine=False, norm_eps=1e-6,
    )  # fmt: skip
    vae = diffusers.AutoencoderKL(block_out_channels=[32, 32], latent_channels=4,
                                  down_block_types=["DownEncoderBlock2D"] * 2,
                                  up_block_types=["UpDecoderBlock2D"] * 2)  # fmt: skip
    return diffusers.LattePipeline(
        transformer=alive(net), vae=vae.eval(), scheduler=scheduler or diffusers.DDIMScheduler(clip_sample=False),
        text_encoder=t5(), tokenizer=tokenizer(),
    )  # fmt: skip
