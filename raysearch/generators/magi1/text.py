"""The caption of each chunk: the text as T5 v1.1 reads it, behind two learned tokens.

In front of the caption stand how much of the video is still to come (the duration token, another one for each chunk)
and that it is of high quality; the whole is cut to 800 tokens. Without a caption the first 50 tokens of the network's
null caption are used.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from raysearch import pretrained
from raysearch.errors import UsageError
from raysearch.generators.magi1.folder import KEY, Checkpoint
from raysearch.generators.magi1.network import Network, Words
from raysearch.generators.magi1.stages import Stages

LENGTH = 800  # tokens of a caption, padding included
NULL = 50  # tokens that stand for no caption
QUALITY, DURATION, DURATIONS = 1, 7, 8  # places among the special tokens: of quality, of one chunk to come, how many


class TextEncoder:
    """T5. Where it is offloaded it computes on the CPU, for its 19 GB in fp32 leave a GPU of 24 GB no room."""

    def __init__(self, of: Checkpoint, device: torch.device, offload: bool):
        """Load the encoder in fp32, and its tokenizer.

        Raises:
            UsageError: for a folder that cannot be read.
        """
        from transformers import AutoTokenizer, T5EncoderModel

        folder = str(of.text)
        self.tokenizer = pretrained.auto(AutoTokenizer, folder, KEY)
        self.encoder = pretrained.network(T5EncoderModel, folder, KEY, dtype=torch.float32)
        if self.encoder.config.d_model != of.architecture.caption:
            raise UsageError(
                f"{of.where}: the text encoder in {folder} has {self.encoder.config.d_model} channels, but the network "
                f"takes {of.architecture.caption}; fetch ckpt/t5 again"
            )
        self.device = torch.device("cpu") if offload else device
        self.encoder.requires_grad_(False).to(self.device)

    @torch.no_grad()
    def __call__(self, text: str) -> Tensor:
        """The tokens of a caption, fp32 [tokens, channels], without padding."""
        read = self.tokenizer(cleaned(text), max_length=LENGTH, truncation=True, return_tensors="pt")
        ids, mask = read.input_ids.to(self.device), read.attention_mask.to(self.device)
        out: Tensor = self.encoder(ids, attention_mask=mask).last_hidden_state[0].float()
        return out


def cleaned(text: str) -> str:
    """A caption as the published model cleans it, by the same function of DeepFloyd's that diffusers carries."""
    from diffusers import PixArtAlphaPipeline

    # The methods belong to a pipeline but read nothing of it except the other method and a pattern of its class.
    pipe: Any = object.__new__(PixArtAlphaPipeline)
    once: str = PixArtAlphaPipeline._clean_caption(pipe, text)
    twice: str = PixArtAlphaPipeline._clean_caption(pipe, once)
    return twice


def special_tokens(file: Path, of: Checkpoint) -> Tensor:
    """The learned tokens, fp32 [tokens, channels], rounded through fp16 as published.

    Raises:
        UsageError: for a file that cannot be read, or one of another model.
    """
    try:
        with np.load(file, allow_pickle=False) as arrays:
            tokens = torch.from_numpy(arrays["other_tokens"]).half().float()
    except (OSError, ValueError, KeyError):
        raise UsageError(f"{of.where}: {file} holds no other_tokens; fetch special_tokens.npz again") from None
    if tokens.ndim != 2 or len(tokens) < DURATION + DURATIONS or tokens.shape[1] != of.architecture.caption:
        raise UsageError(f"{of.where}: the tokens in {file} have shape {list(tokens.shape)}, which is of another model")
    return tokens


def caption(
    network: Network, tokens: Tensor, special: Tensor | None, stages: Stages, quality: bool, duration: bool
) -> Words:
    """The captions of all chunks as the network reads them.

    Args:
        network: reads them.
        tokens: of the text, [tokens, channels].
        special: the learned tokens; None where neither is used.
        stages: of the video; given chunks have the caption of the first that is made.
        quality: whether the caption says that the video is of high quality.
        duration: whether it says how many chunks are still to come.
    """
    front = [QUALITY] if quality else []
    used = sorted({*front, *(_duration(c, stages) for c in range(stages.chunks) if duration)})
    place = {token: i for i, token in enumerate(used)}
    extra = special[used].to(tokens) if special is not None and used else tokens[:0]
    rows: dict[int, Tensor] = {}
    for c in range(stages.chunks):
        before = [place[t] for t in ([_duration(c, stages)] if duration else []) + front]
        chosen = before + list(range(len(used), len(used) + len(tokens)))
        rows[c] = torch.tensor(chosen[:LENGTH], device=tokens.device)
    return network.read(torch.cat([extra, tokens]), rows)


def null_caption(network: Network, chunks: int) -> Words:
    """What every chunk is given in place of a caption."""
    tokens = network.y_embedder.null_caption_embedding[:NULL]
    rows: Mapping[int, Tensor] = dict.fromkeys(range(chunks), torch.arange(len(tokens), device=tokens.device))
    return network.read(tokens, rows)


def _duration(c: int, stages: Stages) -> int:
    """The special token that says how many chunks come after chunk c."""
    made = max(c - stages.past, 0)
    return DURATION + min(stages.made - 1 - made, DURATIONS - 1)
