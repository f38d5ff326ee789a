"""Training of the tiny VideoMAE, the verifier the tiny V-JEPA 2 is compared with (arXiv 2203.12602, 2502.11831).

Every step hides the later tubelets of its clips, which is what the reward asks of it; so it has the conditions that the
predictor of the world model has: the same kind of clips, half of them through the codec, and as many weights.
"""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import VideoMAEForPreTraining

from ..codec import TinyPatchCodec
from ..models import masked_autoencoder
from .loop import Faster, Terms, TrainingRecipe, fit, plain
from .worldmodel import PER_TUBELET, TUBELETS, windows

PAST = (4, 3, 4, 5, 4)  # tubelets that are given, by step; the reward gives 4
SHARPNESS = 2.0  # of the initial attention


def train(
    recipe: TrainingRecipe, folder: Path, device: torch.device, codec: TinyPatchCodec, faster: Faster = plain
) -> VideoMAEForPreTraining:
    """Train the tiny VideoMAE.

    Args:
        recipe: The settings of the run.
        folder: Where the checkpoint is.
        device: Where to train.
        codec: The trained codec.
        faster: torch.compile, or the identity.

    Returns:
        The moving average of the model, frozen.
    """
    torch.manual_seed(recipe.seed)
    model, codec = masked_autoencoder().to(device), codec.to(device)
    look_back(model)
    forward = faster(model)

    def loss(model: VideoMAEForPreTraining, average: VideoMAEForPreTraining, step: int) -> Terms:
        video = windows(codec, recipe, step, device)
        hidden = _after(PAST[step % len(PAST)]).to(device).expand(len(video), -1)
        with torch.autocast(device.type, torch.bfloat16):
            return forward(video, bool_masked_pos=hidden).loss, {}

    return fit("videomae", model, loss, recipe, folder).eval().requires_grad_(False)


@torch.no_grad()
def look_back(model: VideoMAEForPreTraining) -> None:
    """Add to the initial queries and keys what lets head h find the same place h + 1 tubelets earlier.

    VideoMAE numbers its tokens in one row and adds fixed sines and cosines of the number, so that a step in time turns
    each pair of them by a known angle. Left to itself the tiny network had not found this in any trial (up to 950
    steps) and predicted the background with a blur; V-JEPA 2 has rotary positions in every layer. (Structured initial
    attention: Trockman & Kolter 2023, arXiv 2305.09828.)
    """
    for layer in (*model.videomae.encoder.layer, *model.decoder.decoder_layers):
        attention = layer.attention.attention
        size, width = attention.attention_head_size, attention.query.in_features
        frequency = 10000 ** (-2 * torch.arange(size // 2) / width)
        for h in range(attention.num_attention_heads):
            angle = frequency * PER_TUBELET * (h + 1)
            turns = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], -1).view(-1, 2, 2)
            rows = slice(h * size, (h + 1) * size)
            attention.query.weight[rows, :size] += SHARPNESS * torch.block_diag(*turns).to(  # type: ignore[no-untyped-call]
                attention.query.weight
            )
            attention.key.weight[rows, :size] += SHARPNESS * torch.eye(size).to(attention.key.weight)


def _after(past: int) -> torch.Tensor:
    """All patches after the first `past` tubelets hidden, [1, tokens]."""
    return (torch.arange(TUBELETS * PER_TUBELET) >= past * PER_TUBELET)[None]
