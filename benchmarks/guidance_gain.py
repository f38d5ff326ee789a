"""`make guidance`: what steering gains on the shipped pair, alone and with selection, against selection alone.

Every arm searches each held-out scene of the tiny world; its truth (trajectory error, px) is measured, never optimised.
Arms meet at equal network evaluations and at equal seconds of one CPU core, which are measured around each search.
Best-of-n at any n comes from one pool of draws without bias. Intervals: bootstrap over scenes, 95 %, paired with base.
Scales were chosen on scenes 1000 to 1031. Runs on where it was stopped: every finished search is a line in `--rows`.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.best_of_n import interval
from examples.candidates import prompts
from raysearch.config import tiny_defaults
from raysearch.config.settings import Job
from raysearch.executors import Request as Work
from raysearch.executors.inline import Inline
from raysearch.moves import Outcome, Result, Search
from raysearch.prompts import Prompt
from raysearch.search import strategy
from raysearch.search.best_of_n import expected_best
from raysearch.search.guides import PRESETS, guide_of

POOL, N = 16, 2  # draws without guide and with it
MEASURES = {"reward": "vjepa2", "error_px": "tinyworld_truth.trajectory_error", "mse": "tinyworld_truth.mse",
            "iou": "tinyworld_truth.spatiotemporal_iou", "violation": "tinyworld_truth.violation",
            "motion": "motion"}  # fmt: skip
GUIDE = {"name": "full", "scale": 0.02}
ARMS: dict[str, dict[str, Any]] = {
    "pool": {"name": "best_of_n", "n": POOL},
    "guided": {"name": "best_of_n", "n": N, "guide": GUIDE},
    "sparse": {"name": "best_of_n", "n": 1, "guide": asdict(PRESETS["sparse"])},
    "cheap": {"name": "best_of_n", "n": 1, "guide": asdict(PRESETS["cheap"])},
    "smc": {"name": "smc", "n": 2 * N},
    "smc_wide": {"name": "smc", "n": 4 * N},
    "smc_guided": {"name": "smc", "n": N + 1, "guide": GUIDE},
}


def searching(options: dict[str, Any], seed: int, steps: int) -> Search:
    options = dict(options)
    begin = strategy(options.pop("name"))
    if "guide" in options:
        options["guide"] = guide_of(options["guide"], sampler=begin.__name__ == "smc")
    return begin(seed, steps, **options)


def driven(executor: Inline, search: Search, prompt: Prompt) -> tuple[Result, list[Outcome]]:
    """A search to its end in this process; its Result and every Outcome."""
    seen: list[Outcome] = []
    round = next(search)
    while True:
        for move in round.moves:
            executor.submit(Work(move.key(prompt.id), prompt, move))
        outcomes = [answer for _ in round.moves for _, answer in executor.ready(0)]
        seen += outcomes
        try:
            round = search.send(outcomes)
        except StopIteration as end:
            executor.forget([o.key for o in seen])
            return end.value, seen


def collect(scenes: int, seed: int, path: Path) -> list[dict]:
    """A row of every scene and arm: finals by measure, which is best, network evaluations, gradients, CPU seconds."""
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []
    wanted = [(p, arm) for p in prompts(scenes) for arm in ARMS]
    known = {(r["scene"], r["arm"], r["settings"]) for r in rows}
    job = Job()
    tiny_defaults(job)
    assert job.generator.steps is not None
    executor = Inline(job.generator, [job.reward, {"name": "motion"}, {"name": "tinyworld_truth"}])
    driven(executor, searching({"name": "best_of_n", "n": 1, "guide": GUIDE}, 99, job.generator.steps), wanted[0][0])
    path.parent.mkdir(parents=True, exist_ok=True)
    for i, (prompt, arm) in enumerate(wanted):
        told = json.dumps([ARMS[arm], seed], sort_keys=True)
        if (prompt.id, arm, told) in known:
            continue
        began = time.process_time()
        result, seen = driven(executor, searching(ARMS[arm], seed, job.generator.steps), prompt)
        row = {
            "scene": prompt.id, "arm": arm, "settings": told, "best": result.best, "cpu_s": time.process_time() - began,
            "nfe": sum(o.cost.nfe for o in seen), "gradients": sum(o.cost.gradients for o in seen),
            "finals": {m: [o.rewards[key] for o in result.finals] for m, key in MEASURES.items()},
        }  # fmt: skip
        rows.append(row)
        with path.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(f"\r{i + 1}/{len(wanted)} searches", end="", flush=True)
    print()
    settings = {arm: json.dumps([ARMS[arm], seed], sort_keys=True) for arm in ARMS}
    ids = {p.id for p, _ in wanted}
    return [r for r in rows if r["scene"] in ids and r["settings"] == settings[r["arm"]]]


def table(rows: list[dict]) -> dict[str, dict]:
    """By arm: cost per search, and of each measure the mean and its gain over base with interval, paired by scene."""
    by = {arm: [r for r in rows if r["arm"] == arm] for arm in ARMS}
    cost = {arm: (np.mean([r["nfe"] for r in rs]), np.mean([r["cpu_s"] for r in rs])) for arm, rs in by.items()}
    nfe, seconds = (v / POOL for v in cost["pool"])
    base = chosen(by["pool"], 1)
    found = {}
    for label, arm, n in (
        ("base", "pool", 1), ("guidance", "guided", 1), ("best-of-2", "pool", 2),
        ("guidance, every 3rd step", "sparse", 1), ("guidance, cheap", "cheap", 1),
        (f"guidance + best-of-{N}", "guided", N), (f"best-of-{2 * N}", "pool", 2 * N),
        (f"best-of-{POOL}", "pool", POOL),
        (f"smc, {2 * N}", "smc", None), (f"smc, {4 * N}", "smc_wide", None),
        (f"guided smc, {N + 1}", "smc_guided", None),
    ):  # fmt: skip
        share = 1.0 if n is None else n / len(by[arm][0]["finals"]["reward"])
        spent = {"nfe": float(cost[arm][0] * share), "cpu_s": float(cost[arm][1] * share)}
        values = chosen(by[arm], n)
        row: dict[str, Any] = {**spent, **against(values, base)}
        if "guid" in label:
            for name, n_equal in (("nfe", spent["nfe"] / nfe), ("seconds", spent["cpu_s"] / seconds)):
                m = min(POOL, max(1, math.floor(n_equal + 0.5)))
                other = chosen(by["pool"], m)
                row[f"versus_best_of_n_at_equal_{name}"] = {"n": m, **against(values, other, gains_only=True)}
        found[label] = row
    return found


def chosen(rows: list[dict], n: int | None) -> dict[str, np.ndarray]:
    """Per scene, every measure of the chosen final; of the best of n of independent finals, its expectation."""
    pick: Callable[[dict, str], float]
    if n is None:
        pick = lambda r, m: r["finals"][m][r["best"]]  # noqa: E731
    else:
        pick = lambda r, m: expected_best(r["finals"]["reward"], n, r["finals"][m])  # noqa: E731
    return {m: np.array([pick(r, m) for r in sorted(rows, key=lambda r: r["scene"])]) for m in MEASURES}


def against(values: dict, base: dict, gains_only: bool = False) -> dict[str, dict]:
    found = {}
    for m in MEASURES:
        gain = values[m] - base[m]
        found[m] = {} if gains_only else {"mean": float(values[m].mean())}
        found[m] |= {"gain": float(gain.mean()), "interval": interval(gain)}
    return found


def show(found: dict[str, dict]) -> None:
    heads = (("", -24), ("NFE", 6), ("CPU s", 7), ("reward", 9), ("gain [95 %]", 25), ("error, px", 11))
    print("".join(f"{h:<{-w}}" if w < 0 else f"{h:>{w}}" for h, w in (*heads, ("gain [95 %]", 25), ("motion", 8))))
    for label, row in found.items():
        cells = "".join(f"{row[m]['mean']:{w}.3f}{told(row[m]):>25}" for m, w in (("reward", 9), ("error_px", 11)))
        print(f"{label:<24}{row['nfe']:6.0f}{row['cpu_s']:7.2f}{cells}{row['motion']['mean']:8.2f}")
    print("\nagainst best-of-n of the same cost: change of the trajectory error, px (below 0 is better)")
    for label, row in found.items():
        for kind in ("nfe", "seconds"):
            if (v := row.get(f"versus_best_of_n_at_equal_{kind}")) is not None:
                print(f"{label:<24} equal {kind:<8} n = {v['n']:<3} {told(v['error_px'])}")


def told(v: dict) -> str:
    return f"{v['gain']:+.3f} [{v['interval'][0]:+.3f}, {v['interval'][1]:+.3f}]"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guidance_gain", description=__doc__)
    parser.add_argument("--scenes", type=int, default=16, help="held-out scenes (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", type=Path, default=Path("runs/guidance_gain/rows.jsonl"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/guidance_gain.json"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    found = table(collect(args.scenes, args.seed, args.rows))
    result = {"scenes": args.scenes, "seed": args.seed, "arms": ARMS, "results": found}
    args.out.write_text(json.dumps(result, indent=1) + "\n")
    show(found)


if __name__ == "__main__":
    main()
