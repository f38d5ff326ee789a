"""What the tests of sweeps share: small jobs, and what a folder holds."""

import json
from pathlib import Path

from raysearch.moves import Outcome, Result
from raysearch.sweep.table import Cell

ROOT = Path(__file__).parents[2]
DEMO, SWEEP = str(ROOT / "jobs/demo.yaml"), str(ROOT / "jobs/sweep_particles.yaml")
SMALL = ["cluster.executor=inline", "generator.steps=2", "prompts.heldout=1"]
OUTPUTS = ("table.csv", "sweep.json", "sweep.html")


def journal(folder: Path) -> list[str]:
    lines = [line for file in sorted(folder.glob("outcomes/*.jsonl")) for line in file.read_text().splitlines()]
    return [json.loads(line)["outcome"]["key"] for line in lines]


def outputs(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in OUTPUTS]


def journal_so_far(folder: Path) -> list[bytes]:
    text = b"".join(file.read_bytes() for file in folder.glob("outcomes/*.jsonl"))
    return text.split(b"\n")[:-1]


def cell(n, rewards, seed=0, prompt="p", **more) -> Cell:
    finals = [Outcome(f"{prompt}{seed}{i}", r, {"other": -r}) for i, r in enumerate(rewards[:n])]
    settings = {"search.n": n, **more}
    return Cell(f"{n}/{prompt}/{seed}", settings, "best_of_n", n, seed, prompt, "vjepa2", Result.of_best(finals), nfe=n)
