"""A tiny pipeline of Cosmos 3: one network for text, video and sound."""

from __future__ import annotations

from typing import Any

import diffusers
import torch

from examples.tiny_parts import alive, tokenizer, unipc, wan_vae

CHAT = "{% for m in messages %}{{ m['content'] }} {% endfor %}"


def network() -> Any:
    torch.manual_seed(0)
    net = diffusers.Cosmos3OmniTransformer(
        head_dim=8, hidden_size=16, intermediate_size=24, latent_channel=16, patch_latent_dim=64, num_attention_heads=2,
        num_hidden_layers=1, num_key_value_heads=1, vocab_size=64, sound_gen=True, sound_dim=4, sound_latent_fps=40.0,
        rope_axes_dim=[2, 1, 1],
    )  # fmt: skip
    return alive(net)


def sound() -> Any:
    torch.manual_seed(0)
    return diffusers.Cosmos3AVAEAudioTokenizer(
        sampling_rate=8000, vocoder_input_dim=4, dec_dim=4, dec_c_mults=(1, 2), dec_strides=(10, 20),
        encoder_enabled=False,
    ).eval()  # fmt: skip


def words() -> Any:
    result = tokenizer()
    result.add_tokens(["<|vision_start|>"], special_tokens=True)
    result.chat_template = CHAT
    return result


def cosmos3(flow_times: bool = False, **solver: Any) -> Any:
    """flow_times: the pipeline itself makes the times."""
    return diffusers.Cosmos3OmniPipeline(
        transformer=network(), text_tokenizer=words(), vae=wan_vae(), scheduler=unipc(10.0, **solver),
        sound_tokenizer=sound(), enable_safety_checker=False, use_native_flow_schedule=flow_times,
    )  # fmt: skip
