"""What a large text encoder costs when there are many replicas; before and after a change, side by side.

    python -m benchmarks.encoders                        this tree, about three minutes
    python -m benchmarks.encoders --before TREE          and an older working tree, e.g. of `git worktree add TREE REV`

A tiny Wan with a text encoder of 300 MB in eight replicas on Ray, two prompts of sixteen candidates: how often the
encoder ran, what memory the replicas take, and when the first Move began. Classes, weights and processes are real.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

REPLICAS, PROMPTS, CANDIDATES = 8, 2, 16
CASE = "encoders"


def wan(config: Any, device: str) -> Any:
    """The pipeline of `generator.model`, as a custom generator that notes each call of its text encoder in a file."""
    from dataclasses import replace

    from raysearch.generators.diffusers import DiffusersModel

    call = dict(config.call)
    notes = Path(call.pop("notes"))
    model = DiffusersModel.load(replace(config, name="diffusers", call=call), device)

    def watched(encoder: Any) -> None:
        encoder.register_forward_pre_hook(lambda *_: (notes / f"{os.getpid()}-{time.time_ns()}").touch())

    encoder = model.pipeline.text_encoder
    getattr(encoder, "then", lambda watch: watch(encoder))(watched)  # one that is not loaded yet, or one that is
    return model


wan.conditions = True  # type: ignore[attr-defined]


@contextmanager
def weighed() -> Iterator[dict[int, float]]:
    """Within, the greatest memory of each generator's process in MB, its share of what is shared included."""
    import psutil

    found: dict[int, float] = {}
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(1.0):
            for process in psutil.process_iter(["name"]):
                try:
                    if "GeneratorActor" in " ".join(process.cmdline()):
                        now = process.memory_full_info().pss / 1e6
                        found[process.pid] = max(now, found.get(process.pid, 0.0))
                except psutil.Error:
                    continue

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


def measure() -> dict[str, Any]:
    """Runs of the encoder for each prompt, memory of the replicas, seconds to the first Move, of a large encoder."""
    from transformers import UMT5Config, UMT5EncoderModel

    from examples.tiny_wan import wan as pipeline
    from raysearch import config, runs
    from raysearch.observe import history

    folder, made = Path(tempfile.mkdtemp()), pipeline()
    shape = {"vocab_size": 64, "d_model": 32, "d_kv": 8, "num_heads": 4, "d_ff": 65_536, "num_layers": 12}
    made.text_encoder = UMT5EncoderModel(UMT5Config(**shape)).eval()
    made.save_pretrained(folder / "wan")
    size = sum(p.numel() for p in made.text_encoder.parameters()) * 4
    del made
    (folder / "notes").mkdir()
    prompts = ", ".join(f"{{id: p{k}, text: {k} balls}}" for k in range(PROMPTS))
    words = [
        f"generator={{name: 'encoders:wan', model: {folder}/wan, steps: 2, fps: 8, height: 16, width: 16, "
        f"num_frames: 9, call: {{notes: {folder}/notes, max_sequence_length: 16}}}}",
        "reward=motion", "watch=[]", f"search={{name: best_of_n, n: {CANDIDATES}}}", f"prompts.items=[{prompts}]",
        "prompts.heldout=0", "films=none", f"run={folder}/r",
        f"cluster={{executor: ray, load_timeout_s: 1200, generators: {{replicas: {REPLICAS}, num_cpus: 0.2}}, "
        "rewards: {num_cpus: 0.2}}",
    ]  # fmt: skip
    job = config.load("jobs/demo.yaml", words)
    began = time.time()
    with weighed() as memory:
        runs.run(job)
    spans = [s for e in history.events(job.run) if e["event"] == "spans" for s in e["spans"]]
    loads = [s[3] + s[4] - began for s in spans if s[0] == "generators" and s[2] == "load"]
    return {
        "encoder MB": size / 1e6, "runs of the encoder a prompt": len(list((folder / "notes").iterdir())) / PROMPTS,
        "MB of the largest replica": max(memory.values()), "MB of all replicas": sum(memory.values()),
        "s to the first Move": min(s[3] for s in spans if s[2] == "move") - began,
        "s until all have loaded": max(loads), "s in all": time.time() - began,
        "hash": json.loads(Path(job.run, "result.json").read_text()).get("hash", ""),
    }  # fmt: skip


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", metavar="TREE", help="an older working tree to compare with")
    parser.add_argument("--case", choices=[CASE], help="only in this tree, as one line of JSON")
    args = parser.parse_args()
    if args.case:
        print(json.dumps(measure()))
        return
    from benchmarks.replicas import in_tree

    trees = {"before": os.path.abspath(args.before)} if args.before else {}
    trees["after"] = str(Path(__file__).parents[1])
    found = {name: in_tree(tree, CASE, "encoders") for name, tree in trees.items()}
    rows = [["", *found], ["---"] * (1 + len(found))]
    rows += [[key, *(f"{one[key]:.0f}" for one in found.values())] for key in found["after"] if key != "hash"]
    print("\n".join(f"| {' | '.join(row)} |" for row in rows))
    print("the same results:", len({one["hash"] for one in found.values()}) == 1)


if __name__ == "__main__":
    main()
