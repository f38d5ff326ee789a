"""`python -m raysearch.tinyworld.train {codec,generator,worldmodel,videomae,export}`; see --help."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from raysearch import pretrained

from .. import weights
from ..codec import TinyPatchCodec
from ..models import CHANNELS, pipeline, transformer
from . import codec, generator, videomae, worldmodel
from .checkpoints import averaged
from .loop import TrainingRecipe

RECIPES = {
    "codec": TrainingRecipe(steps=1500, batch=16, lr=3e-3, weight_decay=1e-4, ema=0.98),
    "encoder": TrainingRecipe(steps=900, batch=32, lr=1e-3, seed=1, weight_decay=0.04, ema=0.99),
    "videomae": TrainingRecipe(steps=5000, batch=16, lr=1.5e-3, seed=6, weight_decay=0.02),
}
# Cosine cycles, each from where the one before ended.
CYCLES = {
    "generator": (
        TrainingRecipe(steps=6000, batch=32, lr=2e-3),
        TrainingRecipe(steps=5000, batch=32, lr=1.6e-3, seed=3),
    ),
    "predictor": (
        TrainingRecipe(steps=2800, batch=32, lr=2e-3, seed=2, weight_decay=0.02, ema=0.995),
        TrainingRecipe(steps=3500, batch=32, lr=1.5e-3, seed=4, weight_decay=0.02, ema=0.997),
        TrainingRecipe(steps=4500, batch=32, lr=1.5e-3, seed=5, weight_decay=0.02, ema=0.998),
    ),
}


def main() -> None:
    """Train or export the part that the command line names."""
    args = _arguments()
    torch.set_num_threads(args.threads)
    device = torch.device(args.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    folder, faster = args.out, (lambda f: torch.compile(f, dynamic=False)) if args.compile else (lambda f: f)

    def adjusted(recipe: TrainingRecipe) -> TrainingRecipe:
        given = {"steps": args.steps, "seed": args.seed}
        return replace(recipe, **{k: v for k, v in given.items() if v is not None})

    if args.part == "codec":
        trained = codec.train(adjusted(RECIPES["codec"]), folder, device, faster)
        print(f"codec: {codec.psnr(trained.cpu()):.1f} dB on held-out clips")
        return
    if args.part == "videomae":
        shipped = pretrained.network(TinyPatchCodec, str(weights("generator")), "the shipped generator", "vae")
        shipped.decode = faster(shipped.decode)
        masked = videomae.train(adjusted(RECIPES["videomae"]), folder, device, shipped, faster)
        masked.cpu().save_pretrained(folder / "videomae")
        print(f"VideoMAE saved in {folder / 'videomae'}")
        return
    vae = averaged(folder / "codec.safetensors", TinyPatchCodec(latent_channels=CHANNELS))
    if args.part == "generator":
        for cycle, recipe in enumerate(CYCLES["generator"], 1):
            generator.train(adjusted(recipe), folder, device, vae, faster, cycle)
    elif args.part == "worldmodel":
        vae.decode = faster(vae.decode)
        model = worldmodel.train_encoder(adjusted(RECIPES["encoder"]), folder, device, vae)
        for cycle, recipe in enumerate(CYCLES["predictor"], 1):
            model = worldmodel.train_predictor(adjusted(recipe), folder, device, vae, model, cycle)
        model.cpu().save_pretrained(folder / "worldmodel")
        print(f"world model saved in {folder / 'worldmodel'}")
    if args.part in ("generator", "export"):
        latest = max(folder.glob("generator-*.safetensors"), key=lambda path: path.stat().st_mtime, default=None)
        network = averaged(latest or folder / "generator-1.safetensors", transformer())
        pipeline(vae.cpu(), network.cpu()).save_pretrained(folder / "pipeline")
        print(f"pipeline saved in {folder / 'pipeline'}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m raysearch.tinyworld.train",
        description="Train the tiny pair: codec first, then generator and world model in any order. A run that was "
        "stopped goes on where its last checkpoint (every 500 steps) left it, with the same result.",
        epilog="videomae uses the shipped codec. One thread per process is fastest; run generator and worldmodel side "
        "by side on two cores.",
    )
    parser.add_argument(
        "part",
        choices=("codec", "generator", "worldmodel", "videomae", "export"),
        help="what to train; export only writes the pipeline of the latest generator checkpoint",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("checkpoints"), help="folder of checkpoints (default: %(default)s)"
    )
    parser.add_argument("--steps", type=int, help="optimiser steps instead of the recipe's")
    parser.add_argument("--seed", type=int, help="seed instead of the recipe's")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: %(default)s)")
    parser.add_argument("--device", help="cpu or cuda (default: cuda if there is one)")
    parser.add_argument(
        "--compile", action="store_true", help="torch.compile: about twice as fast, needs a C++ compiler"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
