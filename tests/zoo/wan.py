"""Tiny pipelines of the Wan kin: Wan 2.1 and 2.2, VACE, SkyReels V2, Sana-Video, Motif-Video, Cosmos."""

from __future__ import annotations

from typing import Any

import diffusers
import torch

from examples.tiny_parts import alive, clip, flow, t5, tokenizer, unipc, wan_vae
from examples.tiny_wan import common, network
from examples.tiny_wan import wan as wan

FIRST_ORDER = dict(solver_order=1, disable_corrector=list(range(50)))


def wan_unipc(**options: Any) -> Any:
    return diffusers.WanPipeline(transformer=network(), transformer_2=None, **common(unipc(3.0, **options)))


def wan_two_experts() -> Any:
    return diffusers.WanPipeline(
        transformer=network(), transformer_2=network(seed=5), boundary_ratio=0.8, **common()
    )  # fmt: skip


def wan_5b() -> Any:
    return diffusers.WanPipeline(transformer=network(), transformer_2=None, expand_timesteps=True, **common())


def wan_image() -> Any:
    vision = clip()
    return diffusers.WanImageToVideoPipeline(
        transformer=network(in_channels=36, image_dim=4), transformer_2=None, image_encoder=vision["image_encoder"],
        image_processor=vision["processor"], **common(),
    )  # fmt: skip


def wan_image_5b() -> Any:
    return diffusers.WanImageToVideoPipeline(
        transformer=network(), transformer_2=None, image_encoder=None, image_processor=None, expand_timesteps=True,
        **common(),
    )  # fmt: skip


def wan_video(scheduler: Any = None) -> Any:
    return diffusers.WanVideoToVideoPipeline(transformer=network(), **common(scheduler))


def vace() -> Any:
    net = network(diffusers.WanVACETransformer3DModel, num_layers=2, vace_layers=[0], vace_in_channels=96)
    return diffusers.WanVACEPipeline(transformer=net, transformer_2=None, **common())


def skyreels(kind: str = "", scheduler: Any = None) -> Any:
    cls = getattr(diffusers, f"SkyReelsV2DiffusionForcing{kind}Pipeline")
    net = network(diffusers.SkyReelsV2Transformer3DModel)
    return cls(transformer=net, **common(scheduler or unipc(8.0)))


def skyreels_plain() -> Any:
    net = network(diffusers.SkyReelsV2Transformer3DModel)
    return diffusers.SkyReelsV2Pipeline(transformer=net, **common(unipc(8.0, **FIRST_ORDER)))


def skyreels_plain_image() -> Any:
    vision = clip()
    return diffusers.SkyReelsV2ImageToVideoPipeline(
        transformer=network(diffusers.SkyReelsV2Transformer3DModel, in_channels=36, image_dim=4),
        image_encoder=vision["image_encoder"], image_processor=vision["processor"],
        **common(unipc(8.0, **FIRST_ORDER)),
    )  # fmt: skip


def sana(scheduler: Any, kind: str = "") -> Any:
    from transformers import Gemma2Config, Gemma2Model

    torch.manual_seed(0)
    net = diffusers.SanaVideoTransformer3DModel(
        in_channels=16, out_channels=16, num_attention_heads=2, attention_head_dim=12, num_layers=1,
        num_cross_attention_heads=2, cross_attention_head_dim=12, cross_attention_dim=24, caption_channels=8,
        mlp_ratio=2.5, sample_size=8, patch_size=(1, 2, 2), norm_elementwise_affine=False, norm_eps=1e-6,
        qk_norm="rms_norm_across_heads", rope_max_seq_len=32,
    )  # fmt: skip
    text = Gemma2Model(Gemma2Config(head_dim=16, hidden_size=8, intermediate_size=64, num_attention_heads=2,
                                    num_hidden_layers=1, num_key_value_heads=2, vocab_size=64)).eval()  # fmt: skip
    return getattr(diffusers, f"Sana{kind or 'Video'}Pipeline")(
        transformer=alive(net), vae=wan_vae(), scheduler=scheduler, text_encoder=text, tokenizer=tokenizer()
    )


def sana_dpm(**options: Any) -> Any:
    return sana(
        diffusers.DPMSolverMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=8.0, **options
        )
    )


def motif(kind: str = "") -> Any:
    """kind: empty, or Image2Video."""
    from diffusers.guiders import AdaptiveProjectedGuidance

    torch.manual_seed(0)
    net = diffusers.MotifVideoTransformer3DModel(
        in_channels=33, out_channels=16, num_attention_heads=2, attention_head_dim=12, num_layers=1,
        num_single_layers=1, mlp_ratio=4.0, patch_size=1, patch_size_t=1, qk_norm="rms_norm", text_embed_dim=32,
        rope_axes_dim=(4, 4, 4),
    )  # fmt: skip
    return getattr(diffusers, f"MotifVideo{kind}Pipeline")(
        transformer=alive(net), vae=wan_vae(), scheduler=flow(shift=7.0), text_encoder=None, tokenizer=None,
        feature_extractor=None, guider=AdaptiveProjectedGuidance(),
    )  # fmt: skip


def cosmos_network(channels: int = 16, given: bool = True) -> Any:
    """given: whether a channel says which frames are conditions."""
    torch.manual_seed(0)
    net = diffusers.CosmosTransformer3DModel(
        in_channels=channels + given, out_channels=channels, num_attention_heads=2, attention_head_dim=16,
        num_layers=1, mlp_ratio=2, text_embed_dim=32, adaln_lora_dim=4, max_size=(4, 32, 32), patch_size=(1, 2, 2),
        rope_scale=(2.0, 1.0, 1.0), concat_padding_mask=True, extra_pos_embed_type="learnable",
    )  # fmt: skip
    return alive(net)


def lenient_checker() -> Any:
    """Cosmos refuses to run without its guardrail, whose weights are not to be had here; this one lets all pass."""

    class CosmosSafetyChecker(diffusers.ModelMixin, diffusers.ConfigMixin):
        config_name = "config.json"

        def __init__(self) -> None:
            super().__init__()
            self.unused = torch.nn.Parameter(torch.zeros(1))

        def check_text_safety(self, text: str) -> bool:
            return True

        def check_video_safety(self, video: Any) -> Any:
            return video

    return CosmosSafetyChecker()


def cosmos1(kind: str = "TextToWorld") -> Any:
    """kind: TextToWorld or VideoToWorld."""
    given = kind == "VideoToWorld"
    network = cosmos_network(4, given)
    torch.manual_seed(0)
    vae = diffusers.AutoencoderKLCosmos(
        in_channels=3, out_channels=3, latent_channels=4, encoder_block_out_channels=(8,) * 4,
        decode_block_out_channels=(8,) * 4, attention_resolutions=(8,), resolution=64, num_layers=1, patch_size=4,
        patch_type="haar", scaling_factor=1.0, spatial_compression_ratio=4, temporal_compression_ratio=4,
    )  # fmt: skip
    scheduler = diffusers.EDMEulerScheduler(sigma_min=0.002, sigma_max=80.0, sigma_data=0.5, rho=7.0,
                                            final_sigmas_type="sigma_min")  # fmt: skip
    return getattr(diffusers, f"Cosmos{kind}Pipeline")(
        transformer=network, vae=vae.eval(), scheduler=scheduler, text_encoder=t5(), tokenizer=tokenizer(),
        safety_checker=lenient_checker(),
    )  # fmt: skip


def cosmos2() -> Any:
    scheduler = flow(use_karras_sigmas=True)
    scheduler.register_to_config(sigma_max=80.0, sigma_min=0.002, sigma_data=1.0, final_sigmas_type="sigma_min")
    return diffusers.Cosmos2VideoToWorldPipeline(
        transformer=cosmos_network(), vae=wan_vae(), text_encoder=t5(), tokenizer=tokenizer(),
        safety_checker=lenient_checker(), scheduler=scheduler,
    )  # fmt: skip


def cosmos25(scheduler: Any = None) -> Any:
    return diffusers.Cosmos2_5_PredictBasePipeline(
        transformer=cosmos_network(), vae=wan_vae(), text_encoder=None, tokenizer=None,
        safety_checker=lenient_checker(), scheduler=scheduler or flow(shift=5.0),
    )  # fmt: skip
