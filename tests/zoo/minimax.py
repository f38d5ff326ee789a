"""A tiny pipeline of MiniMax-H3: blocks of diffusers, video and sound together."""

from __future__ import annotations

from typing import Any

import diffusers
import torch

from examples.tiny_parts import alive

WIDTH = 16  # of the text


def network() -> Any:
    torch.manual_seed(0)
    return alive(diffusers.MiniMaxH3Transformer3DModel(
        num_attention_heads=2, attention_head_dim=16, hidden_size=24, num_layers=1, num_refiner_layers=1, ffn_dim=32,
        in_channels=4, audio_in_channels=4, text_dim=WIDTH, freq_dim=16, time_embed_hidden_dim=24, time_embed_dim=16,
        rope_freq_dim=2,
    ))  # fmt: skip


def vae() -> Any:
    torch.manual_seed(0)
    return diffusers.AutoencoderKLMiniMaxH3(
        latent_channels=4, block_out_channels=(8, 8, 8), layers_per_block=1, spatial_downsample_factors=(2, 2, 2),
        temporal_downsample_factors=(1, 2, 2), norm_num_groups=4, decoder_num_layers=1, decoder_num_attention_heads=2,
        decoder_attention_head_dim=16, decoder_num_register_tokens=2, decoder_ffn_mult=2,
        latents_mean=(0.1, -0.2, 0.3, 0.0), latents_std=(0.5, 0.6, 0.7, 0.8),
    ).eval()  # fmt: skip


def sound() -> Any:
    torch.manual_seed(0)
    return diffusers.AutoencoderKLMiniMaxH3Audio(
        encoder_dim=4, encoder_rates=(5, 5, 8), latent_dim=8, latent_channels=4, num_attention_heads=2, decoder_dim=8,
        decoder_rates=(8, 5, 5), decoder_kernel_sizes=(16, 9, 9), resblock_kernel_sizes=(3,),
        resblock_dilation_sizes=((1,),), sampling_rate=8000, latents_mean=[0.1] * 4, latents_std=[0.7] * 4,
    ).eval()  # fmt: skip


def minimax_h3(**parts: Any) -> Any:
    """Without an encoder of text, for the embeddings that a call gives."""
    pipeline = diffusers.MiniMaxH3ModularPipeline()
    times = {name: diffusers.MiniMaxH3Scheduler(shift=shift) for name, shift in
             (("scheduler", 12.0), ("audio_scheduler", 3.0))}  # fmt: skip
    usual = {"transformer": network(), "vae": vae(), "audio_vae": sound(), **times}
    pipeline.update_components(**usual | parts)
    return pipeline
