"""Distillation of the tiny generator to a few steps: rectified flow on what the teacher makes of each noise.

The teacher carries noise to a video along its ODE; the student learns the straight line between the two (Liu et al.
2022, arXiv 2209.03003; InstaFlow, 2309.06380). Half of the lines begin in a finished video that was noised anew up to
sigma = `RENOISED`, so that kernels which add noise meet what the student knows. Lines are made first and kept on disk,
since each is used several times. Noise and order are addressed by step, as in every other part of the training.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from raysearch import storage

from ..codec import TinyPatchCodec
from ..heldout import FRAMES
from .data import clips, noise
from .generator import embeddings, given_tokens, to_tokens, token_coordinates
from .loop import Faster, Terms, TrainingRecipe, fit, plain

TEACHER = (1.0, 0.8824, 0.75, 0.6, 0.4286, 0.2308, 0.0)  # 6 steps of shift 1.5: as good as 12 of them
LEVELS = (1.0, 0.9, 0.75, 0.5)  # where the student is trained: 1, 2 and 4 steps of shift 3
SHARES = (0.4, 0.1, 0.35, 0.15)
RENOISED = 0.75
BATCHES = 48  # of lines that are made


class Denoiser:
    """A network with all that it is told beside the noisy tokens."""

    def __init__(self, network: torch.nn.Module, batch: int, device: torch.device, faster: Faster = plain):
        self.forward, self.given = faster(network), given_tokens(device)
        self.texts, self.coordinates = embeddings(device), token_coordinates(batch, device)
        self.names = list(self.texts)

    def velocity(self, x: torch.Tensor, sigma: torch.Tensor, prompts: torch.Tensor) -> torch.Tensor:
        """noise - x0 as the network predicts it, [B, tokens, channels]; sigma [B, 1], prompts as numbers [B]."""
        texts = [self.texts[self.names[p]] for p in prompts.tolist()]
        v: torch.Tensor = self.forward(
            hidden_states=x,
            encoder_hidden_states=torch.cat([t[0] for t in texts]),
            encoder_attention_mask=torch.cat([t[1] for t in texts]),
            timestep=sigma * 1000 * ~self.given,
            video_coords=self.coordinates,
            return_dict=False,
        )[0]
        return v

    @torch.no_grad()
    def finish(self, x: torch.Tensor, first: float, prompts: torch.Tensor) -> torch.Tensor:
        """The video tokens to which Euler steps along `TEACHER` lead from x at the level `first`."""
        levels = TEACHER[TEACHER.index(first) :]
        for now, then in pairwise(levels):
            v = self.velocity(x, torch.full((len(x), 1), now, device=x.device), prompts)
            x = torch.where(self.given[..., None], x, x + (then - now) * v)
        return x


def make_lines(
    teacher: torch.nn.Module, codec: TinyPatchCodec, recipe: TrainingRecipe, folder: Path, device: torch.device,
    faster: Faster = plain, batches: int = BATCHES,
) -> None:  # fmt: skip
    """Let the teacher make the ends of all lines, one file per batch; goes on where it was stopped.

    Args:
        teacher: The trained network.
        codec: The trained codec.
        recipe: Its seed and its batch say which lines.
        folder: Where `lines/NUMBER.safetensors` are written.
        device: Where to compute.
        faster: torch.compile, or the identity.
        batches: How many files.
    """
    denoiser, codec = Denoiser(teacher.to(device).eval(), recipe.batch, device, faster), codec.to(device)
    for k in range(batches):
        path = folder / "lines" / f"{k:04d}.safetensors"
        if path.exists():
            continue
        video, texts = clips(recipe.seed, k, recipe.batch, FRAMES)
        prompts = torch.tensor([denoiser.names.index(t) for t in texts])
        clean, g = to_tokens(codec, video.to(device)), noise(recipe.seed, k, device)
        e, again = (torch.randn(clean.shape, generator=g, device=device) for _ in range(2))
        fresh = denoiser.finish(torch.where(denoiser.given[..., None], clean, e), 1.0, prompts)
        x = torch.where(denoiser.given[..., None], clean, (1 - RENOISED) * fresh + RENOISED * again)
        anew = denoiser.finish(x, RENOISED, prompts)
        other = (x - (1 - RENOISED) * anew) / RENOISED  # where the line through x begins
        ends = {"noise": torch.stack([e, other]), "video": torch.stack([fresh, anew]), "prompts": prompts}
        path.parent.mkdir(parents=True, exist_ok=True)
        with storage.making(path) as temporary:
            save_file({name: t.cpu().contiguous() for name, t in ends.items()}, temporary)
        print(f"lines {k + 1}/{batches}", flush=True)


def train(
    recipe: TrainingRecipe, folder: Path, device: torch.device, teacher: torch.nn.Module, faster: Faster = plain
) -> torch.nn.Module:
    """Train the student, which starts as the teacher, on the lines in `folder`.

    Args:
        recipe: The settings of the training.
        folder: Where the lines and the checkpoint `fast.safetensors` are.
        device: Where to train.
        teacher: The trained network; it is changed in place.
        faster: torch.compile, or the identity.

    Returns:
        The moving average of the network, frozen.
    """
    files = sorted((folder / "lines").glob("*.safetensors"))
    network = teacher.to(device).requires_grad_(True)
    denoiser = Denoiser(network, recipe.batch, device, faster)
    free = ~denoiser.given[0]
    levels, shares = torch.tensor(LEVELS, device=device), torch.tensor(SHARES, device=device)

    def loss(model: torch.nn.Module, average: torch.nn.Module, step: int) -> Terms:
        g = noise(recipe.seed, step, device)
        lines = load_file(files[_place(recipe.seed, step, len(files))], str(device))
        sigma = levels[torch.multinomial(shares, recipe.batch, True, generator=g)][:, None]
        anew = (torch.rand(recipe.batch, 1, generator=g, device=device) < 0.5) & (sigma <= RENOISED)
        x0, e = (torch.where(anew[..., None], lines[end][1], lines[end][0]) for end in ("video", "noise"))
        x = torch.where(denoiser.given[..., None], x0, (1 - sigma[..., None]) * x0 + sigma[..., None] * e)
        wrong = (denoiser.velocity(x, sigma, lines["prompts"]) - (e - x0)).square()[:, free].mean((1, 2))
        whole = wrong[sigma[:, 0] == 1].detach()
        return wrong.mean(), {"from noise": float(whole.mean()) if len(whole) else 0.0}

    return fit("fast", network, loss, recipe, folder, save_every=50).requires_grad_(False)


def _place(seed: int, step: int, files: int) -> int:
    """Which file a step uses: all of them in every round, each time in another order."""
    order = torch.randperm(files, generator=noise(seed, step // files, torch.device("cpu")))
    return int(order[step % files])
