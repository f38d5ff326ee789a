"""Tiny vision-language models of the real classes, random, with a tokenizer trained here, in a folder as on the hub."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)

from raysearch.rewards.vlm.questions import QUESTIONS
from raysearch.rewards.vlm.reward import ANSWERS, END, PAD, START

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", START, END, "<|image_pad|>", PAD]
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{% for part in message.content %}"
    "{% if part.type == 'video' %}" + START + PAD + END + "{% else %}{{ part.text }}{% endif %}{% endfor %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TEXT = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 4096,
}  # fmt: skip


def tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE, as Qwen's, with every answer as one token, once with a space before it."""
    words = [w for _, *each in ANSWERS.values() for w in each]
    corpus = [*QUESTIONS.values(), "a ball falls", *(f"{w} {w.capitalize()} {w}" for w in words for _ in range(20))]
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        corpus, trainers.BpeTrainer(vocab_size=500, special_tokens=SPECIAL, initial_alphabet=alphabet)
    )
    fast = PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    fast.chat_template = TEMPLATE
    return fast


def write(family: str, folder: Path) -> Path:
    """`qwen2_5_vl` or `qwen3_vl`, saved by save_pretrained."""
    torch.manual_seed(0)
    tok = tokenizer()
    ids = dict(zip(("vision_start_token_id", "vision_end_token_id", "image_token_id", "video_token_id"),
                   tok.convert_tokens_to_ids(SPECIAL[3:]), strict=True))  # fmt: skip
    text = {**TEXT, "vocab_size": len(tok)}
    if family == "qwen2_5_vl":
        text["rope_parameters"] = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [1, 1, 2]}
        vision = {"depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "patch_size": 8,
                  "out_hidden_size": 32, "window_size": 32, "fullatt_block_indexes": [1]}  # fmt: skip
        model = Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(text_config=text, vision_config=vision, **ids))
    else:
        text |= {"head_dim": 8}
        text["rope_parameters"] = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 1, 1],
                                   "mrope_interleaved": True}  # fmt: skip
        vision = {"depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "patch_size": 8,
                  "out_hidden_size": 32, "num_position_embeddings": 16, "deepstack_visual_indexes": [0]}  # fmt: skip
        model = Qwen3VLForConditionalGeneration(Qwen3VLConfig(text_config=text, vision_config=vision, **ids))
    for parameter in model.parameters():  # the default initialisation answers nearly alike to everything
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.15)
    model.save_pretrained(folder)
    tok.save_pretrained(folder)
    return folder
