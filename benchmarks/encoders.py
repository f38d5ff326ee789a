"""What a large text encoder costs when there are many replicas; before and after a change, side by side.

    python -m benchmarks.encoders                        this tree, about three minutes
    python -m benchmarks.encoders --before TREE          and an older working tree, e.g. of `git worktree add TREE REV`

A tiny Wan with a text encoder of 300 MB in eight replicas on Ray: when the first Move is done, when all replicas have
loaded; then a prompt of which all replicas make candidates: how often its texts were encoded, and what memory the
replicas take. Classes, weights and processes are real. The weights are stored in half of the precision, as copies that
processes cannot share.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

REPLICAS, STEPS = 8, 4
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


def settings(folder: Path) -> Any:
    """A tiny Wan with a large encoder, saved into a folder, as a generator."""
    import torch
    from transformers import UMT5Config, UMT5EncoderModel

    from examples.tiny_wan import wan as pipeline
    from raysearch.config.settings import GeneratorConfig

    made = pipeline()
    torch.manual_seed(0)
    shape = {"vocab_size": 64, "d_model": 32, "d_kv": 8, "num_heads": 4, "d_ff": 65_536, "num_layers": 12}
    made.text_encoder = UMT5EncoderModel(UMT5Config(**shape)).bfloat16()
    made.save_pretrained(folder / "wan")
    (folder / "notes").mkdir()
    call = {"notes": str(folder / "notes"), "max_sequence_length": 16}
    return GeneratorConfig(
        name="encoders:wan", model=str(folder / "wan"), steps=STEPS, fps=8, height=16, width=16, num_frames=9,
        dtype="float32", call=call,
    )  # fmt: skip


def measure() -> dict[str, Any]:
    """The figures, by what they are."""
    import psutil
    import ray

    from raysearch.config.settings import ClusterConfig, PoolConfig
    from raysearch.executors.contract import Request
    from raysearch.executors.ray.executor import RayExecutor
    from raysearch.moves import Move, digest
    from raysearch.prompts import Prompt

    folder = Path(tempfile.mkdtemp())
    generator = settings(folder)
    cluster = ClusterConfig(generators=PoolConfig(REPLICAS, 0.2), rewards=PoolConfig(1, 0.2), load_timeout_s=1200)
    answers: dict[str, Any] = {}

    def make(prompt: Prompt, count: int) -> None:
        wanted = {f"{prompt.id}-{i}" for i in range(count)}
        for i in range(count):
            executor.submit(Request(f"{prompt.id}-{i}", prompt, Move(None, (0, i), STEPS)))
        while not wanted <= answers.keys():
            answers.update({answer.key: answer for _, answer in executor.ready(0.2)})

    began = time.perf_counter()
    executor = RayExecutor(cluster, generator, [{"name": "motion"}])
    make(Prompt("first", "a ball"), 1)
    first_s = time.perf_counter() - began
    while executor.status()["generators"]["alive"] < REPLICAS:
        executor.ready(0.2)
    all_s, before = time.perf_counter() - began, len(list((folder / "notes").iterdir()))
    make(Prompt("all", "two balls"), 8 * REPLICAS)
    processes = [psutil.Process(replica.pid) for replica in executor.generators.replicas]
    memory = [process.memory_full_info().pss / 1e6 for process in processes]  # with a share of what they share
    executor.close()
    ray.shutdown()
    return {
        "texts encoded for a prompt of all replicas": len(list((folder / "notes").iterdir())) - before,
        "MB of the largest replica": max(memory), "MB of all replicas": sum(memory),
        "s until the first Move is done": first_s, "s until all have loaded": all_s,
        "hash": digest([[key, answers[key].rewards] for key in sorted(answers)]),
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
