"""`python -m raysearch.generators.train_preview`: train the tiny decoder that the tiny generator's previews use.

It learns what the generator's own autoencoder makes of the same latents, clean ones and such as a network predicts
early on, for which noise stands in. A run that was stopped goes on where its last checkpoint left it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch.nn.functional import pixel_shuffle

from raysearch import pretrained
from raysearch.generators import tiny_decoder
from raysearch.generators.tiny_decoder import Layout, Remembering, TinyDecoder
from raysearch.tinyworld import weights
from raysearch.tinyworld.codec import TinyPatchCodec
from raysearch.tinyworld.heldout import FRAMES
from raysearch.tinyworld.train.data import clips, noise
from raysearch.tinyworld.train.loop import Terms, TrainingRecipe, fit

LAYOUT = Layout(96, (32, 16, 8, 8), (1, 1, 2))
RECIPE = TrainingRecipe(steps=400, batch=12, lr=4e-3, seed=8, warmup=20, ema=0.98)
BLUR = 0.6  # the most noise that is added to latents, in their own standard deviations
HELD_OUT = 1 << 20  # a step that no training has


def train(recipe: TrainingRecipe, folder: Path) -> TinyDecoder:
    """Train a decoder; its checkpoint is `folder/preview.safetensors`. Returns the moving average, frozen."""
    torch.manual_seed(recipe.seed)
    codec = _codec()

    def loss(model: TinyDecoder, average: TinyDecoder, step: int) -> Terms:
        z, video = _pairs(codec, recipe.seed, step, recipe.batch)
        return (unclamped(model, z) - video).square().mean(), {}

    return fit("preview", TinyDecoder(LAYOUT), loss, recipe, folder, save_every=50).eval().requires_grad_(False)


@torch.no_grad()
def psnr(decoder: TinyDecoder, count: int = 32) -> float:
    """Of its frames against the autoencoder's, on clean latents of clips that no training has, in dB."""
    z, video = _pairs(_codec(), RECIPE.seed, HELD_OUT, count, 0.0)
    wrong = torch.stack([(decoder(a) - b).square().mean() for a, b in zip(z, video, strict=True)]).mean()
    return float(-10 * wrong.log10())


def unclamped(model: TinyDecoder, z_BFCHW: torch.Tensor) -> torch.Tensor:
    """The frames [B, T, 3, H, W] of several videos, not cut to [0, 1], so that every pixel has a gradient."""
    batch, x = len(z_BFCHW), z_BFCHW.flatten(0, 1)
    for block in model.decoder:
        if isinstance(block, Remembering):
            frames = x.unflatten(0, (batch, -1))
            past = torch.cat([torch.zeros_like(frames[:, :1]), frames[:, :-1]], 1).flatten(0, 1)
            x = block(x, past)
        else:
            x = block(x)
    pixels: torch.Tensor = pixel_shuffle(x, model.layout.patch).unflatten(0, (batch, -1))
    return pixels[:, model.layout.time - 1 :]


def _codec() -> TinyPatchCodec:
    codec: TinyPatchCodec = pretrained.network(
        TinyPatchCodec, str(weights("generator")), "the shipped generator", "vae"
    )
    return codec.eval().requires_grad_(False)


@torch.no_grad()
def _pairs(
    codec: TinyPatchCodec, seed: int, step: int, batch: int, blur: float = BLUR
) -> tuple[torch.Tensor, torch.Tensor]:
    """Latents as the network makes them [B, F, C, h, w], and the frames of the autoencoder [B, T, 3, H, W]."""
    video, _ = clips(seed, step, batch, FRAMES)
    scale, g = codec.latents_std.view(1, -1, 1, 1, 1), noise(seed, step, torch.device("cpu"))
    z = codec.encode(video).latent_dist.mode() / scale
    strength = blur * torch.rand(batch, 1, 1, 1, 1, generator=g) ** 2
    z = z + strength * z.std() * torch.randn(z.shape, generator=g)
    frames = codec.decode(z * scale).sample / 2 + 0.5
    return z.transpose(1, 2), frames.clamp(0, 1).transpose(1, 2)


def main() -> None:
    """Train, and write the decoder as `generator.preview` reads it."""
    parser = argparse.ArgumentParser(prog="python -m raysearch.generators.train_preview", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("checkpoints"), help="folder (default: %(default)s)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    decoder = train(RECIPE, args.out)
    tiny_decoder.save(decoder, args.out / "decoder.safetensors", {"steps": RECIPE.steps, "batch": RECIPE.batch})
    print(f"decoder: {psnr(decoder):.1f} dB from the autoencoder's frames; saved in {args.out / 'decoder.safetensors'}")


if __name__ == "__main__":
    main()
