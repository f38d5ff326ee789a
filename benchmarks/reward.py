"""`python -m benchmarks.reward`: the V-JEPA 2 reward beside the published way, on the same random weights.

Published (arXiv 2601.10553 and its code): window by window, in fp32, a copy of the encoder for the targets, the context
encoded from the whole clip with its tokens dropped after the patch embedding. Ours: windows of all clips in batches,
one encoder, bf16 where asked. Every variant runs in a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import copy
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode
from transformers import VJEPA2Config, VJEPA2Model
from transformers.utils.logging import disable_progress_bar

from raysearch.rewards.vjepa2 import model as vjepa2_model
from raysearch.rewards.vjepa2.reward import VJEPA2Reward
from raysearch.tinyworld.models import world_model

WINDOW, CONTEXT, STRIDE = 16, 8, 8
MODELS: dict[str, dict[str, Any]] = {  # the sizes of the published checkpoints
    "vitl": {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16},
    "vith": {"hidden_size": 1280, "num_hidden_layers": 32, "num_attention_heads": 16},
    "vitg": {"hidden_size": 1408, "num_hidden_layers": 40, "num_attention_heads": 22, "mlp_ratio": 48 / 11},
}
VARIANTS = {"published": {}, "fp32": {}, "bf16": {"dtype": "bfloat16"}, "bf16 compiled": {"dtype": "bfloat16"}}
PEAK = {"H100": 989e12, "H200": 989e12, "A100": 312e12}  # dense bf16 FLOP/s; others are left out


class Published:
    """Surprise as the published code has it, restated from its formula on transformers' modules."""

    def __init__(self, model: VJEPA2Model, target: Any = None):
        self.encoder, self.predictor = model.encoder, model.predictor
        self.target = target or copy.deepcopy(model.encoder)

    @torch.no_grad()
    def surprise(self, video_TCHW: Tensor) -> list[float]:
        """Of every window of one prepared video."""
        starts = range(0, len(video_TCHW) - WINDOW + 1, STRIDE)
        return [self.window(video_TCHW[None, s : s + WINDOW]) for s in starts]

    def window(self, clip: Tensor) -> float:
        tokens = self.encoder.embeddings(clip)
        ids = torch.arange(tokens.shape[1], device=clip.device)[None]
        known, hidden = ids[:, : tokens.shape[1] * CONTEXT // WINDOW], ids[:, tokens.shape[1] * CONTEXT // WINDOW :]
        context = tokens[:, known[0]]
        for layer in self.encoder.layer:
            context = layer(context, known)[0]
        guess = self.predictor(self.encoder.layernorm(context), [known], [hidden]).last_hidden_state
        truth = self.target(clip).last_hidden_state
        z, h = (F.layer_norm(x, x.shape[-1:])[0] for x in (guess, truth))
        return 1 - F.cosine_similarity(z, h[hidden[0]], dim=0).mean().item()


def network(name: str) -> VJEPA2Model:
    torch.manual_seed(0)
    if name == "tiny":
        return world_model().eval()
    return VJEPA2Model(VJEPA2Config(crop_size=256, frames_per_clip=64, pred_num_mask_tokens=10, **MODELS[name])).eval()


def flops(name: str) -> int:
    """Of one window, counted by PyTorch without computing anything."""
    with torch.device("meta"):
        model = network(name)
        model.set_attn_implementation("sdpa")
        clip = torch.empty(1, WINDOW, 3, model.config.crop_size, model.config.crop_size)
        n = WINDOW // model.config.tubelet_size * (model.config.crop_size // model.config.patch_size) ** 2
        ids = torch.arange(n, device="cpu")[None]
        with FlopCounterMode(display=False) as count, torch.no_grad():
            model.encoder(clip)
            x = model.encoder(clip[:, :CONTEXT]).last_hidden_state
            sequence = torch.cat([x, x], 1)  # the predictor sees as many tokens as the window has
            hidden = model.predictor.embeddings.predictor_embeddings(sequence)
            for layer in model.predictor.layer:
                hidden = layer(hidden, ids.to("meta"))[0]
            model.predictor.proj(hidden[:, n // 2 :])
    return count.get_total_flops()


def clips(count: int, frames: int, side: int) -> list[np.ndarray]:
    """Textures that drift at speeds of their own, uint8 [frames, side, side, 3]."""
    rng = np.random.default_rng(0)
    base = rng.integers(0, 255, (count, side, side, 3), dtype=np.uint8)
    return [np.stack([np.roll(b, (k + 1) * t, 1) for t in range(frames)]) for k, b in enumerate(base)]


def measure(folder: str, variant: str, args: argparse.Namespace) -> dict[str, Any]:
    """One variant, in this process."""
    torch.set_num_threads(args.threads)
    cuda, before = args.device == "cuda", memory("VmRSS")
    model = vjepa2_model.load(folder, device=args.device, **VARIANTS[variant])
    videos = clips(args.clips, args.frames, int(model.config.crop_size))
    options: dict[str, Any] = {"window": WINDOW, "context": CONTEXT, "stride": STRIDE, "remember": 0}
    if variant != "published":
        ours = VJEPA2Reward(model, batch=args.batch, compile=variant.endswith("compiled"), **options)
    else:
        theirs = Published(model)

    def judge(views: list[np.ndarray]) -> list[list[float]]:
        if variant != "published":
            return [list(s.details.values()) for s in ours.score_all(views)]
        return [theirs.surprise(prepared(view, args.device)) for view in views]

    if cuda:
        judge(videos)
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    else:
        Path("/proc/self/clear_refs").write_text("5")
    start = time.perf_counter()
    found = judge(videos)
    seconds = time.perf_counter() - start
    peak = torch.cuda.max_memory_allocated() if cuda else memory("VmHWM") - before
    row = {"variant": variant, "seconds": seconds, "clips_per_s": len(videos) / seconds,
           "windows_per_s": sum(map(len, found)) / seconds, "peak_gb": peak / 1e9, "surprise": found}  # fmt: skip
    if variant != "published":
        row["batch"] = ours.loaded["batch"]
        if cuda or args.model == "tiny":
            row["same_bits_alone"] = [judge([v])[0] for v in videos[::-1]][::-1] == found
    return row


def prepared(view: np.ndarray, device: str) -> Tensor:
    x = torch.from_numpy(view).to(device).permute(0, 3, 1, 2).float() / 255
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    return (x - mean.to(device).view(3, 1, 1)) / std.to(device).view(3, 1, 1)


def memory(field: str) -> int:
    """VmRSS or VmHWM of this process, bytes."""
    line = next(s for s in Path("/proc/self/status").read_text().splitlines() if s.startswith(field))
    return int(line.split()[1]) * 1024


def compare(args: argparse.Namespace) -> dict[str, Any]:
    """Every variant in turn, and how it stands to the published one."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        disable_progress_bar()
        network(args.model).save_pretrained(folder)
        for variant in args.variants:
            words = [sys.executable, "-m", "benchmarks.reward", "--child", folder, "--variants", variant]
            for key in ("model", "device", "clips", "frames", "threads", "batch"):
                words += [f"--{key}", str(getattr(args, key))] if getattr(args, key) is not None else []
            done = subprocess.run(words, stdout=subprocess.PIPE, text=True)
            if done.returncode:
                raise SystemExit(f"{variant}: failed; see above")
            rows.append(json.loads(done.stdout.splitlines()[-1]))
            print(f"{variant}: {rows[-1]['seconds']:.1f} s", file=sys.stderr, flush=True)
    name = torch.cuda.get_device_name() if args.device == "cuda" else "CPU"
    each, peak = flops(args.model), next((v for k, v in PEAK.items() if k in name), None)
    first = rows[0]
    for row in rows:
        row["mfu"] = each * row["windows_per_s"] / peak if peak else None
        row["speed_ratio"] = row["clips_per_s"] / first["clips_per_s"]
        row["memory_ratio"] = row["peak_gb"] / first["peak_gb"]
        row["largest_difference"] = float(np.abs(np.subtract(row["surprise"], first["surprise"])).max())
    for row in rows:
        del row["surprise"]
    about = {"model": args.model, "device": name, "threads": None if peak else args.threads, "clips": args.clips,
             "frames": args.frames, "tflop_per_window": each / 1e12, "torch": torch.__version__}  # fmt: skip
    return {**about, "against": rows[0]["variant"], "rows": rows}


def show(found: dict[str, Any]) -> None:
    print(f"{found['model']} on {found['device']}, {found['clips']} clips of {found['frames']} frames, "
          f"{found['tflop_per_window']:.4g} TFLOP a window; ratios to {found['against']}")  # fmt: skip
    print(f"{'variant':<14} clips/s   speed   peak GB  memory    MFU  largest difference of surprise")
    for r in found["rows"]:
        mfu = f"{r['mfu']:6.1%}" if r["mfu"] is not None else "     -"
        print(f"{r['variant']:<14} {r['clips_per_s']:7.4g} {r['speed_ratio']:6.2f}x {r['peak_gb']:9.2f} "
              f"{r['memory_ratio']:6.2f}x {mfu}  {r['largest_difference']:.2g}"
              + ("" if r.get("same_bits_alone", True) else "  BITS DEPEND ON COMPANY"))  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reward", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--model", choices=[*MODELS, "tiny"], default="vitl", help="size (default: %(default)s)")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--clips", type=int, help="videos (default: 8 on a GPU, 1 on the CPU)")
    parser.add_argument("--frames", type=int, help="of each (default: 49 on a GPU, 24 on the CPU)")
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch on the CPU (default: %(default)s)")
    parser.add_argument("--batch", type=int, help="windows at a time (default: what fills the device)")
    parser.add_argument(
        "--variants", nargs="+", choices=VARIANTS, help="the first is what the others are compared with"
    )
    parser.add_argument("--json", type=Path, help="add the figures to this file, by model and device")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    args = parser.parse_args()
    gpu = args.device == "cuda"
    args.clips, args.frames = args.clips or (8 if gpu else 1), args.frames or (49 if gpu else 24)
    args.variants = args.variants or [v for v in VARIANTS if gpu or not v.endswith("compiled")]
    if args.child:
        print(json.dumps(measure(args.child, args.variants[0], args)))
        return 0
    found = compare(args)
    show(found)
    if args.json:
        kept = json.loads(args.json.read_text()) if args.json.exists() else {}
        kept[f"{found['model']}, {found['device']}"] = found
        args.json.write_text(json.dumps(kept, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
