"""`python -m benchmarks.guidance_memory`: what a guide takes in memory at the size of real models, with every economy.

Counted tensor by tensor (examples.live_bytes) while decoder and networks run on fake tensors in bf16: no weights, no
GPU. What a GPU takes beside them, such as its context and workspaces, is not in it; nor is the reward (benchmarks.
reward_memory).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from benchmarks.guidance_flops import FRAMES, HEIGHT, WAN, WIDTH, latents, wan
from examples.live_bytes import LiveBytes, unfilled
from raysearch.generators.gradient import economical
from raysearch.sampling.guidance import view

DTYPE, SIDE = torch.bfloat16, 256  # SIDE: of the view that the reward is shown, px
ECONOMIES: dict[str, dict[str, Any]] = {
    "as it is": {},
    "shrink 0.5": {"shrink": 0.5},
    "recompute": {"recompute": True},
    "chunk 2, recompute": {"chunk": 2, "recompute": True},
    "shrink 0.5, chunk 2, recompute": {"shrink": 0.5, "chunk": 2, "recompute": True},
}


def counted(build: Callable[[], nn.Module], run: Callable[[Any], Any]) -> float:
    """GB alive at the most while `run` works with the network, weights included."""
    with torch.device("meta"):
        shell = build().eval()
    with FakeTensorMode(), LiveBytes() as live:
        run(unfilled(shell, DTYPE))
    return live.peak / 1e9


def autoencoder() -> nn.Module:
    import diffusers

    return diffusers.AutoencoderKLWan()


def decoded(vae: Any, grad: bool, **economies: Any) -> None:
    """The frames of x0_hat as a reward sees them; grad: and the backward pass."""
    generator = SimpleNamespace(pipe=SimpleNamespace(vae=vae, vae_scale_factor_temporal=4))
    x0 = latents(1.0).to(DTYPE).requires_grad_(grad)
    with torch.set_grad_enabled(grad), economical(generator, **economies):
        frames = generator.pipe.vae.decode(x0, return_dict=False)[0][0].transpose(0, 1)
        seen = view((frames / 2 + 0.5).clamp(0, 1), SIDE)
    if grad:
        torch.autograd.grad(seen, x0, torch.empty_like(seen))


def denoised(transformer: Any, grad: bool, recompute: bool = False) -> None:
    """One step with classifier-free guidance; grad: and the backward pass to the latents."""
    if recompute:
        transformer.enable_gradient_checkpointing()
    x, text = latents(1.0).to(DTYPE).requires_grad_(grad), torch.empty(1, 512, 4096, dtype=DTYPE)
    with torch.set_grad_enabled(grad):
        both = [transformer(x, torch.zeros(1), text, return_dict=False)[0] for _ in range(2)]
    if grad:
        torch.autograd.grad(both[0] + both[1], x, torch.empty_like(x))


def measure() -> dict[str, dict[str, float]]:
    found = {"decode": {"no gradient": counted(autoencoder, partial(decoded, grad=False))}}
    for name, economies in ECONOMIES.items():
        found["decode"][name] = counted(autoencoder, partial(decoded, grad=True, **economies))
    for name, size in WAN.items():
        build = partial(wan, **size)
        found[name] = {
            "no gradient": counted(build, partial(denoised, grad=False)),
            "as it is": counted(build, partial(denoised, grad=True)),
            "recompute": counted(build, partial(denoised, grad=True, recompute=True)),
        }
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guidance_memory", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--json", type=Path, default=Path("benchmarks/guidance_memory.json"), help="where figures go")
    args = parser.parse_args()
    found = measure()
    print(f"GB at the most, weights included; {FRAMES} frames of {HEIGHT} x {WIDTH}, bf16")
    for what, row in found.items():
        print(what + "".join(f"\n  {name:<32}{gb:8.1f}" for name, gb in row.items()))
    args.json.write_text(json.dumps({"frames": FRAMES, "height": HEIGHT, "width": WIDTH, "gb": found}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
