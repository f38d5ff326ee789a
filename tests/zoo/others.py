"""Tiny pipelines with autoencoders of their own: LTX-Video, CogVideoX, Mochi and SVD."""

from __future__ import annotations

from typing import Any

import diffusers
import torch

from examples.tiny_parts import alive, clip, flow, t5, tokenizer


def ltx_parts(timed: bool = False) -> dict[str, Any]:
    """timed: the decoder takes a time and noise."""
    torch.manual_seed(0)
    net = diffusers.LTXVideoTransformer3DModel(
        in_channels=8, out_channels=8, patch_size=1, patch_size_t=1, num_attention_heads=4, attention_head_dim=8,
        cross_attention_dim=32, num_layers=1, caption_channels=32,
    )  # fmt: skip
    scaling = (True, True, False, False)
    vae = diffusers.AutoencoderKLLTXVideo(
        in_channels=3, out_channels=3, latent_channels=8, block_out_channels=(8,) * 4,
        decoder_block_out_channels=(8,) * 4, layers_per_block=(1,) * 5, decoder_layers_per_block=(1,) * 5,
        spatio_temporal_scaling=scaling, decoder_spatio_temporal_scaling=scaling, decoder_inject_noise=(False,) * 5,
        upsample_residual=(False,) * 4, upsample_factor=(1,) * 4, timestep_conditioning=timed, patch_size=1,
        patch_size_t=1, encoder_causal=True, decoder_causal=False,
    )  # fmt: skip
    vae.use_framewise_encoding = vae.use_framewise_decoding = False
    return {"transformer": alive(net), "vae": vae.eval(), "text_encoder": t5(), "tokenizer": tokenizer()}


def ltx(kind: str = "", timed: bool = False) -> Any:
    scheduler = flow(use_dynamic_shifting=True, base_shift=0.95, max_shift=2.05, shift_terminal=0.1)
    return getattr(diffusers, f"LTX{kind}Pipeline")(scheduler=scheduler, **ltx_parts(timed))


def ltx_condition() -> Any:
    return diffusers.LTXConditionPipeline(scheduler=flow(), **ltx_parts())


COG_SCHEDULE = dict(
    prediction_type="v_prediction", rescale_betas_zero_snr=True, snr_shift_scale=3.0, timestep_spacing="trailing",
    beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, set_alpha_to_one=True, clip_sample=False,
)  # fmt: skip


def cog(kind: str = "", dpm: bool = False) -> Any:
    torch.manual_seed(0)
    image = kind == "ImageToVideo"
    net = diffusers.CogVideoXTransformer3DModel(
        num_attention_heads=2, attention_head_dim=16, in_channels=8 if image else 4, out_channels=4, time_embed_dim=2,
        text_embed_dim=32, num_layers=1, sample_width=2, sample_height=2, sample_frames=9, patch_size=2,
        temporal_compression_ratio=4, max_text_seq_length=16, use_rotary_positional_embeddings=image,
        use_learned_positional_embeddings=False,
    )  # fmt: skip
    vae = diffusers.AutoencoderKLCogVideoX(
        in_channels=3, out_channels=3, down_block_types=("CogVideoXDownBlock3D",) * 4,
        up_block_types=("CogVideoXUpBlock3D",) * 4, block_out_channels=(8,) * 4, latent_channels=4, layers_per_block=1,
        norm_num_groups=2, temporal_compression_ratio=4,
    )  # fmt: skip
    scheduler = (diffusers.CogVideoXDPMScheduler if dpm else diffusers.CogVideoXDDIMScheduler)(**COG_SCHEDULE)
    return getattr(diffusers, f"CogVideoX{kind}Pipeline")(
        transformer=alive(net), vae=vae.eval(), scheduler=scheduler, text_encoder=t5(), tokenizer=tokenizer()
    )


def mochi() -> Any:
    torch.manual_seed(0)
    net = diffusers.MochiTransformer3DModel(
        patch_size=2, num_attention_heads=2, attention_head_dim=8, num_layers=2, pooled_projection_dim=16,
        in_channels=12, out_channels=None, qk_norm="rms_norm", text_embed_dim=32, time_embed_dim=4,
        activation_fn="swiglu", max_sequence_length=16,
    )  # fmt: skip
    vae = diffusers.AutoencoderKLMochi(
        latent_channels=12, out_channels=3, encoder_block_out_channels=(32,) * 4, decoder_block_out_channels=(32,) * 4,
        layers_per_block=(1,) * 5,
    )  # fmt: skip
    return diffusers.MochiPipeline(
        transformer=alive(net), vae=vae.eval(), scheduler=flow(invert_sigmas=True), text_encoder=t5(),
        tokenizer=tokenizer(),
    )  # fmt: skip


def svd() -> Any:
    torch.manual_seed(0)
    net = diffusers.UNetSpatioTemporalConditionModel(
        block_out_channels=(32, 64), layers_per_block=1, sample_size=32, in_channels=8, out_channels=4,
        down_block_types=("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
        up_block_types=("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"), cross_attention_dim=32,
        num_attention_heads=8, projection_class_embeddings_input_dim=96, addition_time_embed_dim=32,
    )  # fmt: skip
    scheduler = diffusers.EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", interpolation_type="linear",
        num_train_timesteps=1000, prediction_type="v_prediction", sigma_max=700.0, sigma_min=0.002, steps_offset=1,
        timestep_spacing="leading", timestep_type="continuous", use_karras_sigmas=True,
    )  # fmt: skip
    vae = diffusers.AutoencoderKLTemporalDecoder(
        block_out_channels=[32, 64], in_channels=3, out_channels=3, down_block_types=["DownEncoderBlock2D"] * 2,
        latent_channels=4,
    )  # fmt: skip
    vision = clip(32, 224, 32)
    return diffusers.StableVideoDiffusionPipeline(
        unet=net.eval(), vae=vae.eval(), scheduler=scheduler, image_encoder=vision["image_encoder"],
        feature_extractor=vision["processor"],
    )  # fmt: skip
