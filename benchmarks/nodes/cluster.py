"""A Ray cluster on such machines, started and joined as anybody would, and runs of raysearch on it."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.nodes.machines import Machine, Network

REPOSITORY = Path(__file__).parents[2]
PORT = 6379
STORE_MB = 150
START_S = 180.0


def environment() -> dict[str, str]:
    """What all processes of a cluster have in common: the token, and where raysearch is."""
    return {
        "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32), "PYTHONPATH": str(REPOSITORY),
        "RAY_USAGE_STATS_ENABLED": "0", "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "RAY_worker_niceness": "0",
    }  # fmt: skip


@dataclass
class RayCluster:
    """The nodes of a cluster, the head first.

    Attributes:
        network: the switch they are on.
        env: their environment.
        nodes: the machines, by what each has (CPUs, and resources of Ray by name).
    """

    network: Network
    env: dict[str, str] = field(default_factory=environment)
    nodes: list[Machine] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Of the head."""
        return f"{self.nodes[0].address}:{PORT}"

    def add(self, cpus: float, resources: dict[str, float], **cable: float) -> Machine:
        """Put up a machine, and start the head on it, or have it join; returns once Ray says that it has started."""
        machine = self.network.machine("ab"[len(self.nodes)], **cable)
        self.nodes.append(machine)
        first = ["--head", f"--port={PORT}", "--include-dashboard=false"]
        log = self.network.root / f"ray-{machine.name}.log"
        command = [
            str(Path(sys.executable).parent / "ray"), "start", "--block", "--disable-usage-stats", "--log-color=false",
            f"--node-ip-address={machine.address}", f"--num-cpus={cpus:g}", f"--resources={json.dumps(resources)}",
            f"--object-store-memory={STORE_MB * 2**20}",
            *(first if machine is self.nodes[0] else [f"--address={self.address}"]),
        ]  # fmt: skip
        process = machine.start(command, log, self.env)
        deadline = time.monotonic() + START_S
        while "Ray runtime started" not in log.read_text():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Ray does not start on {machine.name}:\n{log.read_text()[-2000:]}")
            time.sleep(0.1)
        return machine


@dataclass
class Drive:
    """A driver, `raysearch run JOB`, on one of the machines, and what can be seen of it from outside.

    Attributes:
        machine: where it runs.
        process: the driver.
        log: what it prints.
        run: its run folder, as its machine knows it.
    """

    machine: Machine
    process: subprocess.Popen[str]
    log: Path
    run: Path

    def recorded(self) -> list[str]:
        """The keys of the Outcomes in the journal."""
        keys = []
        for file in sorted(self.machine.path(self.run / "outcomes").glob("*.jsonl")):
            for line in file.read_text().splitlines():
                try:
                    keys.append(json.loads(line)["outcome"]["key"])
                except (ValueError, KeyError):
                    continue
        return keys

    def latents(self, machine: Machine) -> int:
        """The number of states that lie on a machine."""
        return len(list(machine.path(self.run / "latents").glob("*.safetensors")))

    def result(self) -> dict[str, Any]:
        """What it has found; empty as long as it has not ended."""
        path = self.machine.path(self.run / "result.json")
        found: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
        return found


def drive(cluster: RayCluster, machine: Machine, job: dict[str, Any], name: str) -> Drive:
    """Start a driver on a machine; a job given again under the same name is gone on with."""
    run, file, log = machine.folder / name, cluster.network.root / f"{name}.yaml", cluster.network.root / f"{name}.log"
    file.write_text(json.dumps({**job, "run": str(run)}))  # JSON is YAML
    command = [sys.executable, "-u", "-m", "raysearch.cli", "run", str(file), f"cluster.address={cluster.address}"]
    return Drive(machine, machine.start(command, log, cluster.env), log, run)
