"""`python -m benchmarks.flops`: what models at full size compute, counted on PyTorch's meta device, without weights.

Decoding: FLOP for each pixel of each frame, which raysearch/generators/scale.py uses. Networks: FLOP of a forward pass
of the challenge's model, by the network of diffusers itself and by the formula of scale.py. Writes
benchmarks/flops.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from raysearch.config.settings import GeneratorConfig
from raysearch.generators.scale import DECODE, scale

LATENT = 9, 24, 24  # frames, rows and columns of latents that are decoded
DECODERS: dict[str, tuple[str, dict[str, Any], int]] = {  # class, configuration, channels of a latent
    "Wan 2.1": ("AutoencoderKLWan", {}, 16),
    "CogVideoX": ("AutoencoderKLCogVideoX", {
        "down_block_types": ("CogVideoXDownBlock3D",) * 4, "up_block_types": ("CogVideoXUpBlock3D",) * 4,
        "block_out_channels": (128, 256, 256, 512), "layers_per_block": 3, "latent_channels": 16}, 16),
    "HunyuanVideo": ("AutoencoderKLHunyuanVideo", {}, 16),
    "LTX-Video 0.9.0": ("AutoencoderKLLTXVideo", {}, 128),
}  # fmt: skip
VACE: dict[str, Any] = {
    "model": "Wan-AI/Wan2.1-VACE-14B-diffusers", "num_frames": 97, "height": 480, "width": 832, "guidance_scale": 1.0,
}  # fmt: skip


def counted(run: Callable[[], Any]) -> tuple[float, Any]:
    """FLOP of what `run` would compute, and what it returns."""
    with FlopCounterMode(display=False) as count:
        result = run()
    return float(count.get_total_flops()), result


def decoding(kind: str, config: dict[str, Any], channels: int) -> float:
    """FLOP of decoding, for each pixel of each frame."""
    import diffusers

    with torch.device("meta"), torch.no_grad():
        vae = getattr(diffusers, kind)(**config).eval()
        latents = torch.empty(1, channels, *LATENT)
        flop, (video,) = counted(lambda: vae.decode(latents, return_dict=False))
    return flop / (video.shape[2] * video.shape[3] * video.shape[4])


def challenge_network() -> dict[str, float]:
    """A forward pass of the network of jobs/physics_iq_v2v.yaml, by itself and by the formula, in PFLOP."""
    import diffusers

    from raysearch.generators.published import PUBLISHED

    with torch.device("meta"), torch.no_grad():
        network = diffusers.WanVACETransformer3DModel(**PUBLISHED[VACE["model"]].config).eval()
        video, control = torch.empty(1, 16, 25, 60, 104), torch.empty(1, 96, 25, 60, 104)
        layers = torch.ones(len(network.config.vace_layers), device="cpu")
        given = {"timestep": torch.zeros(1), "encoder_hidden_states": torch.empty(1, 512, 4096),
                 "control_hidden_states": control, "control_hidden_states_scale": layers}  # fmt: skip
        flop, _ = counted(lambda: network(video, **given))
    by_formula = scale(GeneratorConfig(**VACE))
    assert by_formula is not None
    return {"network": flop / 1e15, "formula": by_formula.flop / 1e15}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", default="benchmarks/flops.json", help="where the figures go")
    args = parser.parse_args()
    found: dict[str, Any] = {"decode_flop_per_pixel": {}}
    for name, decoder in DECODERS.items():
        each = found["decode_flop_per_pixel"][name] = decoding(*decoder)
        print(f"{name}: {each:.3g} FLOP a pixel of a frame; used: {DECODE.get(decoder[0], float('nan')):.3g}")
    found["challenge"] = challenge_network()
    print("a forward pass of the challenge's network: {network:.4f} PFLOP, by the formula {formula:.4f}".format(
        **found["challenge"]))  # fmt: skip
    with open(args.json, "w") as file:
        json.dump(found, file, indent=1)


if __name__ == "__main__":
    main()
