"""Training of the codec: PCA of patches in closed form, then a small residual decoder by gradient descent."""

from __future__ import annotations

from pathlib import Path

import torch

from ..codec import TinyPatchCodec, fit_basis, to_patches
from ..heldout import FRAMES
from ..models import CHANNELS
from .data import clips, noise
from .loop import Faster, Terms, TrainingRecipe, fit, plain


def build(seed: int) -> TinyPatchCodec:
    """A codec with its PCA basis set, the residual decoder still the identity."""
    torch.manual_seed(seed)
    codec: TinyPatchCodec = TinyPatchCodec(latent_channels=CHANNELS)
    video = torch.cat([clips(seed, -1 - i & 0xFFFFFF, 100, FRAMES)[0] for i in range(12)])
    patches = to_patches(video, codec.config.patch_size, codec.config.patch_size_t).flatten(0, 3)
    codec.set_basis(*fit_basis(patches, CHANNELS))
    return codec


def train(recipe: TrainingRecipe, folder: Path, device: torch.device, faster: Faster = plain) -> TinyPatchCodec:
    """Train the residual decoder of a codec whose PCA basis is set.

    Args:
        recipe: The settings of the run.
        folder: Where the checkpoint is.
        device: Where to train.
        faster: torch.compile, or the identity.

    Returns:
        The moving average of the codec, frozen.
    """
    codec = build(recipe.seed)
    codec.to(device)
    codec.encoder.requires_grad_(False)
    codec.decoder.requires_grad_(False)
    std = codec.latents_std.view(1, -1, 1, 1, 1)
    decode = faster(lambda z: codec.decode(z).sample)

    def loss(model: TinyPatchCodec, average: TinyPatchCodec, step: int) -> Terms:
        video = clips(recipe.seed, step, recipe.batch, FRAMES)[0].to(device)
        g = noise(recipe.seed, step, device)
        with torch.no_grad():
            z = model.encode(video).latent_dist.mode()
            strength = 0.05 * torch.rand(len(z), 1, 1, 1, 1, generator=g, device=device)
            z = z + strength * std * torch.randn(z.shape, generator=g, device=device)  # latents are never perfect
        error = decode(z) - video
        squared = error.square().mean()
        return 0.7 * error.abs().mean() + 1.5 * squared, {"dB": -10 * torch.log10(squared / 4).item()}

    average: TinyPatchCodec = fit("codec", codec, loss, recipe, folder)
    average.requires_grad_(False)
    return average


@torch.no_grad()
def psnr(codec: TinyPatchCodec, n: int = 200, seed: int = 987) -> float:
    """Reconstruction of n held-out clips, dB with a peak of 2."""
    video = clips(seed, 0, n, FRAMES)[0]
    return -10 * torch.log10((codec(video) - video).square().mean() / 4).item()
