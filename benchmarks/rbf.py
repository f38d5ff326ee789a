"""`python -m benchmarks.rbf`: what RBF's noise, VP times and time warp bring on the shipped pair, at equal NFE.

For every pair of times and kernel two searches of the same budget on each held-out scene of the tiny world: best-of-n,
whose mean reward is that of the unsteered sampler, and `rbf`. The truth (trajectory error, px) is measured, never
optimised. Intervals: bootstrap over scenes, 95 %, paired with best-of-n under the ode on the generator's own times.
Runs on where it was stopped: every finished search is a line in `--rows`.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from benchmarks.results.collect import drive
from examples.candidates import prompts
from raysearch.config import tiny_defaults
from raysearch.config.settings import GeneratorConfig, Job
from raysearch.executors.inline import Inline
from raysearch.report.statistics import interval
from raysearch.search import strategy
from raysearch.search.kernels import kernel_of

OWN = {"shift": 1.5, "times": "even"}
SETTINGS = {  # (settings of the generator, kernel of rbf, kernel of best-of-n)
    "own times, ddim_eta .7": (OWN, {"name": "ddim_eta", "eta": 0.7, "window": [0.2, 0.8]}, "ode"),
    "own times, vp_sde 3": (OWN, {"name": "vp_sde", "eta": 3.0}, {"name": "vp_sde", "eta": 3.0}),
    "vp, vp_sde 3": ({"shift": 1.0, "times": "vp"}, {"name": "vp_sde", "eta": 3.0}, {"name": "vp_sde", "eta": 3.0}),
    "vp_warped, vp_sde 3": (
        {"shift": 1.0, "times": "vp_warped"}, {"name": "vp_sde", "eta": 3.0}, {"name": "vp_sde", "eta": 3.0},
    ),
}  # fmt: skip
BASE = ("own times, ddim_eta .7", "best_of_n")
ERROR = "tinyworld_truth.trajectory_error"


def collect(scenes: int, seed: int, budget: int, stride: int, path: Path) -> list[dict]:
    """A row of every scene, setting and search: mean and best reward of the finals, error of the best, cost."""
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []
    known = {(r["scene"], r["setting"], r["search"]) for r in rows}
    job = Job()
    tiny_defaults(job)
    path.parent.mkdir(parents=True, exist_ok=True)
    judges = [{**job.reward, "stride": stride}, {"name": "tinyworld_truth"}]
    executors = {name: Inline(_generator(job.generator, own), judges) for name, (own, _, _) in SETTINGS.items()}
    for prompt in prompts(scenes):
        for setting, (_, noisy, plain) in SETTINGS.items():
            for search, kernel in (("best_of_n", plain), ("rbf", noisy)):
                if (prompt.id, setting, search) in known:
                    continue
                began = time.process_time()
                begun = strategy(search)(seed, job.generator.steps, kernel=kernel_of(kernel), budget=budget)
                result, seen = drive(executors[setting], begun, prompt)
                finals = [o.reward for o in result.finals]
                row = {
                    "scene": prompt.id, "setting": setting, "search": search, "mean": float(np.mean(finals)),
                    "best": result.winner.reward, "error_px": result.winner.rewards[ERROR],
                    "nfe": sum(o.cost.nfe for o in seen), "cpu_s": time.process_time() - began,
                }  # fmt: skip
                rows.append(row)
                with path.open("a") as file:
                    file.write(json.dumps(row) + "\n")
    wanted = {prompt.id for prompt in prompts(scenes)}
    return [row for row in rows if row["scene"] in wanted]


def _generator(config: GeneratorConfig, own: dict) -> GeneratorConfig:
    return replace(config, **own)


def table(rows: list[dict]) -> list[dict]:
    """By setting and search: means over scenes, and the change against the base with its interval."""
    scenes = sorted({r["scene"] for r in rows})
    by = {(r["setting"], r["search"], r["scene"]): r for r in rows}
    base = {m: np.array([by[(*BASE, s)][m] for s in scenes]) for m in ("best", "error_px")}
    lines = []
    for setting in SETTINGS:
        for search in ("best_of_n", "rbf"):
            own = [by[setting, search, s] for s in scenes]
            line = {
                "setting": setting,
                "search": search,
                **{m: float(np.mean([r[m] for r in own])) for m in own[0] if m not in ("scene", "setting", "search")},
            }
            for m in base:
                change = np.array([r[m] for r in own]) - base[m]
                line[f"{m}_change"] = [float(change.mean()), *map(float, interval(change))]
            lines.append(line)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rbf", description=__doc__)
    parser.add_argument("--scenes", type=int, default=16, help="held-out scenes (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--budget", type=int, default=48, help="NFE of a search (default: %(default)s)")
    parser.add_argument("--stride", type=int, default=4, help="of the reward's windows (default: %(default)s)")
    parser.add_argument("--rows", type=Path, default=Path("runs/rbf/rows.jsonl"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/rbf.json"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    lines = table(collect(args.scenes, args.seed, args.budget, args.stride, args.rows))
    options = {"scenes": args.scenes, "seed": args.seed, "budget": args.budget, "stride": args.stride}
    args.out.write_text(json.dumps({**options, "results": lines}, indent=1) + "\n")
    print(f"{'times, kernel of rbf':<26}{'search':<11}{'NFE':>5}{'CPU s':>7}{'mean':>8}{'best':>8}  change [95 %]"
          f"{'px':>17}  change [95 %]")  # fmt: skip
    for v in lines:
        shown = ["{:+.3f} [{:+.3f}, {:+.3f}]".format(*v[f"{m}_change"]) for m in ("best", "error_px")]
        print(f"{v['setting']:<26}{v['search']:<11}{v['nfe']:5.0f}{v['cpu_s']:7.1f}{v['mean']:8.3f}{v['best']:8.3f}  "
              f"{shown[0]:<26}{v['error_px']:6.2f}  {shown[1]}")  # fmt: skip


if __name__ == "__main__":
    main()
