"""What the engine costs and how well it keeps replicas busy, in one run, each figure beside its baseline.

    python -m benchmarks.engine                 about four minutes on two cores; writes benchmarks/engine.json

Replicas sleep instead of computing (examples/clockwork.py), so that eight of them fit on two cores and the time of a
Move is known; Ray, its processes and its object store are real.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

from examples import clockwork
from raysearch.config.settings import ClusterConfig, PoolConfig
from raysearch.engine.coordinator import Coordinator
from raysearch.engine.journal import Journal
from raysearch.engine.task import Task
from raysearch.executors.inline import Inline
from raysearch.executors.virtual import Cluster, Virtual
from raysearch.moves import Kernel, Move, digest
from raysearch.prompts import Prompt
from raysearch.search import strategy

os.environ.setdefault("RAY_AUTH_MODE", "disabled")
STEPS, STOPS, STEP_S = 20, (5, 10, 15, 20), 0.1
REPLICAS, PARTICLES = 8, 32
REWARDS = [{"name": "motion"}]
NOISY = Kernel("ddim_eta", 0.7)


def tasks(searches: int, name: str = "smc", n: int = PARTICLES, **options: Any) -> list[Task]:
    """So many searches, each of a prompt of its own."""
    if name == "smc":
        options = {"kernel": NOISY, "reads": [s / STEPS for s in STOPS], "lam": 20.0, **options}
    found = [Prompt(f"p{k}", "a ball") for k in range(searches)]
    return [Task(p.id, p, strategy(name)(0, STEPS, n=n, **options), digest(["engine", p.id])) for p in found]


def drive(executor: Any, todo: list[Task]) -> tuple[float, Coordinator]:
    """Seconds from the first Move to the last Outcome."""
    coordinator = Coordinator(executor, Journal(tempfile.mkdtemp(), {}))
    begun = time.perf_counter()
    done = coordinator.run(todo)
    assert not any(end.error for end in done), [end.error for end in done]
    return time.perf_counter() - begun, coordinator


def on_ray(cluster: ClusterConfig, model: Any) -> Any:
    """A Ray executor whose replicas have all loaded; they have not shown how fast they are."""
    from raysearch.executors.ray.executor import RayExecutor

    executor = RayExecutor(cluster, model, REWARDS)
    while any(r.phase != "ready" for pool in (executor.generators, executor.rewards) for r in pool.replicas):
        executor.ready(0.1)
    return executor


def overhead(moves: int = 24) -> dict[str, float]:
    """(a) One replica on Ray against this process, on Moves of one second."""
    model = clockwork.settings(10, seconds=STEP_S)
    todo = [strategy("best_of_n")(0, 10, n=moves)]
    prompt = Prompt("p", "a ball")
    inline, _ = drive(Inline(model, REWARDS), [Task("p", prompt, search, "s") for search in todo])
    executor = on_ray(ClusterConfig(generators=PoolConfig(1, 0.1), rewards=PoolConfig(1, 0.1)), model)
    ray_s, _ = drive(executor, [Task("p", prompt, strategy("best_of_n")(0, 10, n=moves), "s")])
    executor.close()
    return {"moves": moves, "inline_s": inline, "ray_s": ray_s, "overhead": ray_s / inline - 1}


def utilisation(searches: int) -> dict[str, float]:
    """(b) Eight replicas, one at half speed, 4 particles each, barriers: share of the capacity that did useful work."""
    model = clockwork.settings(STEPS, seconds=STEP_S, slow=tempfile.mkdtemp())
    executor = on_ray(ClusterConfig(generators=PoolConfig(REPLICAS, 0.1), rewards=PoolConfig(1, 0.1)), model)
    try:
        seconds, coordinator = drive(executor, tasks(searches))
    finally:
        executor.close()
    pace = [STEP_S] * (REPLICAS - 1) + [2 * STEP_S]
    simulated = Virtual(Cluster(pace, [0.001]))
    drive(simulated, tasks(searches))
    return {
        "searches": searches, "seconds": seconds, "utilisation": useful(coordinator.ledger.cost.nfe, seconds),
        "static_seconds": static_slicing(searches), "predicted_seconds": simulated.now,
        "prediction_error": simulated.now / seconds - 1,
    }  # fmt: skip


def useful(nfe: int, seconds: float) -> float:
    """Share of what the replicas could have done in that time."""
    return nfe * STEP_S / (seconds * (REPLICAS - 1 + 0.5))


def static_slicing(searches: int) -> float:
    """Seconds of the usual way on the same Ray: every replica owns its slice of the particles, one search at a time."""
    import ray

    from raysearch.executors.ray.actors import GeneratorActor

    model = clockwork.settings(STEPS, seconds=STEP_S, slow=tempfile.mkdtemp())
    actors = [ray.remote(GeneratorActor).options(num_cpus=0.1).remote(0.0, model, 1, None) for _ in range(REPLICAS)]
    ray.get([actor.load.remote() for actor in actors])
    begun = time.perf_counter()
    for k in range(searches):
        prompt, states = Prompt(f"p{k}", "a ball"), [None] * PARTICLES
        for stop in STOPS:
            moves = [Move(None if s is None else "parent", (0, stop, i), stop, NOISY) for i, s in enumerate(states)]
            answers = [
                actors[i * REPLICAS // PARTICLES].advance.options(num_returns=4).remote(16, move, "k", prompt, state)
                for i, (move, state) in enumerate(zip(moves, states, strict=True))
            ]
            ray.get([made for *_, made in answers])  # the barrier
            states = [state for state, *_ in answers]
    seconds = time.perf_counter() - begun
    for actor in actors:
        ray.kill(actor)
    return seconds


def movement(searches: int) -> dict[str, float]:
    """(c) Four nodes of one replica: Moves made away from their parent, against the least given who made how many.

    Several children of one state share its transfer, so fewer states than that travel.
    """
    import ray
    from ray.cluster_utils import Cluster as Nodes

    ray.shutdown()
    nodes = Nodes(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    for _ in range(4):
        nodes.add_node(num_cpus=1, resources={"seat": 1})
    ray.init(address=nodes.address, log_to_driver=False, logging_level=logging.ERROR)
    try:
        cluster = ClusterConfig(
            address=nodes.address, generators=PoolConfig(4, 0.5, resources={"seat": 1}), rewards=PoolConfig(1, 0.1)
        )
        executor = on_ray(cluster, clockwork.settings(STEPS, seconds=STEP_S / 2, numbers=250_000))
        executor.forget = lambda keys: None  # so that one can look afterwards where each state was made
        _, coordinator = drive(executor, tasks(searches, n=16))
        homes = {key: held.node for key, held in executor.states.held.items()}
        found = list(families(searches, coordinator.journal.outcomes))
        least = sum(fewest(family, homes) for family in found)
        away = sum(homes[parent] != homes[child] for family in found for parent, child in family)
        transfers, megabytes = executor.states.moved, executor.states.moved_bytes / 2**20
        executor.close()
    finally:
        ray.shutdown()
        nodes.shutdown()
    return {"searches": searches, "away": away, "least": least, "transfers": transfers, "moved_mib": megabytes}


def families(searches: int, outcomes: dict[str, Any]) -> Iterable[list[tuple[str, str]]]:
    """(parent, child) of every Move that had a parent, round by round: the searches again, on what was recorded."""
    for task in tasks(searches, n=16):
        round = next(task.search)
        while True:
            keys = [move.key(task.scope) for move in round.moves]
            yield [(m.parent, k) for m, k in zip(round.moves, keys, strict=True) if m.parent is not None]
            try:
                round = task.search.send([outcomes[k] for k in keys])
            except StopIteration:
                break


def fewest(family: list[tuple[str, str]], homes: dict[str, str]) -> int:
    """sum_w max(0, O_w - c_w): children that node w's states have, less the Moves it made itself."""
    children, made = Counter(homes[p] for p, _ in family), Counter(homes[c] for _, c in family)
    return sum(max(0, n - made[node]) for node, n in children.items())


def per_move(replicas: int) -> dict[str, float]:
    """(d) Processor time per Move of coordinator, search, policy and clock: ten particles per simulated replica."""
    n = 10 * replicas
    executor = Virtual(Cluster([1.0] * replicas, [0.05] * max(1, replicas // 10), spread=0.1))
    coordinator = Coordinator(executor, Journal.forgetful())
    begun = time.process_time()
    coordinator.run(tasks(1, n=n))
    seconds = time.process_time() - begun
    return {"replicas": replicas, "particles": n, "ms_per_move": 1000 * seconds / coordinator.ledger.executed}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", default="benchmarks/engine.json", help="where the figures go")
    args = parser.parse_args()
    import ray

    found: dict[str, Any] = {}
    ray.init(address="local", num_cpus=8, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    found["overhead"] = a = overhead()
    print(f"(a) {a['moves']} Moves of 1 s: inline {a['inline_s']:.2f} s, Ray {a['ray_s']:.2f} s: "
          f"overhead {a['overhead']:+.1%}", flush=True)  # fmt: skip
    found["utilisation"] = [utilisation(1), utilisation(4)]
    for b in found["utilisation"]:
        print(f"(b) {b['searches']} search(es), 8 replicas, one half as fast: {b['seconds']:.1f} s, utilisation "
              f"{b['utilisation']:.1%}; static slicing {b['static_seconds']:.1f} s, "
              f"{b['utilisation'] * b['seconds'] / b['static_seconds']:.1%}", flush=True)  # fmt: skip
        print(f"(e) the simulated cluster predicted {b['predicted_seconds']:.1f} s: {b['prediction_error']:+.1%}")
    found["movement"] = [movement(1), movement(4)]
    for c in found["movement"]:
        print(
            f"(c) {c['searches']} search(es) on 4 nodes: {c['away']} Moves made away from their parent, the least is "
            f"{c['least']}; {c['transfers']} states travelled ({c['moved_mib']:.1f} MiB)", flush=True,
        )  # fmt: skip
    per_move(10)  # what is imported on first use is no cost of a Move
    found["per_move"] = []
    for replicas in (10, 100, 1000, 10_000):
        found["per_move"].append(d := per_move(replicas))
        print(
            f"(d) {d['replicas']} replicas, {d['particles']} particles: {d['ms_per_move']:.3f} ms per Move", flush=True
        )
    with open(args.json, "w") as file:
        json.dump(found, file, indent=1)


if __name__ == "__main__":
    main()
