"""Builds the tiny pair from configuration alone: a stock LTXConditionPipeline and a stock VJEPA2Model.

Everything here is an ordinary diffusers or transformers class; only sizes are ours.
"""

from __future__ import annotations

import torch
from diffusers import FlowMatchEulerDiscreteScheduler, LTXConditionPipeline, LTXVideoTransformer3DModel
from transformers import (
    PreTrainedTokenizerFast,
    T5Config,
    T5EncoderModel,
    VideoMAEConfig,
    VideoMAEForPreTraining,
    VJEPA2Config,
    VJEPA2Model,
)

from .codec import TinyPatchCodec
from .heldout import FRAMES, GIVEN
from .physics import PROMPTS, SIZE

LATENT_FRAMES, CONDITION_LATENTS = (FRAMES + 1) // 2, (GIVEN + 1) // 2
GRID = SIZE // 8
FRAME_RATE = 25  # the pipeline's default; it scales the time coordinates
TEXT_TOKENS = 4
CHANNELS = 96


def transformer() -> LTXVideoTransformer3DModel:
    """The denoising network of the tiny generator, with random weights."""
    return LTXVideoTransformer3DModel(
        in_channels=CHANNELS,
        out_channels=CHANNELS,
        num_attention_heads=4,
        attention_head_dim=32,
        cross_attention_dim=128,
        num_layers=4,
        caption_channels=32,
    )


def tokenizer() -> PreTrainedTokenizerFast:
    """One token per word of the scene names."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    words = sorted({w for prompt in PROMPTS.values() for w in prompt.split()})
    vocabulary = {w: i for i, w in enumerate(["<pad>", "</s>", "<unk>", *words])}
    t = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    t.pre_tokenizer = pre_tokenizers.Whitespace()
    t.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=t, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=TEXT_TOKENS
    )


def text_encoder() -> T5EncoderModel:
    """Random and frozen: it only has to tell the few prompts apart. The seed is part of the model."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = T5Config(vocab_size=16, d_model=32, d_kv=8, d_ff=32, num_layers=1, num_heads=4)
        return T5EncoderModel(config).eval().requires_grad_(False)


def pipeline(codec: TinyPatchCodec, network: LTXVideoTransformer3DModel) -> LTXConditionPipeline:
    """The tiny generator: a stock pipeline of the given codec and network, both frozen."""
    return LTXConditionPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=codec.eval().requires_grad_(False),
        text_encoder=text_encoder(),
        tokenizer=tokenizer(),
        transformer=network.eval().requires_grad_(False),
    )


def world_model() -> VJEPA2Model:
    """The tiny V-JEPA 2 with random weights: windows of 16 frames of 32 x 32 pixels, 8 tubelets of 16 tokens."""
    config = VJEPA2Config(
        patch_size=8,
        crop_size=SIZE,
        frames_per_clip=16,
        tubelet_size=2,
        hidden_size=128,
        num_attention_heads=2,
        num_hidden_layers=4,
        mlp_ratio=4.0,
        pred_hidden_size=128,
        pred_num_attention_heads=4,
        pred_num_hidden_layers=6,
        pred_num_mask_tokens=2,
        pred_zero_init_mask_tokens=False,
    )
    model = VJEPA2Model(config)
    model.set_attn_implementation("eager")  # faster than sdpa on a CPU at 128 tokens
    return model


def masked_autoencoder() -> VideoMAEForPreTraining:
    """A VideoMAE to compare the world model with: as many tokens, layers and parameters, but in pixels."""
    config = VideoMAEConfig(
        image_size=SIZE,
        patch_size=8,
        num_frames=16,
        tubelet_size=2,
        hidden_size=128,
        num_attention_heads=4,
        num_hidden_layers=4,
        intermediate_size=512,
        decoder_hidden_size=128,
        decoder_num_attention_heads=4,
        decoder_num_hidden_layers=6,
        decoder_intermediate_size=512,
        use_mean_pooling=False,  # so that the encoder ends in a layer norm, as in the published checkpoints
        norm_pix_loss=False,
    )
    model = VideoMAEForPreTraining(config)
    model.set_attn_implementation("eager")  # faster than sdpa on a CPU at 128 tokens
    return model
