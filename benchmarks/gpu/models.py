"""Video models with random weights: published configurations, or the same classes small enough for a test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from benchmarks.gpu.parts import COG, LTX, LTX_13B, WAN, WAN_14B, Place
from raysearch.config.settings import GeneratorConfig
from raysearch.generators.diffusers import DiffusersModel
from raysearch.generators.published import PUBLISHED
from raysearch.generators.scale import scale

STEPS = 10
WAN_TINY = {"num_attention_heads": 2, "attention_head_dim": 12, "text_dim": 32, "freq_dim": 64, "ffn_dim": 32,
            "num_layers": 1, "rope_max_seq_len": 32}  # fmt: skip
WAN_VAE_TINY = {"base_dim": 4, "dim_mult": [1, 1, 1, 1], "num_res_blocks": 1}
COG_TINY = {"num_attention_heads": 2, "attention_head_dim": 16, "time_embed_dim": 2, "text_embed_dim": 32,
            "num_layers": 1, "sample_width": 2, "sample_height": 2, "sample_frames": 9,
            "max_text_seq_length": 16}  # fmt: skip
COG_VAE = {"down_block_types": ["CogVideoXDownBlock3D"] * 4, "up_block_types": ["CogVideoXUpBlock3D"] * 4,
           "block_out_channels": [128, 256, 256, 512], "layers_per_block": 3, "latent_channels": 16}  # fmt: skip
COG_VAE_TINY = COG_VAE | {"block_out_channels": [8] * 4, "layers_per_block": 1, "norm_num_groups": 2}
LTX_TINY = {"num_attention_heads": 4, "attention_head_dim": 8, "cross_attention_dim": 32, "num_layers": 1,
            "caption_channels": 32}  # fmt: skip
LTX_VAE_TINY = {"block_out_channels": [8] * 4, "decoder_block_out_channels": [8] * 4, "layers_per_block": [1] * 5,
                "decoder_layers_per_block": [1] * 5}  # fmt: skip


@dataclass(frozen=True)
class Model:
    """A published model and its small sister.

    Attributes:
        hub: whose configuration it is.
        sizes: frames, height and width at which it is measured.
        small: the same of the sister.
        tiny: what differs in the sister's network.
        tiny_vae: the configuration of the sister's autoencoder.
        vae: what the published autoencoder has beside the defaults of its class.
        network: what the published network has beside what decides its size.
        masked: whether the text comes with a mask.
    """

    hub: str
    sizes: tuple[int, int, int]
    small: tuple[int, int, int]
    tiny: Mapping[str, Any]
    tiny_vae: Mapping[str, Any]
    vae: Mapping[str, Any] = field(default_factory=dict)
    network: Mapping[str, Any] = field(default_factory=dict)
    masked: bool = False


ROTARY = {"use_rotary_positional_embeddings": True, "use_learned_positional_embeddings": False}
MODELS = {model.hub: model for model in (
    Model(WAN, (81, 480, 832), (17, 16, 16), WAN_TINY, WAN_VAE_TINY),
    Model(WAN_14B, (81, 480, 832), (17, 16, 16), WAN_TINY, WAN_VAE_TINY),
    Model(COG, (49, 480, 720), (9, 16, 16), COG_TINY, COG_VAE_TINY, COG_VAE, ROTARY),
    Model(LTX, (121, 512, 768), (9, 32, 32), LTX_TINY, LTX_VAE_TINY, masked=True),
    Model(LTX_13B, (121, 512, 768), (9, 32, 32), LTX_TINY, LTX_VAE_TINY, masked=True),
)}  # fmt: skip


def build(hub: str, place: Place, settings: Mapping[str, Any] | None = None) -> DiffusersModel:
    """A model as a replica has it, its text already encoded: networks in bf16, the autoencoder of Wan in fp32.

    Args:
        hub: a key of MODELS.
        place: where and how large.
        settings: further settings of `generator`, such as tiling.
    """
    import diffusers

    model, published = MODELS[hub], PUBLISHED[hub]
    net = {**published.config, **model.network, **({} if place.full else model.tiny)}
    transformer = random_weights(getattr(diffusers, published.network), net, place.device, dtype(place))
    pipeline = getattr(diffusers, published.pipeline)(
        tokenizer=None,
        text_encoder=None,
        vae=autoencoder(hub, place),
        transformer=transformer,
        scheduler=_scheduler(hub),
    )
    frames, height, width = model.sizes if place.full else model.small
    call = {"num_frames": frames, "height": height, "width": width, "guidance_scale": 5.0, **_text(hub, net, place)}
    config = GeneratorConfig(model=hub, **(settings or {}))
    return DiffusersModel(pipeline, STEPS, 16.0, config, **call)


def autoencoder(hub: str, place: Place) -> Any:
    """The autoencoder of a model, with random weights."""
    import diffusers

    model, published = MODELS[hub], PUBLISHED[hub]
    exact = published.vae == "AutoencoderKLWan"  # as its maker loads it
    config = model.vae if place.full else model.tiny_vae
    return random_weights(getattr(diffusers, published.vae), config, place.device,
                          torch.float32 if exact else dtype(place))  # fmt: skip


def random_weights(cls: Any, config: Mapping[str, Any], device: str, kind: torch.dtype) -> Any:
    """A network of diffusers, its weights as its class initialises them, made on the device."""
    torch.manual_seed(0)
    with torch.device(device):
        network = cls(**config)
    exact = tuple(getattr(cls, "_keep_in_fp32_modules", None) or ())  # as from_pretrained leaves them
    for name, weight in network.named_parameters():
        weight.data = weight.data.to(torch.float32 if any(part in name for part in exact) else kind)
    return network.eval().requires_grad_(False)


def dtype(place: Place) -> torch.dtype:
    """Of networks: bf16 at full size; fp32 in tests, where bf16 would be the slower one."""
    return torch.bfloat16 if place.full else torch.float32


def flop(hub: str, place: Place) -> float | None:
    """Of a step with guidance, by raysearch/generators/scale.py; None at tiny size."""
    if not place.full:
        return None
    frames, height, width = MODELS[hub].sizes
    found = scale(GeneratorConfig(model=hub, num_frames=frames, height=height, width=width, guidance_scale=5.0,
                                  dtype="bfloat16"))  # fmt: skip
    return None if found is None else found.flop


def text_size(hub: str, network: Mapping[str, Any]) -> tuple[int, int]:
    """Tokens and channels of an encoded text."""
    published = PUBLISHED[hub]
    tokens = network.get("max_text_seq_length", published.text_tokens)
    known = (network.get(name) for name in ("text_dim", "text_embed_dim", "caption_channels"))
    return int(tokens), int(next(filter(None, known), 4096))


def _text(hub: str, network: Mapping[str, Any], place: Place) -> dict[str, torch.Tensor]:
    tokens, channels = text_size(hub, network)
    call = {}
    for seed, prefix in enumerate(("", "negative_")):
        g = torch.Generator().manual_seed(seed)
        call[f"{prefix}prompt_embeds"] = torch.randn(1, tokens, channels, generator=g).to(place.device, dtype(place))
        if MODELS[hub].masked:
            call[f"{prefix}prompt_attention_mask"] = torch.ones(1, tokens, dtype=torch.bool, device=place.device)
    return call


def _scheduler(hub: str) -> Any:
    import diffusers

    if hub != COG:
        return diffusers.FlowMatchEulerDiscreteScheduler(
            shift=1.0 if MODELS[hub].masked else 3.0
        )  # LTX has its own table
    return diffusers.CogVideoXDDIMScheduler(
        prediction_type="v_prediction", rescale_betas_zero_snr=True, snr_shift_scale=1.0, timestep_spacing="trailing",
        beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, clip_sample=False,
    )  # fmt: skip
