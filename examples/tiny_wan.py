"""A tiny Wan 2.1 with random weights: the real classes of diffusers and transformers, small enough for a test."""

from __future__ import annotations

from typing import Any

import diffusers
import torch

from examples.tiny_parts import alive, flow, tokenizer, umt5, wan_vae


def network(cls: Any = diffusers.WanTransformer3DModel, seed: int = 0, **options: Any) -> Any:
    torch.manual_seed(seed)
    shape = dict(patch_size=(1, 2, 2), num_attention_heads=2, attention_head_dim=12, in_channels=16, out_channels=16,
                 text_dim=32, freq_dim=64, ffn_dim=32, num_layers=1, cross_attn_norm=True,
                 qk_norm="rms_norm_across_heads", rope_max_seq_len=32)  # fmt: skip
    return alive(cls(**{**shape, **options}))


def common(scheduler: Any = None) -> dict[str, Any]:
    return {
        "vae": wan_vae(),
        "text_encoder": umt5(),
        "tokenizer": tokenizer(),
        "scheduler": scheduler or flow(shift=3.0),
    }


def wan() -> Any:
    return diffusers.WanPipeline(transformer=network(), transformer_2=None, **common())
