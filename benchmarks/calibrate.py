"""`python -m benchmarks.calibrate`: are the verdicts of `raysearch calibrate` right? 20 sets of tiny-world scenes.

A pool of held-out scenes with candidates of the tiny pair, scored by the shipped V-JEPA 2 and VideoMAE, by the same
networks with random weights, and by measures without weights. The truth is minus the true trajectory error. The verdict
on the whole pool stands for what is so; each set is half of the scenes, drawn at random, and coins (random numbers, a
new draw for every set) are verifiers that are no better than chance by construction. Counted: how often each verifier
gets each verdict, and how often a coin, or a verifier whose pool does not lie above chance, is called above chance.

Videos and scores are kept in a folder and made once; about ten minutes of one core.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from examples.candidates import prompts, truth_of, views
from raysearch import rewards
from raysearch.evals.calibrate import statistics, verdicts
from raysearch.evals.calibrate.statistics import Grouped
from raysearch.evals.calibrate.verdicts import ABOVE
from raysearch.rewards.networks.untrained import randomised

SETS, SEED, FIRST = 20, 5, 2000
COINS = 6  # in every set
VERIFIERS: dict[str, dict[str, Any]] = {
    "vjepa2": {"name": "vjepa2"}, "videomae": {"name": "videomae"}, "smoothness": {"name": "smoothness"},
    "motion": {"name": "motion"}, "geometry": {"name": "geometry"},
}  # fmt: skip
RANDOM = ("vjepa2", "videomae")  # those of which a twin with random weights is scored, too


def pool(folder: Path, conditions: int, candidates: int) -> list[dict[str, np.ndarray]]:
    """Videos and truth of every scene, made where they are not on disk."""
    wanted = prompts(conditions, FIRST)
    if not all((folder / f"{p.id}.npz").is_file() for p in wanted):
        folder.mkdir(parents=True, exist_ok=True)
        for prompt, videos in views(conditions, candidates, SEED, FIRST):
            truth = -truth_of(prompt, videos)["trajectory_error"]
            np.savez_compressed(folder / f"{prompt.id}.npz", videos=videos, truth=truth)
    return [dict(np.load(folder / f"{p.id}.npz")) for p in wanted]


def scores(folder: Path, found: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, list[np.ndarray]]:
    """Scores of every verifier by scene, each kept in scores-VERIFIER.json as soon as a scene is done."""
    by, wanted = {}, prompts(len(found), FIRST)
    for label in names:
        file = folder / f"scores-{label.replace(' ', '-')}.json"
        known: dict[str, list[float]] = json.loads(file.read_text()) if file.is_file() else {}
        name, _, random = label.partition(" ")
        todo = [(p, f) for p, f in zip(wanted, found, strict=True) if p.id not in known]
        reward = rewards.load(VERIFIERS[name]) if todo else None
        if random and reward and not randomised(reward):
            raise SystemExit(f"{name} has no network")
        began = time.process_time()
        for prompt, scene in todo:
            assert reward is not None
            known[prompt.id] = [reward.score(video, prompt, None).value for video in scene["videos"]]
            file.write_text(json.dumps(known))
        if todo:
            print(f"{label}: {len(todo)} scenes, {time.process_time() - began:.0f} s of CPU", flush=True)
        by[label] = [np.array(known[p.id]) for p in wanted]
    return by


def judged_set(verifiers: Mapping[str, Grouped], truth: Grouped, picks: Sequence[int], seed: int) -> dict[str, str]:
    """The verdict on every verifier and on coins, of the scenes picked."""
    rng = np.random.default_rng([SEED, seed])
    of = {label: [each[i] for i in picks] for label, each in verifiers.items()}
    of |= {f"coin {k}": [rng.normal(size=len(truth[i])) for i in picks] for k in range(COINS)}
    y, scenes = [truth[i] for i in picks], [str(i) for i in picks]
    p = statistics.family(of, y, scenes, seed)
    return {label: verdicts.verdict(statistics.ranking(s, y, scenes, p[label]))[0] for label, s in of.items()}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibrate", description=__doc__)
    parser.add_argument("--conditions", type=int, default=40, help="scenes of the pool (default: %(default)s)")
    parser.add_argument("--candidates", type=int, default=8, help="of each scene (default: %(default)s)")
    parser.add_argument("--folder", type=Path, default=Path("runs/calibrate-pool"), help="(default: %(default)s)")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/calibrate.json"))
    parser.add_argument("--only", nargs="*", help="score these verifiers and stop")
    args = parser.parse_args()
    torch.set_num_threads(1)
    found = pool(args.folder, args.conditions, args.candidates)
    names = [*VERIFIERS, *(f"{name} random" for name in RANDOM)]
    by = scores(args.folder, found, args.only or names)
    if args.only:
        return
    record = judged(by, [f["truth"] for f in found])
    args.json.write_text(json.dumps(record, indent=1) + "\n")
    print(table(record))


def judged(by: Mapping[str, Grouped], truth: Grouped) -> dict[str, Any]:
    """What the pool says of each verifier, how often each verdict was given, and the false ones."""
    scenes = [str(i) for i in range(len(truth))]
    rng, half = np.random.default_rng(SEED), len(truth) // 2
    each = [judged_set(by, truth, sorted(rng.choice(len(truth), half, replace=False).tolist()), k) for k in range(SETS)]
    rows, false, tries = {}, 0, 0
    for label, values in by.items():
        rho, worth = statistics.ranking(values, truth, scenes).rho, statistics.worth(values, truth, scenes)
        given = Counter(verdict[label] for verdict in each)
        share = [worth.share.value, worth.share.low, worth.share.high]
        rows[label] = {"pool": [rho.value, rho.low, rho.high], "share": share, "verdicts": dict(given)}
        if rho.value <= 0:
            false, tries = false + given[ABOVE], tries + SETS
    coins = Counter(v for verdict in each for label, v in verdict.items() if label.startswith("coin"))
    return {
        "scenes": len(truth), "candidates": len(truth[0]), "sets": SETS, "scenes_per_set": half, "verifiers": rows,
        "coins": dict(coins), "false_above": [false + coins[ABOVE], tries + coins.total()],
    }  # fmt: skip


def table(record: Mapping[str, Any]) -> str:
    """In Markdown."""
    head = (ABOVE, verdicts.CHANCE, verdicts.FEW)
    lines = ["| verifier | pool: rank correlation | share of the oracle's gain | " + " | ".join(head) + " |",
             "|---" * 6 + "|"]  # fmt: skip
    for label, row in record["verifiers"].items():
        spans = [f"{v:.2f} [{low:.2f}, {high:.2f}]" for v, low, high in (row["pool"], row["share"])]
        lines.append(f"| {label} | {' | '.join(spans)} | " + " | ".join(str(row["verdicts"].get(h, 0)) for h in head)
                     + " |")  # fmt: skip
    coins = " | ".join(str(record["coins"].get(h, 0)) for h in head)
    false, tries = record["false_above"]
    return "\n".join([*lines, f"| coins | 0 | 0 | {coins} |", "", f"false above chance: {false} of {tries}"])


if __name__ == "__main__":
    main()
