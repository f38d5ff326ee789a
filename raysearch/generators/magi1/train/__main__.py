"""`python -m raysearch.generators.magi1.train {vae,network,export}`; see --help."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from raysearch.generators.magi1.train import autoencoder, flow, sizes
from raysearch.tinyworld.train.checkpoints import averaged
from raysearch.tinyworld.train.loop import TrainingRecipe

VAE = TrainingRecipe(steps=500, batch=24, lr=1.5e-3, seed=7, warmup=60, weight_decay=1e-3, ema=0.99)
CYCLES = (  # of the network, each from where the one before ended
    TrainingRecipe(steps=2000, batch=16, lr=2e-3, seed=8, warmup=80, ema=0.995),
    TrainingRecipe(steps=5000, batch=16, lr=1.6e-3, seed=9, warmup=80, ema=0.997),
)


def main() -> None:
    """Train or export the part that the command line names."""
    args = _arguments()
    torch.set_num_threads(args.threads)
    faster = (lambda f: torch.compile(f, dynamic=False)) if args.compile else (lambda f: f)

    def adjusted(recipe: TrainingRecipe) -> TrainingRecipe:
        given = {"steps": args.steps, "seed": args.seed}
        return replace(recipe, **{k: v for k, v in given.items() if v is not None})

    if args.part == "vae":
        vae = autoencoder.train(adjusted(VAE), args.out, faster)
        print(f"autoencoder: {autoencoder.psnr(vae):.1f} dB on held-out clips", flush=True)
        return
    checkpoint, command = args.out / "magi-vae.safetensors", "python -m raysearch.generators.magi1.train"
    vae = autoencoder.finished(averaged(checkpoint, sizes.autoencoder(), command=f"{command} vae"), VAE.seed)
    for cycle, recipe in enumerate(CYCLES[: args.cycles] if args.part == "network" else (), 1):
        flow.train(adjusted(recipe), args.out, vae, faster, cycle)
    latest = max(args.out.glob("magi-?.safetensors"), default=args.out / "magi-1.safetensors")
    folder = sizes.export(vae, averaged(latest, sizes.network(), command=f"{command} network"), args.out / "magi")
    print(f"{latest.name} saved as a checkpoint: generator.model={folder}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m raysearch.generators.magi1.train",
        description="Train the tiny MAGI-1: autoencoder first, then the network. A run that was stopped goes on where "
        "its last checkpoint left it, with the same result.",
    )
    parser.add_argument("part", choices=("vae", "network", "export"), help="what to train, or write the checkpoint")
    parser.add_argument(
        "--out", type=Path, default=Path("checkpoints"), help="folder of checkpoints (default: %(default)s)"
    )
    parser.add_argument("--cycles", type=int, default=len(CYCLES), help="of the network (default: %(default)s)")
    parser.add_argument("--steps", type=int, help="optimiser steps instead of the recipe's")
    parser.add_argument("--seed", type=int, help="seed instead of the recipe's")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: %(default)s)")
    parser.add_argument("--compile", action="store_true", help="torch.compile: faster, needs a C++ compiler")
    return parser.parse_args()


if __name__ == "__main__":
    main()
