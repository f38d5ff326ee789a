"""Training of the generator: flow matching on codec latents, conditioned on the first frames and a prompt.

Everything follows what LTXConditionPipeline does when it samples: given tokens are clean and carry time 0, the network
predicts noise - x0, coordinates and text come from the pipeline's own functions.
"""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import LTXConditionPipeline
from torch.nn.attention import SDPBackend, sdpa_kernel

from ..codec import TinyPatchCodec
from ..heldout import FRAMES
from ..models import (
    CONDITION_LATENTS,
    FRAME_RATE,
    GRID,
    LATENT_FRAMES,
    TEXT_TOKENS,
    text_encoder,
    tokenizer,
    transformer,
)  # fmt: skip
from ..physics import PROMPTS
from .checkpoints import averaged
from .data import clips, noise
from .loop import Faster, Terms, TrainingRecipe, fit, plain

SIGMA_MEAN, SIGMA_SPREAD = 0.6, 1.2  # logit-normal, leaning to high noise: there it is decided where the ball goes
DROP_PROMPT = 0.1  # classifier-free guidance needs the empty prompt


def train(
    recipe: TrainingRecipe,
    folder: Path,
    device: torch.device,
    codec: TinyPatchCodec,
    faster: Faster = plain,
    cycle: int = 1,
) -> torch.nn.Module:
    """Train the network of the generator for one cosine cycle.

    Args:
        recipe: The settings of the cycle.
        folder: Where the checkpoints are.
        device: Where to train.
        codec: The trained codec.
        faster: torch.compile, or the identity.
        cycle: Number of the cycle; every cycle but the first starts from the result of the one before.

    Returns:
        The moving average of the network, frozen.
    """
    torch.manual_seed(recipe.seed)
    network: torch.nn.Module = transformer().to(device)
    if cycle > 1:
        network.load_state_dict(averaged(folder / f"generator-{cycle - 1}.safetensors", transformer()).state_dict())
    codec = codec.to(device)
    given = given_tokens(device)
    texts, coordinates, forward = embeddings(device), token_coordinates(recipe.batch, device), faster(network)

    def loss(model: torch.nn.Module, average: torch.nn.Module, step: int) -> Terms:
        video, prompts = clips(recipe.seed, step, recipe.batch, FRAMES)
        g = noise(recipe.seed, step, device)
        dropped = torch.rand(recipe.batch, generator=g, device=device) < DROP_PROMPT
        names = ["" if d else p for p, d in zip(prompts, dropped.tolist(), strict=True)]
        x0 = to_tokens(codec, video.to(device))
        e = torch.randn(x0.shape, generator=g, device=device)
        sigma = (SIGMA_MEAN + SIGMA_SPREAD * torch.randn(len(x0), 1, generator=g, device=device)).sigmoid()
        x = torch.where(given[..., None], x0, (1 - sigma[..., None]) * x0 + sigma[..., None] * e)
        with sdpa_kernel(SDPBackend.MATH), torch.autocast(device.type, torch.bfloat16):
            v = forward(
                hidden_states=x,
                encoder_hidden_states=torch.cat([texts[n][0] for n in names]),
                encoder_attention_mask=torch.cat([texts[n][1] for n in names]),
                timestep=sigma * 1000 * ~given,
                video_coords=coordinates,
                return_dict=False,
            )[0]
        return (v.float() - (e - x0)).square()[:, ~given[0]].mean(), {}

    return fit(f"generator-{cycle}", network, loss, recipe, folder).requires_grad_(False)


def given_tokens(device: torch.device) -> torch.Tensor:
    """Which tokens of a video the generator is given, bool [1, tokens]."""
    return (torch.arange(LATENT_FRAMES * GRID**2, device=device) < CONDITION_LATENTS * GRID**2)[None]


@torch.no_grad()
def to_tokens(codec: TinyPatchCodec, video: torch.Tensor) -> torch.Tensor:
    """Videos [B, 3, frames, H, W] as the packed, normalised latents the network sees."""
    z = codec.encode(video).latent_dist.mode() / codec.latents_std.view(1, -1, 1, 1, 1)
    tokens: torch.Tensor = LTXConditionPipeline._pack_latents(z)
    return tokens


@torch.no_grad()
def embeddings(device: torch.device) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Embedding and attention mask of every prompt there is."""
    tokens, encoder, texts = tokenizer(), text_encoder(), {}
    for prompt in ("", *PROMPTS.values()):
        t = tokens([prompt], padding="max_length", max_length=TEXT_TOKENS, truncation=True, return_tensors="pt")
        mask = t.attention_mask.bool()
        texts[prompt] = encoder(t.input_ids, attention_mask=mask)[0].to(device), mask.to(device)
    return texts


def token_coordinates(batch: int, device: torch.device) -> torch.Tensor:
    """Where the tokens of a video lie in time and space, as the pipeline tells its network."""
    ids = LTXConditionPipeline._prepare_video_ids(batch, LATENT_FRAMES, GRID, GRID)
    coordinates: torch.Tensor = LTXConditionPipeline._scale_video_ids(ids, 8, 2).float()
    coordinates[:, 0] /= FRAME_RATE
    return coordinates.to(device)
