"""`python -m benchmarks.reward_memory`: memory of the V-JEPA 2 reward at its real sizes, beside the published way.

Counted tensor by tensor (examples.live_bytes) while the same code runs on fake tensors: no weights, no GPU, the same
figures on every machine. What a GPU takes beside them, such as its context and workspaces, is not in them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from transformers import VJEPA2Model

from benchmarks.reward import CONTEXT, MODELS, STRIDE, WINDOW, Published, flops, network
from examples.live_bytes import LiveBytes, unfilled
from raysearch.rewards.vjepa2.reward import FILLED, VJEPA2Reward

FP32, BF16 = torch.float32, torch.bfloat16
BATCH = FILLED["cuda"] // (WINDOW // 2 * 16**2)  # windows at a time on a GPU, at 256 px
PEAKS = {"fp32": 67e12, "bf16": 989e12}  # FLOP/s of an H100 SXM by its data sheet, without tensor cores and with


def counted(name: str, dtype: torch.dtype, run: Callable[[VJEPA2Model], Any]) -> tuple[float, float]:
    """(GB at the most, of which weights) of what `run` does with a network of that size."""
    with torch.device("meta"):
        shell = network(name)
    tokens = WINDOW // shell.config.tubelet_size * (shell.config.crop_size // shell.config.patch_size) ** 2
    with FakeTensorMode(), LiveBytes(answer=tokens) as live:
        model = unfilled(shell, dtype)
        model.set_attn_implementation("sdpa")
        weights = live.peak = live.now
        run(model)
    return live.peak / 1e9, weights / 1e9


def clips(count: int, frames: int = WINDOW) -> torch.Tensor:
    return torch.rand(count, frames, 3, 256, 256)


def published(model: VJEPA2Model, name: str) -> None:
    with torch.device("meta"):
        copied = network(name)
    with torch.no_grad():
        Published(model, unfilled(copied.encoder, FP32)).window(clips(1))


def judged(model: VJEPA2Model) -> None:
    with torch.no_grad():
        reward(model)._judge(clips(BATCH).to(model.dtype))


def guided(model: VJEPA2Model, frames: int) -> None:
    video = clips(1, frames).requires_grad_(True)
    torch.autograd.grad(reward(model).reward(video).sum(), video)


def whole_graph(model: VJEPA2Model, frames: int) -> None:
    """The ordinary backward pass, over the graph of all windows at once."""
    video, ours = clips(1, frames).requires_grad_(True), reward(model)
    prepared = ours._prepare(video)
    surprise = [ours._judge(prepared[:, s : s + WINDOW]) for s in ours.convention.starts(frames)]
    torch.autograd.grad(torch.cat(surprise).mean(), video)


def reward(model: VJEPA2Model) -> VJEPA2Reward:
    return VJEPA2Reward(model, window=WINDOW, context=CONTEXT, stride=STRIDE, batch=1)


def measure(name: str, frames: int) -> dict[str, float]:
    found = {
        "published": counted(name, FP32, lambda model: published(model, name))[0],
        "fp32": counted(name, FP32, judged)[0],
        "bf16": counted(name, BF16, judged)[0],
        "gradient, whole graph, bf16": counted(name, BF16, lambda model: whole_graph(model, frames))[0],
        "gradient, bf16": counted(name, BF16, lambda model: guided(model, frames))[0],
    }
    print(f"{name}: counted", file=sys.stderr, flush=True)
    return found | {"weights, bf16": counted(name, BF16, lambda model: None)[1], "tflop_per_window": flops(name) / 1e12}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reward_memory", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS), help="sizes (default: all)")
    parser.add_argument("--frames", type=int, default=49, help="of the video that guides (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    args = parser.parse_args()
    if args.frames < WINDOW:
        parser.error(f"--frames {args.frames}: a window has {WINDOW}")
    found = {name: measure(name, args.frames) for name in args.models}
    print(f"GB at the most; windows of {WINDOW} frames at 256 px, gradients of {args.frames} frames")
    print(f"{'':<28}" + "".join(f"{name:>9}" for name in args.models))
    for title in next(iter(found.values())):
        print(f"{title:<28}" + "".join(f"{found[name][title]:9.2f}" for name in args.models))
    for title in ("fp32", "bf16"):
        print(f"{title + ' over published':<28}"
              + "".join(f"{found[n][title] / found[n]['published']:9.2f}" for n in args.models))  # fmt: skip
    share = 4 * PEAKS["fp32"] / PEAKS["bf16"]
    print(f"If the published way reached the whole fp32 peak of an H100, bf16 would be 4 times as fast at {share:.0%} "
          "of its peak.")  # fmt: skip
    if args.json:
        args.json.write_text(json.dumps({"frames": args.frames, "batch": BATCH, "figures": found}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
