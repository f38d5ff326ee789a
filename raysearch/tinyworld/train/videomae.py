"""Training of the tiny VideoMAE, the verifier the tiny V-JEPA 2 is compared with (arXiv 2203.12602, 2502.11831).

Half of the steps hide random tubes, as VideoMAE does, half the later tubelets of the clip, which is what the reward
asks of it. As for the world model, half of the clips pass through the codec.
"""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import VideoMAEForPreTraining

from ..codec import TinyPatchCodec
from ..models import GRID, masked_autoencoder
from .data import noise
from .loop import Recipe, fit
from .worldmodel import TUBELETS, windows

HIDDEN = 0.75  # share of the tubes that are hidden


def train(recipe: Recipe, folder: Path, device: torch.device, codec: TinyPatchCodec) -> VideoMAEForPreTraining:
    """The trained model, ready to be used; checkpoints in `folder`."""
    torch.manual_seed(recipe.seed)
    model, codec = masked_autoencoder().to(device), codec.to(device)

    def loss(model: VideoMAEForPreTraining, average: VideoMAEForPreTraining, step: int):
        video = windows(codec, recipe, step, device)
        hidden = _tubes(noise(recipe.seed, step, torch.device("cpu"))) if step % 2 else _future(3 + step // 2 % 3)
        hidden = hidden.to(device).expand(len(video), -1)
        guess = model(video, bool_masked_pos=hidden)
        return guess.loss, {"future" if step % 2 == 0 else "tubes": guess.loss.item()}

    return fit("videomae", model, loss, recipe, folder).eval().requires_grad_(False)


def _tubes(g: torch.Generator) -> torch.Tensor:
    """The same random patches hidden in every tubelet, [1, tokens]."""
    order = torch.rand(GRID * GRID, generator=g).argsort()
    return (order < round(HIDDEN * GRID * GRID)).repeat(TUBELETS)[None]


def _future(past: int) -> torch.Tensor:
    """All patches after the first `past` tubelets hidden, [1, tokens]."""
    return (torch.arange(TUBELETS * GRID * GRID) >= past * GRID * GRID)[None]
