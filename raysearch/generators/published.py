"""Published models as their makers configured them, so that a job can be sized up before a byte of it is downloaded.

Configurations of networks are those of diffusers' conversion scripts (scripts/convert_{wan,ltx,cogvideox,hunyuan_video,
skyreelsv2,minimax_h3}_to_diffusers.py), which wrote the folders of the hub. Only what decides sizes and arithmetic is
listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Parameters of encoders of text and image.
UMT5_XXL, T5_XXL, CLIP_H, LLAMA_8B, QWEN3_VL = 5.68e9, 4.76e9, 0.63e9, 8.15e9, 33.4e9


@dataclass(frozen=True)
class Published:
    """What decides the size of a model.

    Attributes:
        pipeline: class of its pipeline.
        network: class of its network.
        config: that of the network.
        vae: class of its autoencoder.
        vae_config: that of the autoencoder.
        channels: of a latent frame.
        vae_parameters: of the autoencoder.
        text_parameters: of the encoders of text and image.
        text_tokens: to which a prompt is padded.
        networks: experts, of which each step runs one.
        forwards: of the network in a step with guidance; 1 where guidance is distilled into it.
        sound: of one that makes it with the video, tokens for each frame of the video, and channels of each.
        index: entries of its model_index.json that say which other pipelines its weights serve.
    """

    pipeline: str
    network: str
    config: Mapping[str, Any]
    vae: str
    vae_config: Mapping[str, Any] = field(default_factory=dict)
    channels: int = 16
    vae_parameters: float = 0.127e9
    text_parameters: float = UMT5_XXL
    text_tokens: int = 512
    networks: int = 1
    forwards: int = 2
    sound: tuple[float, int] = (0.0, 0)
    index: Mapping[str, Any] = field(default_factory=dict)


def _wan(heads: int, ffn: int, layers: int, **more: Any) -> dict[str, Any]:
    return {"num_attention_heads": heads, "attention_head_dim": 128, "ffn_dim": ffn, "num_layers": layers,
            "patch_size": [1, 2, 2], **more}  # fmt: skip


_WAN, _VACE, _I2V = "WanTransformer3DModel", "WanVACETransformer3DModel", "WanImageToVideoPipeline"
_SMALL, _LARGE = _wan(12, 8960, 30), _wan(40, 13824, 40)
_VAE = "AutoencoderKLWan"
_LARGE_I2V = {**_LARGE, "added_kv_proj_dim": 5120}
_CLIP = UMT5_XXL + CLIP_H
_LTX = {"patch_size": 1, "num_attention_heads": 32}
_LTX_2B = {**_LTX, "attention_head_dim": 64, "num_layers": 28, "cross_attention_dim": 2048}
_LTX_13B = {**_LTX, "attention_head_dim": 128, "num_layers": 48, "cross_attention_dim": 4096}
_LTX_VAE = {"temporal_compression_ratio": 8, "spatial_compression_ratio": 32}
_COG_VAE = {"temporal_compression_ratio": 4, "spatial_compression_ratio": 8}  # as its code has them, not its config
_COG_2B = {"num_attention_heads": 30, "attention_head_dim": 64, "num_layers": 30, "patch_size": 2}
_COG_5B = {"num_attention_heads": 48, "attention_head_dim": 64, "num_layers": 42, "patch_size": 2}
_COG_15 = {**_COG_5B, "patch_size_t": 2}
_HUNYUAN = {"num_attention_heads": 24, "attention_head_dim": 128, "num_layers": 20, "num_single_layers": 40,
            "patch_size": 2, "patch_size_t": 1}  # fmt: skip
_MINIMAX = {"num_attention_heads": 56, "attention_head_dim": 128, "hidden_size": 5376, "num_layers": 50,
            "ffn_dim": 14336, "time_embed_dim": 2688, "patch_size": [1, 2, 2]}  # fmt: skip


def _ltx(pipeline: str, config: Mapping[str, Any], tokens: int = 256) -> Published:
    return Published(pipeline, "LTXVideoTransformer3DModel", config, "AutoencoderKLLTXVideo", _LTX_VAE, 128, 0.84e9,
                     T5_XXL, tokens)  # fmt: skip


def _cog(pipeline: str, config: Mapping[str, Any], tokens: int = 226) -> Published:
    return Published(pipeline, "CogVideoXTransformer3DModel", config, "AutoencoderKLCogVideoX", _COG_VAE, 16, 0.216e9,
                     T5_XXL, tokens)  # fmt: skip


def _sky(pipeline: str, config: Mapping[str, Any]) -> Published:
    extra = CLIP_H if "ImageToVideo" in pipeline else 0.0
    return Published(pipeline, "SkyReelsV2Transformer3DModel", config, _VAE, text_parameters=UMT5_XXL + extra)


_5B = Published("WanPipeline", _WAN, _wan(24, 14336, 30), _VAE,
                {"scale_factor_temporal": 4, "scale_factor_spatial": 16}, 48, 0.70e9,
                index={"expand_timesteps": True})  # fmt: skip

PUBLISHED: Mapping[str, Published] = {
    "Wan-AI/Wan2.1-T2V-1.3B-Diffusers": Published("WanPipeline", _WAN, _SMALL, _VAE),
    "Wan-AI/Wan2.1-T2V-14B-Diffusers": Published("WanPipeline", _WAN, _LARGE, _VAE),
    **{f"Wan-AI/Wan2.1-I2V-14B-{size}-Diffusers": Published(_I2V, _WAN, _LARGE_I2V, _VAE, text_parameters=_CLIP)
       for size in ("480P", "720P")},
    "Wan-AI/Wan2.1-FLF2V-14B-720P-diffusers": Published(_I2V, _WAN, _LARGE_I2V, _VAE, text_parameters=_CLIP),
    "Wan-AI/Wan2.1-VACE-1.3B-diffusers": Published(
        "WanVACEPipeline", _VACE, {**_SMALL, "vace_layers": list(range(0, 30, 2))}, _VAE),
    "Wan-AI/Wan2.1-VACE-14B-diffusers": Published(
        "WanVACEPipeline", _VACE, {**_LARGE, "vace_layers": list(range(0, 40, 5))}, _VAE),
    "Wan-AI/Wan2.2-T2V-A14B-Diffusers": Published("WanPipeline", _WAN, _LARGE, _VAE, networks=2),
    "Wan-AI/Wan2.2-I2V-A14B-Diffusers": Published(_I2V, _WAN, _LARGE, _VAE, networks=2),
    "Wan-AI/Wan2.2-TI2V-5B-Diffusers": _5B,
    "Lightricks/LTX-Video": _ltx("LTXPipeline", _LTX_2B, 128),
    "Lightricks/LTX-Video-0.9.5": _ltx("LTXConditionPipeline", _LTX_2B),
    "Lightricks/LTX-Video-0.9.7-dev": _ltx("LTXConditionPipeline", _LTX_13B),
    "Lightricks/LTX-Video-0.9.7-distilled": _ltx("LTXConditionPipeline", _LTX_13B),
    "Lightricks/LTX-Video-0.9.8-13B-distilled": _ltx("LTXConditionPipeline", _LTX_13B),
    "THUDM/CogVideoX-2b": _cog("CogVideoXPipeline", _COG_2B),
    "THUDM/CogVideoX-5b": _cog("CogVideoXPipeline", _COG_5B),
    "THUDM/CogVideoX-5b-I2V": _cog("CogVideoXImageToVideoPipeline", _COG_5B),
    "THUDM/CogVideoX1.5-5B": _cog("CogVideoXPipeline", _COG_15, 224),
    "THUDM/CogVideoX1.5-5B-I2V": _cog("CogVideoXImageToVideoPipeline", _COG_15, 224),
    "hunyuanvideo-community/HunyuanVideo": Published(
        "HunyuanVideoPipeline", "HunyuanVideoTransformer3DModel", _HUNYUAN, "AutoencoderKLHunyuanVideo",
        {"temporal_compression_ratio": 4, "spatial_compression_ratio": 8}, 16, 0.25e9, LLAMA_8B, 256, forwards=1),
    "MiniMaxAI/MiniMax-H3": Published(
        "MiniMaxH3ModularPipeline", "MiniMaxH3Transformer3DModel", _MINIMAX, "AutoencoderKLMiniMaxH3", {}, 24, 2.76e9,
        QWEN3_VL, 512, forwards=1, sound=(10 / 3, 32)),
    "Skywork/SkyReels-V2-T2V-14B-540P-Diffusers": _sky("SkyReelsV2Pipeline", _LARGE),
    "Skywork/SkyReels-V2-T2V-14B-720P-Diffusers": _sky("SkyReelsV2Pipeline", _LARGE),
    "Skywork/SkyReels-V2-DF-1.3B-540P-Diffusers": _sky("SkyReelsV2DiffusionForcingPipeline", _SMALL),
    "Skywork/SkyReels-V2-DF-14B-540P-Diffusers": _sky("SkyReelsV2DiffusionForcingPipeline", _LARGE),
    "Skywork/SkyReels-V2-DF-14B-720P-Diffusers": _sky("SkyReelsV2DiffusionForcingPipeline", _LARGE),
    "Skywork/SkyReels-V2-I2V-14B-540P-Diffusers": _sky("SkyReelsV2ImageToVideoPipeline", _LARGE_I2V),
    "Skywork/SkyReels-V2-I2V-14B-720P-Diffusers": _sky("SkyReelsV2ImageToVideoPipeline", _LARGE_I2V),
}  # fmt: skip

_BY_CLASS = {entry.pipeline: entry for entry in PUBLISHED.values()}
_BY_NAME = {name.lower(): entry for name, entry in PUBLISHED.items()}


def known(model: str) -> Published | None:
    """The published configuration of a hub id, whatever its case; None for a model that is not listed."""
    return _BY_NAME.get(model.lower())


def of_class(pipeline: str) -> Published | None:
    """A published model of a pipeline class, for what all models of the class share; None where none is listed."""
    return _BY_CLASS.get(pipeline)
