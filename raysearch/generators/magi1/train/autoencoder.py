"""Training of the tiny autoencoder, from where principal components already encode and decode.

The first convolution takes the leading components of 4 x 8 x 8 blocks into three quarters of a token; a constant in the
last quarter dominates the final norms, which are then about linear, so the maps behind them undo the components. From
random weights the same number of steps ends 9 dB lower.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from raysearch.generators.magi1.stages import FPS
from raysearch.generators.magi1.train.clips import still, tiles
from raysearch.generators.magi1.train.sizes import LATENT, autoencoder
from raysearch.generators.magi1.vae import SCALE, Vae
from raysearch.tinyworld.physics import SIZE
from raysearch.tinyworld.train.data import noise
from raysearch.tinyworld.train.loop import Faster, Terms, TrainingRecipe, fit, plain

TILE = FPS // 2  # frames
CONSTANT, BRANCH = 4.0, 0.1  # in the last quarter of a token; scale of the branches at the start
STILLS = 8  # of every so many steps one has single frames
KL = 3e-5
SPREAD = -4.0  # log-variance at the start
STATISTICS = 1500  # clips for the principal components
OWN = 0xFFFFFF  # number of the step whose clips these are


def train(recipe: TrainingRecipe, folder: Path, faster: Faster = plain) -> Vae:
    """Train the autoencoder.

    Args:
        recipe: the settings of the run.
        folder: where the checkpoint is.
        faster: torch.compile, or the identity.

    Returns:
        The moving average, frozen, whose scaled latents have unit mean power.
    """
    torch.manual_seed(recipe.seed)
    vae = autoencoder()
    warm(vae, tiles(recipe.seed, OWN, STATISTICS, TILE))
    both = faster(_both)

    def loss(model: Vae, average: Vae, step: int) -> Terms:
        video = tiles(recipe.seed, step, recipe.batch, TILE)
        video = still(video) if step % STILLS == STILLS - 1 else video
        shape = len(video), LATENT, -(-video.shape[2] // 4), SIZE // 8, SIZE // 8
        e = torch.randn(shape, generator=noise(recipe.seed, step, video.device))
        out, mean, log_variance = both(model, video, e)
        error = out - video
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
        squared = error.square().mean()
        return 0.3 * error.abs().mean() + 3 * squared + KL * kl, {"dB": -10 * torch.log10(squared / 4).item()}

    return finished(fit("magi-vae", vae, loss, recipe, folder), recipe.seed)


def finished(vae: Vae, seed: int) -> Vae:
    """The trained autoencoder, frozen, with scaled latents of unit mean power over the clips it began with."""
    return scaled(vae, tiles(seed, OWN, STATISTICS, TILE)).eval().requires_grad_(False)


def _both(vae: Vae, video: Tensor, e: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Clips after both ways, and the mean and log-variance of their latents."""
    mean, log_variance = vae.encoder.posterior(video)
    log_variance = log_variance.clamp(-12, 4)
    return vae.decoder(mean + (0.5 * log_variance).exp() * e), mean, log_variance


@torch.no_grad()
def warm(vae: Vae, video: Tensor) -> None:
    """Set weights to about the codec of the principal components of clips [n, 3, 12, H, W]."""
    mean, variance, basis = components(video)
    d, z, p = vae.shape.width, vae.shape.latent, dict(vae.named_parameters())
    k = d * 3 // 4
    norm = CONSTANT * (1 - k / d) ** 0.5  # what the final norms divide by, about
    for name, weight in p.items():
        if name.endswith(("attn.proj.weight", "mlp.fc2.weight")):
            weight.mul_(BRANCH)
        elif name.endswith(("attn.proj.bias", "mlp.fc2.bias", "proj_in.bias", "decoder.last_layer.bias")):
            weight.zero_()
        elif name.endswith("pos_embed"):
            weight[..., k:] = CONSTANT * torch.tensor([1.0, -1.0]).repeat((d - k) // 2)
    inward, whitened = 0.5 * variance[:k] ** -0.25, variance[:z] ** -0.25
    into = (basis[:, :k] * inward).T
    _only(p["encoder.patch_embed.proj.weight"], into.reshape(k, 3, 4, 8, 8))
    _only(p["encoder.patch_embed.proj.bias"], -into @ mean)
    last = p["encoder.last_layer.weight"]
    last.mul_(BRANCH / 2)[:z] = 0
    last[:z, :z] = torch.diag(whitened / inward[:z] * norm)
    p["encoder.last_layer.bias"].copy_(torch.cat([torch.zeros(z), torch.full((z,), SPREAD)]))
    first = p["decoder.proj_in.weight"].mul_(BRANCH)
    first[:z], first[k:] = torch.eye(z), 0
    out = (basis[:, :z] / whitened * norm).reshape(3, 256, z).transpose(0, 1).flatten(0, 1)
    p["decoder.widen.weight"].zero_()[:, :z] = out
    p["decoder.widen.bias"].copy_(mean.reshape(3, 256).T.flatten())
    p["decoder.last_layer.weight"].mul_(BRANCH / 2)[range(3), range(3), 1, 1, 1] += 1


def _only(parameter: Tensor, first: Tensor) -> None:
    """Set the first rows of a parameter, and the others to zero."""
    parameter.zero_()[: len(first)] = first


def components(video: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean [768], variances and principal components [768, 768] of blocks of 4 x 8 x 8 pixels, largest first."""
    B, C, T, H, W = video.shape
    blocks = video.reshape(B, C, T // 4, 4, H // 8, 8, W // 8, 8).permute(0, 2, 4, 6, 1, 3, 5, 7).reshape(-1, 256 * C)
    mean = blocks.double().mean(0)
    centred = blocks.double() - mean
    variance, basis = torch.linalg.eigh(centred.T @ centred / len(centred))
    return mean.float(), variance.flip(0).clamp(min=1e-7).float(), basis.flip(1).float()


@torch.no_grad()
def scaled(vae: Vae, video: Tensor) -> Vae:
    """The autoencoder with its latents scaled to unit mean power after the factor that all of MAGI-1 takes."""
    power = torch.cat([vae.encoder(part) for part in torch.split(video, 100)]).square().mean().sqrt() * SCALE
    z = vae.shape.latent
    vae.encoder.last_layer.weight[:z] /= power
    vae.encoder.last_layer.bias[:z] /= power
    vae.decoder.proj_in.weight.mul_(power)
    return vae


@torch.no_grad()
def psnr(vae: Vae, n: int = 128, seed: int = 987) -> float:
    """Reconstruction of n held-out tiles, dB with a peak of 2."""
    video = tiles(seed, 0, n, TILE)
    return -10 * torch.log10((vae.decoder(vae.encoder(video)) - video).square().mean() / 4).item()
