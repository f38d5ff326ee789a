"""Tiny pipelines of LTX-2: video and sound together."""

from __future__ import annotations

from typing import Any

import diffusers
import torch
from diffusers.pipelines.ltx2 import LTX2TextConnectors
from diffusers.pipelines.ltx2.vocoder import LTX2Vocoder

from examples.tiny_parts import alive, flow

WIDTH, LAYERS = 16, 2  # of the text encoder, whose layers are all seen


def network() -> Any:
    torch.manual_seed(0)
    return alive(diffusers.LTX2VideoTransformer3DModel(
        in_channels=4, out_channels=4, patch_size=1, patch_size_t=1, num_attention_heads=2, attention_head_dim=8,
        cross_attention_dim=16, audio_in_channels=4, audio_out_channels=4, audio_num_attention_heads=2,
        audio_attention_head_dim=4, audio_cross_attention_dim=8, num_layers=1, caption_channels=WIDTH,
        rope_double_precision=False, rope_type="split",
    ))  # fmt: skip


def connectors() -> Any:
    torch.manual_seed(0)
    heads = {f"{kind}_connector_{key}": value for kind in ("video", "audio") for key, value in
             {"num_attention_heads": 2, "attention_head_dim": 8, "num_layers": 1,
              "num_learnable_registers": None}.items()}  # fmt: skip
    return LTX2TextConnectors(
        caption_channels=WIDTH, text_proj_in_factor=LAYERS, connector_rope_base_seq_len=32, rope_theta=10000.0,
        rope_double_precision=False, causal_temporal_positioning=False, rope_type="split", **heads,
    ).eval()  # fmt: skip


def sound() -> dict[str, Any]:
    """The autoencoder of spectrograms and the vocoder, stereo."""
    torch.manual_seed(0)
    vae = diffusers.AutoencoderKLLTX2Audio(
        base_channels=4, output_channels=2, ch_mult=(1,), num_res_blocks=1, attn_resolutions=None, in_channels=2,
        resolution=32, latent_channels=2, norm_type="pixel", causality_axis="height", dropout=0.0,
        mid_block_add_attention=False, sample_rate=16000, mel_hop_length=160, is_causal=True, mel_bins=8,
    )  # fmt: skip
    vocoder = LTX2Vocoder(
        in_channels=16, hidden_channels=8, out_channels=2, upsample_kernel_sizes=[16, 16], upsample_factors=[10, 16],
        resnet_kernel_sizes=[3], resnet_dilations=[[1, 3, 5]], leaky_relu_negative_slope=0.1,
        output_sampling_rate=16000,
    )  # fmt: skip
    return {"audio_vae": vae.eval(), "vocoder": vocoder.eval()}


def vae() -> Any:
    torch.manual_seed(0)
    result = diffusers.AutoencoderKLLTX2Video(
        in_channels=3, out_channels=3, latent_channels=4, block_out_channels=(8, 8), decoder_block_out_channels=(8, 8),
        layers_per_block=(1, 1), decoder_layers_per_block=(1, 1, 1), spatio_temporal_scaling=(True, True),
        decoder_spatio_temporal_scaling=(True, True), decoder_inject_noise=(False,) * 3,
        downsample_type=("spatiotemporal", "spatiotemporal"), upsample_residual=(False, False),
        upsample_factor=(1, 1), timestep_conditioning=False, patch_size=1, patch_size_t=1, encoder_causal=True,
        decoder_causal=False,
    )  # fmt: skip
    result.use_framewise_encoding = result.use_framewise_decoding = False
    return result.eval()


def ltx2(kind: str = "", **parts: Any) -> Any:
    """kind: empty, ImageToVideo or Condition."""
    scheduler = flow(use_dynamic_shifting=True, base_shift=0.95, max_shift=2.05, shift_terminal=0.1)
    return getattr(diffusers, f"LTX2{kind}Pipeline")(
        scheduler=scheduler, vae=vae(), text_encoder=None, tokenizer=None, connectors=connectors(),
        transformer=network(), **sound(), **parts,
    )  # fmt: skip
