"""What a replica's time goes into: network, decoding, films, states; before and after a change, side by side.

    python -m benchmarks.replicas                        this tree, about three minutes
    python -m benchmarks.replicas --before TREE          and an older working tree, e.g. of `git worktree add TREE REV`

Stand-in for Wan 14B at 480p, 97 frames, at 1/20 of its size and time: an evaluation sleeps 11.7 s / 20, a decode
8 s / 20; a state is 20 MB / 20, a film has 97 / 20 frames of 480 x 832, which are really encoded and written. Ray, its
processes and its object store are real. Shares are read from the event log of each run: of the time from the first
Move to the end of the last call of a replica. What a Move took beyond its evaluations and its decode is called `rest`:
noise, kernels, and where it is done within the call, writing the state.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SCALE = 20
EVALUATION_S, DECODE_S = 11.7 / SCALE, 8.0 / SCALE
STATE, FRAMES, HEIGHT, WIDTH = 20_000_000 // SCALE // 8, 5, 480, 832  # numbers of x, and of x0; the shape of a film
CASES = {"30 steps": (30, 2), "4 steps": (4, 8)}  # steps, candidates of each prompt
REPLICAS, PROMPTS = 2, 2
STAGES = ("network", "decode", "decode for films", "encode", "rest", "idle")


class StandIn:
    """A flow model that sleeps where a network would compute, with states and films of real shape."""

    def __init__(self, steps: int, fps: float):
        self.steps, self.fps = steps, fps

    def on(self, prompt: Any) -> StandIn:
        """The generator for a prompt, which has no part in it."""
        return self

    def draw(self, noise: Any) -> Any:
        """Fresh noise [1, STATE]."""
        import torch

        return torch.randn(1, STATE, generator=noise)

    def denoise(self, x: Any, k: int, noise: Any, grad: bool = False) -> Any:
        """x0_hat; takes EVALUATION_S."""
        time.sleep(EVALUATION_S)
        return 0.9 * x

    def decode(self, x0: Any, noise: Any, grad: bool = False) -> Any:
        """Frames [FRAMES, 3, HEIGHT, WIDTH] in [0, 1]: soft shapes that move, with a little grain; takes DECODE_S."""
        import torch
        from torch.nn.functional import interpolate

        began = time.perf_counter()
        soft = x0[0, : FRAMES * 3 * 15 * 26].view(FRAMES, 3, 15, 26).cumsum(0)
        video = interpolate(soft, (HEIGHT, WIDTH), mode="bilinear")
        grain = x0[0, : HEIGHT * WIDTH // 4].view(HEIGHT // 2, -1).repeat(2, 2)
        frames = torch.sigmoid(video + 0.1 * grain)
        time.sleep(max(0.0, DECODE_S - (time.perf_counter() - began)))
        return frames

    def path(self, k: int) -> tuple[float, float, float, float]:
        """(a, s, a', s') of step k."""
        s, s1 = 1 - k / self.steps, 1 - (k + 1) / self.steps
        return 1 - s, s, 1 - s1, s1


def load(config: Any, device: str) -> StandIn:
    """The stand-in, as a custom generator."""
    return StandIn(config.steps, config.fps)


def measure(case: str) -> dict[str, Any]:
    """Shares of the replicas' time of one case, in the tree that is imported, and seconds to its first Move."""
    from raysearch import config, runs
    from raysearch.observe import history

    steps, candidates = CASES[case]
    folder = tempfile.mkdtemp()
    prompts = ", ".join(f"{{id: p{k}, text: a ball}}" for k in range(PROMPTS))
    words = [
        f"generator={{name: 'replicas:load', model: stand-in, steps: {steps}, fps: 16}}", "reward=motion", "watch=[]",
        f"search={{name: best_of_n, n: {candidates}}}", f"prompts.items=[{prompts}]", "prompts.heldout=0",
        f"cluster={{executor: ray, load_timeout_s: 1200, generators: {{replicas: {REPLICAS}, num_cpus: 0.5}}, rewards: "
        "{num_cpus: 0.5}}",
        "films=all", f"run={folder}/r",
    ]  # fmt: skip
    job = config.load("jobs/demo.yaml", words)
    began = time.time()
    runs.run(job)
    spans = [s for e in history.events(job.run) if e["event"] == "spans" for s in e["spans"]]
    result = json.loads(Path(job.run, "result.json").read_text())
    return {**shares(spans, steps), "first_move_s": first(spans) - began, "hash": result.get("hash", "")}


def first(spans: list[list[Any]]) -> float:
    """When the first Move began."""
    return float(min(start for _, _, what, start, *_ in spans if what == "move"))


def shares(spans: list[list[Any]], steps: int) -> dict[str, Any]:
    """Seconds of each stage as a share of all replicas' time. Of what runs beside a Move, the share is told apart."""
    mine = [s for s in spans if s[0] == "generators" and s[2] != "load"]
    calls = [s for s in mine if s[2] in ("move", "film")]
    beside = any(s[2] in ("save", "encode") for s in mine)
    seconds = max(s[3] + s[4] for s in calls) - first(spans)
    spent = dict.fromkeys(STAGES, 0.0)
    for _, _, what, _, took, decode_s in calls:
        if what == "move":
            network = steps * EVALUATION_S
            spent["network"] += network
            spent["decode"] += decode_s
            spent["rest"] += took - network - decode_s
        else:
            spent["decode for films"] += took if beside else DECODE_S
            spent["encode"] += 0.0 if beside else took - DECODE_S
    whole = REPLICAS * seconds
    spent["idle"] = whole - sum(spent.values())
    hidden = {name: sum(s[4] for s in mine if s[2] == what) / whole for name, what in
              (("write", "save"), ("encode", "encode"))}  # fmt: skip
    return {"seconds": seconds, "shares": {k: v / whole for k, v in spent.items()}, "beside": hidden}


def in_tree(tree: str, case: str, module: str = "replicas") -> dict[str, Any]:
    """A case of a module of this folder, in a process that imports raysearch from a working tree."""
    here = str(Path(__file__).parent)
    environment = os.environ | {"PYTHONPATH": f"{tree}:{here}", "RAY_AUTH_MODE": "disabled", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", module, "--case", case]
    told = subprocess.run(command, cwd=tree, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: dict[str, Any] = json.loads(told.strip().splitlines()[-1])
    return found


def table(found: dict[str, dict[str, Any]]) -> str:
    """The rows of docs/engine.md: a column for each run."""
    rows = [["share of a replica's time", *found], ["---"] * (1 + len(found))]
    for stage in STAGES:
        rows.append([stage, *(f"{one['shares'][stage]:.1%}" for one in found.values())])
    useful = [one["shares"]["network"] + one["shares"]["decode"] for one in found.values()]
    rows.append(["**network and decode**", *(f"**{share:.1%}**" for share in useful)])
    for name in ("encode", "write"):
        rows.append([f"{name}, beside", *(f"{one['beside'][name]:.1%}" for one in found.values())])
    rows.append(["seconds", *(f"{one['seconds']:.1f}" for one in found.values())])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", metavar="TREE", help="an older working tree to compare with")
    parser.add_argument("--case", choices=CASES, help="only this case in this tree, as one line of JSON")
    args = parser.parse_args()
    if args.case:
        print(json.dumps(measure(args.case)))
        return
    trees = {"before": os.path.abspath(args.before)} if args.before else {}
    trees["after"] = str(Path(__file__).parents[1])
    found = {f"{case}, {name}": in_tree(tree, case) for case in CASES for name, tree in trees.items()}
    print(table(found))
    hashes = {case: {one["hash"] for name, one in found.items() if name.startswith(case)} for case in CASES}
    print("the same results:", all(len(each) == 1 for each in hashes.values()), hashes)


if __name__ == "__main__":
    main()
