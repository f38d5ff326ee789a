"""Small parts that many pipelines share: tokenizer, text and image encoders, the Wan autoencoder, schedulers.

All random, from configuration alone; seeds are fixed, so that building twice gives the same pipeline bit for bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKLWan, FlowMatchEulerDiscreteScheduler, UniPCMultistepScheduler
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    PreTrainedTokenizerFast,
    SiglipImageProcessor,
    SiglipVisionConfig,
    SiglipVisionModel,
    T5Config,
    T5EncoderModel,
    UMT5Config,
    UMT5EncoderModel,
)


def tokenizer() -> PreTrainedTokenizerFast:
    words = Tokenizer(models.WordLevel(unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    special = ["<pad>", "</s>", "<unk>"]
    words.train_from_iterator(["a red ball rolls left and falls down bad quality"],
                              trainers.WordLevelTrainer(special_tokens=special))  # fmt: skip
    words.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="</s>", unk_token="<unk>")


def t5() -> T5EncoderModel:
    torch.manual_seed(0)
    return T5EncoderModel(T5Config(vocab_size=64, d_model=32, d_kv=8, d_ff=37, num_layers=1, num_heads=4)).eval()


def umt5() -> UMT5EncoderModel:
    torch.manual_seed(0)
    return UMT5EncoderModel(UMT5Config(vocab_size=64, d_model=32, d_kv=8, d_ff=37, num_layers=1, num_heads=4)).eval()


def clip(width: int = 4, side: int = 32, patch: int = 4) -> dict[str, Any]:
    """An image encoder and its preprocessor."""
    torch.manual_seed(0)
    config = CLIPVisionConfig(hidden_size=width, projection_dim=width, num_hidden_layers=2, num_attention_heads=2,
                              image_size=side, intermediate_size=16, patch_size=patch)  # fmt: skip
    size = {"height": side, "width": side}
    return {
        "image_encoder": CLIPVisionModelWithProjection(config).eval(),
        "processor": CLIPImageProcessor(crop_size=size, size={"shortest_edge": side}),
    }


def siglip(width: int, side: int = 16) -> dict[str, Any]:
    """Another image encoder and its preprocessor."""
    torch.manual_seed(0)
    config = SiglipVisionConfig(hidden_size=width, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
                                image_size=side, patch_size=8)  # fmt: skip
    processor = SiglipImageProcessor(size={"height": side, "width": side})
    return {"image_encoder": SiglipVisionModel(config).eval(), "feature_extractor": processor}


def wan_vae() -> AutoencoderKLWan:
    torch.manual_seed(0)
    return AutoencoderKLWan(base_dim=3, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1,
                            temperal_downsample=[False, True, True]).eval()  # fmt: skip


def alive(network: torch.nn.Module) -> Any:
    """Zero-initialised layers made random: they would hide most mistakes."""
    noise = torch.Generator().manual_seed(1)
    for p in network.parameters():
        if p.ndim >= 2 and p.abs().max() == 0:
            p.data = torch.randn(p.shape, generator=noise) * 0.05
    return network.eval()


def flow(**options: Any) -> FlowMatchEulerDiscreteScheduler:
    return FlowMatchEulerDiscreteScheduler(**options)


def unipc(shift: float, **options: Any) -> UniPCMultistepScheduler:
    return UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=shift, **options)


def normal(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def film(frames: int, side: int, seed: int = 0) -> np.ndarray:
    """Conditioning frames, uint8 [T, side, side, 3]."""
    return np.random.default_rng(seed).integers(0, 255, (frames, side, side, 3), dtype=np.uint8)
