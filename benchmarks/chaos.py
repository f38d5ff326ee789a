"""Break things while searches run: every time the result must be bit for bit that of an undisturbed run.

    python -m benchmarks.chaos [--kills 20]      about six minutes on two cores; exits with 1 if anything differs

A cluster of four nodes with fake GPUs runs on this machine (ray.cluster_utils); what is killed and frozen are real
processes. `again` counts Moves that were finished, recorded and still executed once more; it must be 0.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

os.environ.setdefault("RAY_AUTH_MODE", "disabled")
os.environ.setdefault("RAY_worker_niceness", "0")

from examples import encoded
from raysearch.config.settings import ClusterConfig, PoolConfig
from raysearch.engine.coordinator import Coordinator
from raysearch.engine.journal import Journal
from raysearch.engine.task import Observer, Task
from raysearch.executors.inline import Inline
from raysearch.moves import Kernel, digest
from raysearch.prompts import Prompt
from raysearch.search import strategy

STEPS, STEP_S = 8, 0.03
MOVES = 3 * (6 * 5 + 4)  # of all searches: six particles with five reads, and best of four
REWARDS = [{"name": "motion"}]
FAST = {"health_check_period_ms": 500, "health_check_failure_threshold": 3, "health_check_timeout_ms": 500,
        "health_check_initial_delay_ms": 0}  # fmt: skip


def tasks() -> list[Task]:
    noisy, found = Kernel("ddim_eta", 0.7), [Prompt(f"p{k}", f"{k} balls") for k in range(3)]
    smc = [Task(f"smc-{p.id}", p, strategy("smc")(0, STEPS, n=6, kernel=noisy), digest(["c", p.id])) for p in found]
    return smc + [Task(f"bon-{p.id}", p, strategy("best_of_n")(0, STEPS, n=4), digest(["c", p.id])) for p in found]


def model(seconds: float = STEP_S) -> Any:
    return encoded.settings(STEPS, seconds=seconds)


def reference() -> str:
    """The result hash of this process, undisturbed."""
    done = Coordinator(Inline(model(0.0), REWARDS), Journal.forgetful()).run(tasks())
    return digest([end.result.digest() for end in done if end.result])


class Strike(Observer):
    """An observer that does something when the `after`-th new Outcome arrives."""

    def __init__(self, what: Callable[[], Any], after: int):
        self.what, self.left = what, after

    def on_outcome(self, task: Any, outcome: Any, recalled: bool) -> None:
        self.left -= not recalled
        if self.left == 0:
            self.what()


@dataclass
class Scene:
    """The cluster, and the executor on it once it runs."""

    nodes: Any
    workers: list[Any]
    executor: Any = None

    def pid(self, pool: str) -> int:
        """Of a replica that is at work, else of any."""
        ready = [r for r in getattr(self.executor, pool).replicas if r.phase == "ready"]
        return next((r for r in ready if r.calls), ready[0]).pid

    def add(self) -> Any:
        self.workers.append(self.nodes.add_node(num_cpus=1, num_gpus=2))
        return self.workers[-1]

    def mend(self, workers: int = 3) -> None:
        """Until there are so many nodes with GPUs again: those that leave have left, and others came."""
        import ray

        from raysearch.executors.ray.cluster import leaving

        nodes = leaving()
        while (alive := [n for n in ray.nodes() if n["Alive"] and n["Resources"].get("GPU")]) and any(
            n["NodeID"] in nodes for n in alive
        ):
            time.sleep(0.5)
        for _ in range(workers - len(alive)):
            self.add()

    def kill_node(self) -> None:
        """One that holds a generator at work."""
        busy = {r.node for r in self.executor.generators.replicas if r.calls}
        victim = next((w for w in self.workers if w.node_id in busy), self.workers[0])
        self.workers.remove(victim)
        self.nodes.remove_node(victim, allow_graceful=False)

    def kill_encoding_node(self) -> None:
        """The one whose generator encodes prompts, on which the conditions lie."""
        from raysearch.executors.ray.startup import encoding

        replica = encoding(self.executor.generators.replicas)
        victim = next((w for w in self.workers if replica is not None and w.node_id == replica.node), self.workers[0])
        self.workers.remove(victim)
        self.nodes.remove_node(victim, allow_graceful=False)

    def drain_node(self) -> None:
        """Announce, as a cloud does before it takes a spot machine back, that a node will leave in 30 s."""
        import ray
        from ray._raylet import GcsClient
        from ray.core.generated import autoscaler_pb2

        node = next(r.node for r in self.executor.generators.replicas if r.phase == "ready")
        client = GcsClient(address=ray.get_runtime_context().gcs_address)
        client.drain_node(node, autoscaler_pb2.DRAIN_NODE_REASON_PREEMPTION, "spot", int(1000 * (time.time() + 30)))


FAULTS: dict[str, Callable[[Scene], Any]] = {
    "nothing": lambda scene: None,
    "kill -9 a generator": lambda scene: os.kill(scene.pid("generators"), signal.SIGKILL),
    "kill -9 a reward worker": lambda scene: os.kill(scene.pid("rewards"), signal.SIGKILL),
    "freeze a generator": lambda scene: os.kill(scene.pid("generators"), signal.SIGSTOP),
    "freeze a reward worker": lambda scene: os.kill(scene.pid("rewards"), signal.SIGSTOP),
    "kill -9 a node": Scene.kill_node,
    "kill -9 the node that encodes": Scene.kill_encoding_node,
    "a node is preempted": Scene.drain_node,
    "a node joins": Scene.add,
}


@contextmanager
def cluster(workers: int = 3):
    """A head without GPU and so many nodes with two fake ones each."""
    import ray
    from ray.cluster_utils import Cluster as Nodes

    nodes = Nodes(
        initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False, "_system_config": FAST}
    )
    try:
        scene = Scene(nodes, [])
        for _ in range(workers):
            scene.add()
        ray.init(address=nodes.address, log_to_driver=False, logging_level=logging.ERROR)
        yield scene
    finally:
        ray.shutdown()
        nodes.shutdown()


def settings(address: str, generators: int = 4) -> ClusterConfig:
    """Generators take a GPU each and rewards half of one, so that both pools span nodes; all may come later."""
    return ClusterConfig(
        address=address, deadline_s=4.0, generators=PoolConfig(generators, 0.1, 1.0, at_least=2),
        rewards=PoolConfig(2, 0.1, 0.5, at_least=1),
    )  # fmt: skip


def strike(scene: Scene, fault: Callable[[Scene], Any], folder: str, after: int = 9, generators: int = 4) -> dict:
    """Run all searches, break something at the `after`-th Outcome, and say what came of it."""
    from raysearch.executors.ray.executor import RayExecutor

    begun = time.perf_counter()
    scene.executor = RayExecutor(settings(scene.nodes.address, generators), model(), REWARDS, store=f"{folder}/latents")
    try:
        struck = Strike(lambda: fault(scene), after)
        coordinator = Coordinator(scene.executor, Journal(f"{folder}/journal", {}), [struck])
        done = coordinator.run(tasks())
        status = scene.executor.status()
    finally:
        scene.executor.close()
    errors = [end.error for end in done if end.error]
    return {
        "hash": digest([end.result.digest() for end in done if end.result]), "errors": errors,
        "again": executed_again(folder), "moves": coordinator.ledger.executed, "rebuilt": coordinator.ledger.rebuilt,
        "restarts": sum(s["restarts"] + s["drained"] for s in status.values()),
        "retries": status["generators"]["retries"], "hedges": status["generators"]["hedges"],
        "alive": status["generators"]["alive"], "seconds": time.perf_counter() - begun,
    }  # fmt: skip


def executed_again(folder: str) -> int:
    """Records beyond one per key, damaged ones (cut by a kill) left out."""
    keys = []
    for file in Path(folder, "journal", "outcomes").glob("*.jsonl"):
        for line in file.read_text().splitlines():
            try:
                keys.append(json.loads(line)["outcome"]["key"])
            except ValueError:
                continue
    return len(keys) - len(set(keys))


def kill_coordinator(address: str, folder: str, at: int) -> dict:
    """Kill -9 the coordinator's process once `at` Moves are recorded; then resume to the end."""
    begun = time.perf_counter()
    command = [sys.executable, "-m", "benchmarks.chaos", "--driver", folder, address]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while first.poll() is None and recorded(folder) < at:
        time.sleep(0.02)
    first.kill()
    first.wait()
    then = recorded(folder)
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return json.loads(out.splitlines()[-1]) | {
        "again": executed_again(folder),
        "killed_at": then,
        "seconds": time.perf_counter() - begun,
    }


def recorded(folder: str) -> int:
    return sum(len(f.read_bytes().splitlines()) for f in Path(folder, "journal", "outcomes").glob("*.jsonl"))


def drive(folder: str, address: str) -> None:
    """The coordinator's process: run, or resume, and print the hash."""
    from raysearch.executors.ray.executor import RayExecutor

    executor = RayExecutor(settings(address), model(), REWARDS, store=f"{folder}/latents")
    coordinator = Coordinator(executor, Journal(f"{folder}/journal", {}))
    done = coordinator.run(tasks())
    executor.close()
    print(json.dumps({
        "hash": digest([end.result.digest() for end in done if end.result]), "moves": coordinator.ledger.executed,
        "rebuilt": coordinator.ledger.rebuilt,
    }))  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="times the coordinator is killed")
    parser.add_argument("--faults", nargs="*", default=list(FAULTS), choices=list(FAULTS), metavar="FAULT",
                        help=f"which of: {', '.join(FAULTS)} (default: all)")  # fmt: skip
    parser.add_argument("--driver", nargs=2, metavar=("FOLDER", "ADDRESS"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.driver:
        drive(*args.driver)
        return 0
    table = os.fdopen(os.dup(1), "w")  # Ray reports deaths on standard output: that goes to standard error
    os.dup2(2, 1)
    want, wrong = reference(), 0
    print(
        f"{'what breaks':<34} same result  again  rebuilt  restarts  retries  hedges  seconds", file=table, flush=True
    )
    with tempfile.TemporaryDirectory() as root, cluster() as scene:
        for k, name in enumerate(args.faults):
            wrong += told(name, want, strike(scene, FAULTS[name], f"{root}/{k}"), table)
            scene.mend()
        rng = random.Random(0)
        for k in range(args.kills):
            at = rng.randrange(1, MOVES)
            found = kill_coordinator(scene.nodes.address, f"{root}/kill-{k}", at)
            wrong += told(f"kill -9 the coordinator at Move {found['killed_at']}", want, found, table)
    verdict = "every result as undisturbed, no finished Move executed again" if not wrong else f"{wrong} rows are WRONG"
    print(verdict, file=table, flush=True)
    return int(wrong > 0)


def told(name: str, want: str, found: dict, table: TextIO) -> bool:
    """Print a row; True if it is wrong."""
    right = found["hash"] == want and not found["again"] and not found.get("errors")
    cells = [found.get(k, "-") for k in ("again", "rebuilt", "restarts", "retries", "hedges")]
    row = f"{cells[0]:>5}  {cells[1]:>7}  {cells[2]:>8}  {cells[3]:>7}  {cells[4]:>6}  {found['seconds']:>7.1f}"
    print(f"{name:<34} {'yes' if right else 'NO':<11}  {row}", file=table, flush=True)
    for error in found.get("errors", ()):
        print(f"    {error}", file=table, flush=True)
    return not right


if __name__ == "__main__":
    sys.exit(main())
