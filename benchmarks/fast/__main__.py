"""What cheaper candidates gain: seconds and evaluations to the reward of today's best-of-16, on held-out scenes.

Today's best-of-16 and halving beside few steps, previews by the tiny decoder, and both; the tiny pair, trained models.
The costs are counted on every way, and priced twice: at the seconds of this machine, where the reward is the expensive
part, and at those of a 14B model on an H100, where the network is. Intervals: bootstrap over scenes, 95 %. Scenes that
are done are kept in --folder, so that a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.fast.pools import Collector, Pool, scenes
from benchmarks.fast.replay import Price, Scene, Spent, Way, averaged, best, half, quarter
from raysearch.report.statistics import interval, spearman

POOLS = {
    "tiny-12": Pool("tiny", 12, (2, 6, 12), decoder=True),
    "tiny-2": Pool("tiny", 2, (1, 2), decoder=True, shift=3.0),
}
WAYS = (
    Way("best-of-n, 12 steps (today)", "tiny-12", best),
    Way("halving, 12 steps (today)", "tiny-12", half),
    Way("few steps: best-of-n, 2 steps", "tiny-2", best),
    Way("tiny decoder: halving, 12 steps", "tiny-12", half, tiny=True),
    Way("both: 2 steps, a quarter by the tiny decoder", "tiny-2", quarter, tiny=True),
)
# Wan 2.1 14B at 480p on an H100 (docs/challenge.md); a tiny decoder takes about a fifth of the decode.
LARGE = Price(nfe=11.7, decode=8.0, tiny=1.6, score=4.0)
SIZES = (1, 2, 3, 4, 6, 8, 12, 16)


def main() -> int:
    """Collect what is missing, and write figures and table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fast", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--scenes", type=int, default=64, help="held-out scenes (default: %(default)s)")
    parser.add_argument("--candidates", type=int, default=16, help="of each scene (default: %(default)s)")
    parser.add_argument(
        "--minutes", type=float, default=600.0, help="begin no scene after these (default: %(default)s)"
    )
    parser.add_argument("--folder", type=Path, default=Path("runs/fast"), help="of scenes that are done")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/fast.json"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    found = collect(args.scenes, args.candidates, args.folder, args.minutes)
    result = {"scenes": len(found["tiny-12"]), "candidates": args.candidates, **figures(found, args.candidates)}
    args.json.write_text(json.dumps(result, indent=1) + "\n")
    print(table(result))
    return 0


def collect(count: int, candidates: int, folder: Path, minutes: float) -> dict[str, list[Scene]]:
    """The figures of every pool, scene by scene; no scene is begun after so many minutes."""
    collectors = {name: Collector(pool, candidates, folder) for name, pool in POOLS.items()}
    found: dict[str, list[Scene]] = {name: [] for name in POOLS}
    start = time.monotonic()
    for k, prompt in enumerate(scenes(count)):
        if k and time.monotonic() - start > 60 * minutes:
            break
        for name, collector in collectors.items():
            found[name].append(collector.scene(prompt))
        print(f"\r{k + 1}/{count} scenes", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return found


def figures(pools: dict[str, list[Scene]], n: int) -> dict[str, Any]:
    """All that the table shows, and more."""
    here = prices(pools)
    runs = {way.name: [averaged(way, POOLS[way.pool].reads, s, n) for s in pools[way.pool]] for way in WAYS}
    today = runs[WAYS[0].name]
    target = float(np.mean([s.reward for s in today]))
    rows = []
    for way in WAYS:
        spent = runs[way.name]
        row: dict[str, Any] = {"way": way.name, "reward": mean(spent, "reward"), "px": mean(spent, "px")}
        for key in ("reward", "px"):
            row[f"{key}_change"] = _interval(
                np.array([getattr(a, key) - getattr(b, key) for a, b in zip(spent, today, strict=True)])
            )
        row |= {key: mean(spent, key) for key in ("nfe", "decodes", "tiny_decodes")}
        row |= {"seconds": cost(here[way.pool], spent), "large_seconds": cost(LARGE, spent)}
        row |= {"oracle_px": float(np.mean([s["px"][:, -1].min() for s in pools[way.pool]])),
                "spread_px": float(np.mean([s["px"][:, -1].std() for s in pools[way.pool]])),
                "random_px": float(np.mean([s["px"][:, -1].mean() for s in pools[way.pool]])),
                "random_reward": float(np.mean([s["reward"][:, -1].mean() for s in pools[way.pool]]))}  # fmt: skip
        row["to_target"] = to_target(way, pools, here[way.pool], target, n)
        rows.append(row)
    return {"target": target, "prices": {k: vars(p) for k, p in {**here, "14B": LARGE}.items()}, "rows": rows,
            "previews": previews(pools)}  # fmt: skip


def prices(pools: dict[str, list[Scene]]) -> dict[str, Price]:
    """Median seconds on this machine, by pool; where a pool has no tiny decoder, that of the others."""

    def median(key: str, which: list[list[Scene]]) -> float:
        return float(np.nanmedian(np.concatenate([s[key].ravel() for scenes in which for s in scenes])))

    every = list(pools.values())
    nfe = float(np.median(np.concatenate([(s["network_s"].sum(1) / s["nfe"].sum(1)) for p in every for s in p])))
    each = Price(nfe, median("decode_s", every), median("tiny_decode_s", every), median("score_s", every))
    return dict.fromkeys(pools, each)


def to_target(way: Way, pools: dict[str, list[Scene]], price: Price, target: float, n: int) -> dict[str, Any] | None:
    """The least candidates with which the mean reward is reached, and the cost; None if the pool does not reach it."""
    for size in [k for k in SIZES if k <= n]:
        spent = [averaged(way, POOLS[way.pool].reads, s, size) for s in pools[way.pool]]
        if mean(spent, "reward") >= target:
            return {"n": size, "nfe": mean(spent, "nfe"), "px": mean(spent, "px"), "seconds": cost(price, spent),
                    "large_seconds": cost(LARGE, spent)}  # fmt: skip
    return None


def previews(pools: dict[str, list[Scene]]) -> list[dict[str, Any]]:
    """Rank correlation, within scenes, of what a read says with the whole decode of the same read, and with the end."""
    rows = []
    for name, found in pools.items():
        for k, step in enumerate(POOLS[name].reads[:-1]):
            row: dict[str, Any] = {"pool": name, "read": step}
            for key, a, b in (("to_end", "reward", -1), ("tiny_to_whole", "tiny_reward", k),
                              ("tiny_to_end", "tiny_reward", -1)):  # fmt: skip
                rho = np.array([spearman(s[a][:, k], s["reward"][:, b]) for s in found])
                if np.isfinite(rho).any():
                    rho = rho[np.isfinite(rho)]
                    row[key] = {"mean": float(rho.mean()), "interval": _interval(rho)}
            if "tiny_to_whole" in row:
                row["tiny_db"] = float(np.mean([s["tiny_db"][:, k].mean() for s in found]))
            rows.append(row)
    return rows


def mean(spent: list[Spent], key: str) -> float:
    """Over scenes."""
    return float(np.mean([getattr(s, key) for s in spent]))


def cost(price: Price, spent: list[Spent]) -> float:
    """Seconds of a scene, on average."""
    return float(np.mean([price.of(s) for s in spent]))


def table(result: dict[str, Any]) -> str:
    """The figures for the documentation."""
    first = result["rows"][0]
    head = ("", "reward", "trajectory error, px", "one at random, px", "oracle, px", "NFE", "decodes, tiny",
            "seconds here", "at 14B prices", "to today's reward: n, NFE, seconds here, at 14B prices")  # fmt: skip
    lines = [f"{result['scenes']} scenes, {result['candidates']} candidates.", "", f"| {' | '.join(head)} |",
             "|---" * len(head) + "|"]  # fmt: skip
    for r in result["rows"]:
        low, high = r["reward_change"]
        a, b = r["px_change"]
        reach, to = "not reached", r["to_target"]
        if to:
            reach = (f"{to['n']}, {to['nfe']:.0f}, {to['seconds']:.1f} ({to['seconds'] / first['seconds']:.0%}), "
                     f"{to['large_seconds']:.0f} ({to['large_seconds'] / first['large_seconds']:.0%})")  # fmt: skip
        lines.append(
            f"| {r['way']} | {r['reward']:.3f} [{low:+.3f}, {high:+.3f}] | {r['px']:.2f} [{a:+.2f}, {b:+.2f}] "
            f"| {r['random_px']:.2f} | {r['oracle_px']:.2f} | {r['nfe']:.0f} | {r['decodes']:.0f}, "
            f"{r['tiny_decodes']:.0f} | {r['seconds']:.1f} ({r['seconds'] / first['seconds']:.0%}) "
            f"| {r['large_seconds']:.0f} ({r['large_seconds'] / first['large_seconds']:.0%}) | {reach} |"
        )
    lines += ["", "| previews | read at step | read and end | tiny and whole decode | tiny decode and end | dB |",
              "|---" * 6 + "|"]  # fmt: skip
    for r in result["previews"]:
        cells = [_rho(r.get(key)) for key in ("to_end", "tiny_to_whole", "tiny_to_end")]
        db = f"{r['tiny_db']:.1f}" if "tiny_db" in r else ""
        lines.append(f"| {r['pool']} | {r['read']} | {' | '.join(cells)} | {db} |")
    return "\n".join(lines)


def _interval(per_scene: np.ndarray) -> list[float]:
    """Ends of the 95 % bootstrap interval of the mean of (N,) values, one a scene."""
    return [float(end) for end in interval(per_scene)]


def _rho(found: dict[str, Any] | None) -> str:
    if found is None:
        return ""
    low, high = found["interval"]
    return f"{found['mean']:.2f} [{low:.2f}, {high:.2f}]"


if __name__ == "__main__":
    sys.exit(main())
