"""Training of the tiny V-JEPA 2, in two stages; a hybrid, not the plain V-JEPA recipe, which collapses at this size.

1. Encoder: predict the moving-average encoder's features of the future from the past (joint embedding prediction), plus
   a linear head that reconstructs every context token's own pixels, which keeps features from collapsing. Afterwards
   the features are standardised, and the standardisation is folded into the encoder's last layer norm.
2. Predictor: a new one on the frozen encoder, from contexts of 6 to 12 frames to the rest of the window.

Half of the clips pass through the codec with a little latent noise, so that its artefacts are no surprise.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from transformers import VJEPA2Model
from transformers.image_utils import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD

from ..codec import TinyPatchCodec
from ..heldout import FRAMES
from ..models import world_model
from .data import clips, noise
from .loop import Terms, TrainingRecipe, fit

WINDOW, TUBELETS, PER_TUBELET = 16, 8, 16  # frames, tubelets in them, tokens in a tubelet
PIXEL_CHANNELS = 48  # how many PCA coefficients of a patch the auxiliary head reconstructs


def train_encoder(recipe: TrainingRecipe, folder: Path, device: torch.device, codec: TinyPatchCodec) -> VJEPA2Model:
    """Stage 1. Returns a VJEPA2Model with a standardised encoder and an untrained predictor."""
    torch.manual_seed(recipe.seed)
    model, codec = world_model().to(device), codec.to(device)
    parts = nn.ModuleDict({
        "encoder": model.encoder, "predictor": model.predictor, "head": nn.Linear(128, PIXEL_CHANNELS).to(device),
    })  # fmt: skip

    def loss(parts: nn.ModuleDict, average: nn.ModuleDict, step: int) -> Terms:
        video = windows(codec, recipe, step, device)
        past = (1, 2, 3, 4, 4, 5)[step % 6]
        with torch.autocast(device.type, torch.bfloat16):
            with torch.no_grad():
                z = average["encoder"](video).last_hidden_state.float()
                z = F.batch_norm(z.flatten(0, 1), None, None, training=True, eps=1e-4).view_as(z)
            context = parts["encoder"](video[:, : 2 * past]).last_hidden_state
            guess, pixels = _future(parts["predictor"], context, past), parts["head"](context)
        ahead = F.smooth_l1_loss(guess.float(), z[:, past * PER_TUBELET :], beta=0.5)
        own = F.mse_loss(pixels.float(), _pixels(codec, video[:, : 2 * past]))
        return ahead + own, {"ahead": ahead.item(), "pixels": own.item()}

    average = fit("encoder", parts, loss, recipe, folder)
    assert isinstance(average, nn.ModuleDict)
    model.encoder.load_state_dict(average["encoder"].state_dict())
    standardise(model, recipe, codec, device)
    return model


def train_predictor(
    recipe: TrainingRecipe,
    folder: Path,
    device: torch.device,
    codec: TinyPatchCodec,
    model: VJEPA2Model,
    cycle: int = 1,
) -> VJEPA2Model:
    """Stage 2: a new predictor on the encoder of `model`; every cycle but the first goes on with the one it has."""
    torch.manual_seed(recipe.seed)
    codec, encoder = codec.to(device), model.encoder.to(device).eval().requires_grad_(False)
    predictor = (model if cycle > 1 else world_model()).predictor.to(device).train().requires_grad_(True)
    two_balls, meeting = ((0.4, 0.0), (0.7, 0.0), (0.3, 0.6))[min(cycle, 3) - 1]  # collisions are learnt last

    def loss(predictor: nn.Module, average: nn.Module, step: int) -> Terms:
        video = windows(codec, recipe, step, device, two_balls, meeting)
        past = (3, 4, 5, 4, 6, 5)[step % 6]
        with torch.autocast(device.type, torch.bfloat16):
            with torch.no_grad():
                z = encoder(video).last_hidden_state.float()[:, past * PER_TUBELET :]
                context = encoder(video[:, : 2 * past]).last_hidden_state
            guess = _future(predictor, context, past).float()
        report = {"cosine": F.cosine_similarity(guess.detach(), z, dim=-1).mean().item()}
        return F.smooth_l1_loss(guess, z, beta=0.5), report

    model.predictor.load_state_dict(fit(f"predictor-{cycle}", predictor, loss, recipe, folder).state_dict())
    return model.eval().requires_grad_(False)


def windows(
    codec: TinyPatchCodec,
    recipe: TrainingRecipe,
    step: int,
    device: torch.device,
    two_balls: float = 0.4,
    meeting: float = 0.0,
) -> torch.Tensor:
    """Clips [B, 16, 3, H, W] in V-JEPA's order of axes and its normalisation, half of them through the codec."""
    video = clips(recipe.seed, step, recipe.batch, FRAMES, two_balls, meeting)[0].to(device)
    g = noise(recipe.seed, step, device)
    half = recipe.batch // 2
    with torch.no_grad():
        z = codec.encode(video[:half]).latent_dist.mode()
        strength = 0.15 * torch.rand(half, 1, 1, 1, 1, generator=g, device=device)
        z = z + strength * codec.latents_std.view(1, -1, 1, 1, 1) * torch.randn(z.shape, generator=g, device=device)
        video = torch.cat([codec.decode(z).sample.clamp(-1, 1), video[half:]])
    start = step % 2
    return normalise(video[:, :, start : start + WINDOW].transpose(1, 2))


def normalise(video: torch.Tensor) -> torch.Tensor:
    """[B, T, 3, H, W] in [-1, 1] to ImageNet's mean and deviation, which every V-JEPA 2 checkpoint expects."""
    mean, std = (
        torch.tensor(c, device=video.device).view(3, 1, 1) for c in (IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD)
    )
    return ((video + 1) / 2 - mean) / std


@torch.no_grad()
def standardise(model: VJEPA2Model, recipe: TrainingRecipe, codec: TinyPatchCodec, device: torch.device) -> None:
    """Give every feature mean 0 and variance 1 over held-out clips, folded into the encoder's last layer norm."""
    steps = range(1 << 24, (1 << 24) + 16)
    z = torch.cat([model.encoder(windows(codec, recipe, s, device)).last_hidden_state.flatten(0, 1) for s in steps])
    mean, std, norm = z.mean(0), z.std(0).clamp(min=1e-3), model.encoder.layernorm
    norm.weight.div_(std)
    norm.bias.sub_(mean).div_(std)


def _future(predictor: nn.Module, context: torch.Tensor, past: int) -> torch.Tensor:
    """The predictor's features of all tokens after the first `past` tubelets, through its ordinary forward."""
    B, n, device = len(context), past * PER_TUBELET, context.device
    known = torch.arange(n, device=device).expand(B, -1)
    asked = torch.arange(n, TUBELETS * PER_TUBELET, device=device).expand(B, -1)
    features: torch.Tensor = predictor(context, [known], [asked]).last_hidden_state
    return features


@torch.no_grad()
def _pixels(codec: TinyPatchCodec, video_BTCHW: torch.Tensor) -> torch.Tensor:
    """Each token's own patch as scaled PCA coefficients [B, tokens, PIXEL_CHANNELS]."""
    B, T, C, H, W = video_BTCHW.shape
    p = codec.config.patch_size
    patches = video_BTCHW.reshape(B, T // 2, 2, C, H // p, p, W // p, p).permute(0, 1, 4, 6, 2, 3, 5, 7).flatten(4)
    z: torch.Tensor = patches.flatten(1, 3) @ codec.decoder.weight[:, :PIXEL_CHANNELS]
    z = (z - z.mean((0, 1))) / codec.latents_std[:PIXEL_CHANNELS]
    return z / z.std()
