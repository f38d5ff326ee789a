"""`python -m benchmarks.guidance_flops`: arithmetic of a guided step over an unguided one, at the size of real models.

Networks, autoencoder and V-JEPA 2 stand on PyTorch's meta device: their configurations are the published ones, no
weight is loaded and nothing is computed, only counted (torch.utils.flop_counter), backward passes included. Counts say
what hardware at equal efficiency would take; memory traffic is not in them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.reward import CONTEXT, WINDOW, network

FRAMES, HEIGHT, WIDTH, STRIDE = 81, 480, 832, 8
WAN = {  # transformer configurations of Wan-AI/Wan2.1-T2V-1.3B and -14B
    "Wan 2.1 1.3B": {"num_attention_heads": 12, "ffn_dim": 8960, "num_layers": 30},
    "Wan 2.1 14B": {"num_attention_heads": 40, "ffn_dim": 13824, "num_layers": 40},
}


def counted(run: Callable[[], Any]) -> float:
    """TFLOP of what `run` would compute."""
    with FlopCounterMode(display=False) as count:
        run()
    return count.get_total_flops() / 1e12


def wan(**size: Any) -> Any:
    import diffusers

    return diffusers.WanTransformer3DModel(attention_head_dim=128, **size).eval().requires_grad_(False)


def step(transformer: Any, grad: bool) -> Callable[[], Any]:
    """One denoising step with classifier-free guidance; grad: and its backward pass to the latents."""

    def run() -> None:
        x = latents(1.0).requires_grad_(grad)
        with torch.set_grad_enabled(grad):
            out = [
                transformer(x, torch.zeros(1), torch.empty(1, 512, 4096), return_dict=False)[0].sum() for _ in range(2)
            ]
        if grad:
            (out[0] + out[1]).backward()

    return run


def latents(shrink: float) -> torch.Tensor:
    h, w = (max(1, round(n * shrink / 8)) for n in (HEIGHT, WIDTH))
    return torch.empty(1, 16, (FRAMES - 1) // 4 + 1, h, w)


def surprise(model: Any, view: torch.Tensor) -> torch.Tensor:
    """What raysearch.rewards.vjepa2 computes on a view [T, 3, S, S], as far as it costs anything.

    The layers of the predictor are called one by one: its own forward asks tensors for values, which meta has not.
    """
    clips = torch.stack([view[s : s + WINDOW] for s in range(0, FRAMES - WINDOW + 1, STRIDE)])
    truth = model.encoder(clips).last_hidden_state
    context = model.encoder(clips[:, :CONTEXT]).last_hidden_state
    hidden = model.predictor.embeddings.predictor_embeddings(torch.cat([context, context], 1))
    ids = torch.arange(truth.shape[1]).expand(len(clips), -1)
    for layer in model.predictor.layer:
        hidden = layer(hidden, ids)[0]
    guess = model.predictor.proj(hidden[:, context.shape[1] :])
    return F.cosine_similarity(guess, truth[:, context.shape[1] :], dim=1).mean()


def slope(vae: Any, model: Any, shrink: float) -> Callable[[], Any]:
    """The reward's gradient with respect to x0_hat: decode, resize, score, and the backward pass of all three."""

    def run() -> None:
        x0 = latents(shrink).requires_grad_(True)
        frames = vae.decode(x0, return_dict=False)[0][0].transpose(0, 1)
        view = F.interpolate(frames, (256, 256), mode="bilinear", antialias=True)
        surprise(model, view).backward()

    return run


def table() -> dict[str, Any]:
    """Counts in TFLOP, and for each network the ratios of guided steps to an unguided one."""
    import diffusers

    with torch.device("meta"):
        vae = diffusers.AutoencoderKLWan().eval().requires_grad_(False)
        model = network("vitg").requires_grad_(False)
        model.set_attn_implementation("sdpa")
        slopes = {shrink: counted(slope(vae, model, shrink)) for shrink in (1.0, 0.5)}
        found: dict[str, Any] = {"gradient": {str(k): v for k, v in slopes.items()}}
        for name, size in WAN.items():
            transformer = wan(**size)
            once, there_and_back = (counted(step(transformer, grad)) for grad in (False, True))
            found[name] = {
                "step": once,
                "mean": {str(s): (once + g) / once for s, g in slopes.items()},
                "full": {str(s): (there_and_back + g + once) / once for s, g in slopes.items()},
            }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", default="benchmarks/guidance_flops.json", help="where the figures go")
    args = parser.parse_args()
    found = table()
    print(f"{FRAMES} frames of {HEIGHT} x {WIDTH}; reward V-JEPA 2 ViT-g at 256, windows of 16, stride 8")
    print(
        "gradient of the reward at x0_hat: "
        + ", ".join(f"{v:.0f} TFLOP at shrink {k}" for k, v in found["gradient"].items())
    )
    for name in WAN:
        row = found[name]
        ratios = "; ".join(f"{g} {row[g][s]:.2f} (shrink {s})" for g in ("mean", "full") for s in row[g])
        print(f"{name}: an unguided step {row['step']:.0f} TFLOP; a guided one takes times {ratios}")
    with open(args.json, "w") as file:
        json.dump(found, file, indent=1)


if __name__ == "__main__":
    main()
