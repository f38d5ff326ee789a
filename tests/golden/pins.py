"""What must never change by itself: Move keys, strategies' decisions and fingerprints, as plain values.

`python -m tests.golden.pins` compares them with pins.json and prints what changed; `--write` writes them and the run
folders anew, which makes every run folder in the world start again, so it takes a reason and another journal format.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from raysearch import config, runs
from raysearch.moves import GUIDES, KERNELS, NORMS, Guide, Kernel, Move, Outcome, Result, Search, digest
from raysearch.search import STRATEGIES, strategy

HERE = Path(__file__).parent
SCOPE, STEPS, SEED, RUNS = "scope", 12, 5, ("world", "tiny")
NOISY = Kernel("ddim_eta", 0.7, (0.0, 1.0))
OPTIONS: dict[str, list[dict[str, Any]]] = {
    "best_of_n": [{"n": 3}, {"n": 2, "guide": Guide("full", 0.05)}],
    "wording": [{"n": 3}, {"n": 9, "variants": (None, "two", "three")}],
    "halving": [{"n": 4}, {"budget": 60}],
    "smc": [
        {"n": 4, "reads": (0.25, 0.5, 0.75), "kernel": NOISY},
        {"n": 4, "reads": (0.25, 0.5), "kernel": NOISY, "rise": "adaptive", "scheme": "ssp", "potential": "max"},
        {"n": 6, "reads": (0.5,), "prune": True, "last": 3, "potential": "sum"},
        {"n": 4, "reads": (0.25, 0.5), "kernel": NOISY, "lookahead": 2},
    ],
    "pimh": [{"n": 3, "runs": 3, "kernel": NOISY}],
    "smc_pcn": [{"n": 3, "kernel": NOISY, "keep": (0.0, 0.4)}],
    "beam": [{"kernel": NOISY}, {"budget": 200, "kernel": NOISY}, {"kernel": NOISY, "per_parent": True}],
    "chunkwise": [
        {"n": 4, "ends": (0.25, 0.5), "last": 2},
        {"over": "beam", "ends": (0.5,), "inside": {"name": "halving"}},
        {"over": "smc", "n": 4, "ends": (0.5,), "threshold": 1.0},
    ],
    "backtrack": [{"n": 4}, {"n": 4, "ends": (0.25, 0.5), "cut": "random"}, {"n": 4, "ends": (0.5,), "cut": "ladder"}],
    "paths": [{}],
    "zero_order": [{}],
    "pcn": [{}, {"drift": Guide("full", 1.0)}],
    "evolutionary": [{}],
    "rbf": [{"kernel": NOISY}],
}


def reward(key: str) -> float:
    """A reward in [0, 1) that follows from the key alone."""
    return int(key[:8], 16) / 2**32


def drive(search: Search) -> tuple[list[str], Result]:
    """Every key that a search asks for, in order, and its result."""
    keys, outcomes = [], None
    while True:
        try:
            round_ = search.send(outcomes) if outcomes is not None else next(search)
        except StopIteration as stop:
            return keys, stop.value
        names = [move.key(SCOPE) for move in round_.moves]
        keys += names
        outcomes = [
            Outcome(k, reward(k), {"r": reward(k)}, -reward(k[8:]) if m.guide else 0.0)
            for k, m in zip(names, round_.moves, strict=True)
        ]


def moves() -> dict[str, Move]:
    """One Move for every kernel, guide, norm and way to start."""
    plain = Move(None, (1, 0, 2), 6)
    every = {"plain": plain, "unscored": replace(plain, score=False), "child": replace(plain, parent="f" * 32)}
    every |= {
        f"kernel {k}": replace(plain, kernel=Kernel(k, 0.0 if k in ("ode", "2m", "unipc") else 0.7)) for k in KERNELS
    }
    every |= {f"guide {g} {n}": replace(plain, guide=Guide(g, 0.1, norm=n)) for g in GUIDES for n in NORMS}
    every["back"] = replace(plain, parent="a" * 32, back=3)
    every["mutate"] = replace(plain, parent="a" * 32, mutate=0.25)
    every["chunks"] = replace(plain, chunks=(-1, 1))
    every["drift"] = replace(plain, parent="a" * 32, to=0, mutate=0.25, drift=Guide("full", 2.0, clip=1.0))
    every["strict guide"] = replace(
        plain, guide=Guide("full", 0.1, (0.2, 0.9), 3, 2, 1, clip=1.0, strict=True, chunk=2)
    )
    return every


def pins() -> dict[str, Any]:
    """Everything that is pinned."""
    pinned: dict[str, Any] = {"moves": {name: move.key(SCOPE) for name, move in moves().items()}, "searches": {}}
    for name, cases in OPTIONS.items():
        for number, options in enumerate(cases):
            keys, result = drive(strategy(name)(SEED, STEPS, **options))
            pinned["searches"][f"{name} {number}"] = {
                "moves": len(keys), "keys": digest(keys), "result": result.digest(), "first": keys[0],
            }  # fmt: skip
    return pinned


def _hashes(result: dict[str, Any]) -> dict[str, Any]:
    """Of a result.json the hashes, of the whole and of each search."""
    searches = [{part: search[part] for part in ("name", "hash")} for search in result["searches"]]
    return {"hash": result["hash"], "searches": searches}


def _write(name: str) -> None:
    """Run a job of this folder and keep what the tests compare."""
    kept = HERE / "runs" / name
    with tempfile.TemporaryDirectory() as made:
        runs.run(config.load(str(HERE / f"{name}.yaml"), [f"run={made}/{name}"]))
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(f"{made}/{name}/outcomes", kept / "outcomes")
        for part in ("config.yaml", "manifest.json"):
            shutil.copy(f"{made}/{name}/{part}", kept / part)
        result = json.loads(Path(f"{made}/{name}/result.json").read_text())
        (kept / "result.json").write_text(json.dumps(_hashes(result), indent=1) + "\n")
        job = kept / "config.yaml"
        job.write_text(job.read_text().replace(f"run: {made}/{name}", f"run: golden-{name}"))


def main() -> int:
    missing = set(STRATEGIES) - set(OPTIONS)
    if missing:
        print(f"no case for {', '.join(sorted(missing))}; add one to OPTIONS")
        return 1
    now, path = pins(), HERE / "pins.json"
    if "--write" in sys.argv:
        path.write_text(json.dumps(now, indent=1) + "\n")
        for name in RUNS:
            _write(name)
        return 0
    old = json.loads(path.read_text())
    changed = [f"{part}: {name}" for part in ("moves", "searches") for name in {**old[part], **now[part]}
               if old[part].get(name) != now[part].get(name)]  # fmt: skip
    print("\n".join(changed) or "nothing changed")
    return 1 if changed else 0


if __name__ == "__main__":
    raise SystemExit(main())
