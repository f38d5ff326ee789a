"""A tiny pipeline of MiniMax-H3: blocks of diffusers, video and sound together."""

from __future__ import annotations

from typing import Any

import diffusers
import torch
from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

from examples.tiny_parts import alive, tokenizer

WIDTH = 16  # of the text
VISION = ("image_pad", "video_pad", "vision_start", "vision_end")  # tokens that stand for frames


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


def words() -> Any:
    result = tokenizer()
    result.post_processor = None
    result.add_tokens([f"<|{name}|>" for name in VISION], special_tokens=True)
    return result


def encoder() -> Any:
    """Of texts and frames; its fiftieth layer is seen."""
    image, video, start, end = (words().convert_tokens_to_ids(f"<|{name}|>") for name in VISION)
    torch.manual_seed(0)
    config = Qwen3VLConfig(
        text_config={"vocab_size": 64, "hidden_size": WIDTH, "intermediate_size": 24, "num_hidden_layers": 51,
                     "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8,
                     "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 1, 1],
                                         "mrope_interleaved": True}},
        vision_config={"depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "patch_size": 8,
                       "out_hidden_size": WIDTH, "num_position_embeddings": 16, "deepstack_visual_indexes": [0]},
        image_token_id=image, video_token_id=video, vision_start_token_id=start, vision_end_token_id=end,
    )  # fmt: skip
    return Qwen3VLForConditionalGeneration(config).eval()


def text() -> dict[str, Any]:
    """The encoder with what makes tokens of texts and frames."""
    from transformers import Qwen2VLImageProcessor, Qwen3VLProcessor, Qwen3VLVideoProcessor

    size, tokens = {"shortest_edge": 256, "longest_edge": 4096}, words()
    processor = Qwen3VLProcessor(
        Qwen2VLImageProcessor(patch_size=8, size=size), tokens, Qwen3VLVideoProcessor(patch_size=8, size=size)
    )
    return {"text_encoder": encoder(), "tokenizer": tokens, "processor": processor}


def minimax_h3_text() -> Any:
    """With an encoder of text, which needs torchvision."""
    return minimax_h3(**text())


def minimax_h3(**parts: Any) -> Any:
    """Without an encoder of text, for the embeddings that a call gives."""
    pipeline = diffusers.MiniMaxH3ModularPipeline()
    times = {name: diffusers.MiniMaxH3Scheduler(shift=shift) for name, shift in
             (("scheduler", 12.0), ("audio_scheduler", 3.0))}  # fmt: skip
    usual = {"transformer": network(), "vae": vae(), "audio_vae": sound(), **times}
    pipeline.update_components(**usual | parts)
    return pipeline
