"""`python -m benchmarks.guidance_cost`: what a guided step costs over an unguided one, in seconds and peak memory.

Settings take turns within each repetition, so a busy machine slows all alike; ratios of medians are what counts. Two
generators: the shipped pair, where the reward is the expensive part, and a random Wan of medium size, where the
network is, as in real models. `every n` is arithmetic: 1 + (ratio - 1) / n over all steps.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from raysearch.config import tiny_defaults
from raysearch.config.settings import Job
from raysearch.generators.diffusers import DiffusersModel
from raysearch.moves import Guide, Move
from raysearch.prompts import Prompt
from raysearch.sampling.guidance import Critic
from raysearch.sampling.state import State
from raysearch.sampling.workers import RewardWorker, run_move

CPU, REWARD = torch.device("cpu"), {"name": "vjepa2"}
SCENE = Prompt("s", "a ball", scene="one_ball", scene_seed=1000)
SETTINGS: dict[str, Guide | None] = {
    "unguided": None,
    "mean": Guide("mean", 0.02),
    "mean, decode at half size": Guide("mean", 0.02, shrink=0.5),
    "mean, recompute": Guide("mean", 0.02, recompute=True),
    "mean, 2 latent frames at a time, recompute": Guide("mean", 0.02, chunk=2, recompute=True),
    "mean, half size, 2 frames, recompute": Guide("mean", 0.02, shrink=0.5, chunk=2, recompute=True),
    "full": Guide("full", 0.02),
    "full, decode at half size": Guide("full", 0.02, shrink=0.5),
    "full, recompute": Guide("full", 0.02, recompute=True),
}
EVERY = (1, 2, 3, 5)


def tiny() -> Any:
    job = Job()
    tiny_defaults(job)
    return DiffusersModel.load(job.generator).on(SCENE)


def wan() -> Any:
    """Random weights; 12 layers of width 512, 33 frames of 96 x 96, with classifier-free guidance."""
    import diffusers

    torch.manual_seed(0)
    network = diffusers.WanTransformer3DModel(
        patch_size=(1, 2, 2), num_attention_heads=8, attention_head_dim=64, in_channels=16, out_channels=16,
        text_dim=64, freq_dim=64, ffn_dim=2048, num_layers=12, cross_attn_norm=True,
        qk_norm="rms_norm_across_heads", rope_max_seq_len=64,
    )  # fmt: skip
    vae = diffusers.AutoencoderKLWan(base_dim=8, z_dim=16, dim_mult=[1, 2, 2, 2], num_res_blocks=1,
                                     temperal_downsample=[False, True, True])  # fmt: skip
    scheduler = diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0)
    pipe = diffusers.WanPipeline(None, None, vae.eval(), scheduler, network.eval())
    embeds = {"prompt_embeds": torch.randn(1, 12, 64), "negative_prompt_embeds": torch.randn(1, 12, 64)}
    model = DiffusersModel(pipe, 12, 8, height=96, width=96, num_frames=33, guidance_scale=5.0, **embeds)
    return model.given("", None, "s")


def measured(step: Callable[[], Any]) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds of this process, and how much more memory it held at the worst moment, MB."""
    before = rss()
    start, cpu = time.perf_counter(), time.process_time()
    step()
    return time.perf_counter() - start, time.process_time() - cpu, peak() - before


def rss() -> float:
    """Resident memory now, MB, after what is free was given back; the peak counts anew from here (Linux)."""
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def peak() -> float:
    return _status("VmHWM")


def _status(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return float(next(line for line in lines if line.startswith(field)).split()[1]) / 1024


def compare(generator: Any, critics: dict[str, Critic], size: int, repeats: int) -> dict[str, dict]:
    """By setting (and place of the reward) medians over repetitions, as such and over the unguided step."""
    k = generator.steps // 2
    with torch.no_grad():
        half, _, _ = run_move(generator, Move(None, (0,), k), SCENE, None, CPU)
        runs: dict[str, list[tuple[float, float, float]]] = {}
        for i in range(repeats + 1):
            for place, critic in critics.items():
                for name, guide in SETTINGS.items():
                    if place != "colocated" and name not in ("mean", "full"):
                        continue
                    found = measured(lambda g=guide, c=critic: one(generator, g, k, half, c, size))  # type: ignore[misc]
                    if i:  # the first round warms up
                        runs.setdefault(name if place == "colocated" else f"{name}, {place}", []).append(found)
    medians = {name: [statistics.median(v) for v in zip(*rows, strict=True)] for name, rows in runs.items()}
    base = medians["unguided"]
    return {
        name: {"wall_s": wall, "cpu_s": cpu, "peak_mb": mb, "wall_ratio": wall / base[0], "cpu_ratio": cpu / base[1],
               "peak_ratio": mb / max(base[2], 1.0)}
        for name, (wall, cpu, mb) in medians.items()
    }  # fmt: skip


def one(generator: Any, guide: Guide | None, k: int, half: State, critic: Critic, size: int) -> None:
    run_move(generator, Move("half", (1,), k + 1, guide=guide, score=False), SCENE, half, CPU, critic, size)


def show(name: str, found: dict[str, dict]) -> None:
    print(f"\n{name}")
    every = "".join(f"{f'every {n}':>9}" for n in EVERY)
    print(f"{'':<44}{'wall s':>8}{'CPU s':>8}{'peak MB':>9}  time over unguided, CPU:{every}")
    for setting, row in found.items():
        ratio = row["wall_ratio"] if "remote" in setting else row["cpu_ratio"]
        shown = "".join(f"{1 + (ratio - 1) / n:9.2f}" for n in EVERY) if setting != "unguided" else ""
        print(f"{setting:<44}{row['wall_s']:8.3f}{row['cpu_s']:8.3f}{row['peak_mb']:9.0f}{'':<26}{shown}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guidance_cost", description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="rounds after one to warm up (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/guidance_cost.json"))
    args = parser.parse_args()
    import ray

    from raysearch.executors.ray.critic import RemoteCritic

    torch.set_num_threads(1)
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    here, there = RewardWorker([REWARD], 1), ray.remote(RewardWorker).remote([REWARD], 1)
    critics: dict[str, Critic] = {"colocated": here.gradient, "remote": RemoteCritic(there, 600.0)}
    size = here.size()
    assert size is not None
    result: dict[str, Any] = {
        "settings": {name: asdict(g) for name, g in SETTINGS.items() if g},
        "repeats": args.repeats,
    }
    for name, make in (("shipped pair", tiny), ("medium Wan, random weights", wan)):
        result[name] = compare(make(), critics, size, args.repeats)
        show(name, result[name])
    args.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
