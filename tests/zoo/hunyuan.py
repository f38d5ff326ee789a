"""Tiny pipelines of HunyuanVideo, HunyuanVideo 1.5 and Kandinsky 5, which share an autoencoder."""

from __future__ import annotations

from typing import Any

import diffusers
import torch
from diffusers.guiders import ClassifierFreeGuidance

from examples.tiny_parts import alive, flow, siglip


def vae() -> Any:
    torch.manual_seed(0)
    return diffusers.AutoencoderKLHunyuanVideo(
        in_channels=3, out_channels=3, latent_channels=4, down_block_types=("HunyuanVideoDownBlock3D",) * 4,
        up_block_types=("HunyuanVideoUpBlock3D",) * 4, block_out_channels=(8,) * 4, layers_per_block=1, act_fn="silu",
        norm_num_groups=4, scaling_factor=0.476986, spatial_compression_ratio=8, temporal_compression_ratio=4,
        mid_block_add_attention=True,
    ).eval()  # fmt: skip


def network(**options: Any) -> Any:
    torch.manual_seed(0)
    shape = dict(
        in_channels=4, out_channels=4, num_attention_heads=2, attention_head_dim=10, num_layers=1, num_single_layers=1,
        num_refiner_layers=1, patch_size=1, patch_size_t=1, guidance_embeds=True, text_embed_dim=16,
        pooled_projection_dim=8, rope_axes_dim=(2, 4, 4),
    )  # fmt: skip
    return alive(diffusers.HunyuanVideoTransformer3DModel(**{**shape, **options}))


def hunyuan(kind: str = "Video", **options: Any) -> Any:
    """kind: Video, VideoImageToVideo or SkyreelsImageToVideo; options are those of the network."""
    picture = {"image_processor": None} if kind == "VideoImageToVideo" else {}
    return getattr(diffusers, f"Hunyuan{kind}Pipeline")(
        transformer=network(**options), vae=vae(), scheduler=flow(shift=7.0), text_encoder=None, text_encoder_2=None,
        tokenizer=None, tokenizer_2=None, **picture,
    )  # fmt: skip


def replaced() -> Any:
    """Image to video of the weights that hold the image as the first latent frame."""
    return hunyuan("VideoImageToVideo", image_condition_type="token_replace")


def concatenated() -> Any:
    """Image to video of the weights that see the image in extra channels."""
    return hunyuan("VideoImageToVideo", image_condition_type="latent_concat", in_channels=9, guidance_embeds=False)


def skyreels_v1() -> Any:
    return hunyuan("SkyreelsImageToVideo", in_channels=8)


def hunyuan15(kind: str = "", **options: Any) -> Any:
    torch.manual_seed(0)
    net = diffusers.HunyuanVideo15Transformer3DModel(
        in_channels=9, out_channels=4, num_attention_heads=2, attention_head_dim=8, num_layers=1, num_refiner_layers=1,
        mlp_ratio=2.0, patch_size=1, patch_size_t=1, text_embed_dim=16, text_embed_2_dim=32, image_embed_dim=12,
        rope_axes_dim=(2, 2, 4), target_size=16, task_type="i2v" if kind else "t2v", **options,
    )  # fmt: skip
    vae = diffusers.AutoencoderKLHunyuanVideo15(
        in_channels=3, out_channels=3, latent_channels=4, block_out_channels=(16, 16), layers_per_block=1,
        spatial_compression_ratio=4, temporal_compression_ratio=2, downsample_match_channel=False,
        upsample_match_channel=False,
    )  # fmt: skip
    return getattr(diffusers, f"HunyuanVideo15{kind}Pipeline")(
        transformer=alive(net), vae=vae.eval(), scheduler=flow(shift=7.0), text_encoder=None, text_encoder_2=None,
        tokenizer=None, tokenizer_2=None, guider=ClassifierFreeGuidance(guidance_scale=4.0),
        **(siglip(12) if kind else {}),
    )  # fmt: skip


def kandinsky(kind: str = "T2V", conditions: bool = True) -> Any:
    """conditions: whether the network sees them in channels of its input."""
    torch.manual_seed(0)
    net = diffusers.Kandinsky5Transformer3DModel(
        in_visual_dim=4, in_text_dim=16, in_text_dim2=8, time_dim=16, out_visual_dim=4, patch_size=(1, 2, 2),
        model_dim=24, ff_dim=32, num_text_blocks=1, num_visual_blocks=1, axes_dims=(4, 4, 4), visual_cond=conditions,
    )  # fmt: skip
    return getattr(diffusers, f"Kandinsky5{kind}Pipeline")(
        transformer=alive(net), vae=vae(), scheduler=flow(shift=5.0), text_encoder=None, text_encoder_2=None,
        tokenizer=None, tokenizer_2=None,
    )  # fmt: skip
