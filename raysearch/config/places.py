"""Keys of a cluster file that say how a job gets there: `submit` (a Ray cluster, from afar) and `slurm`.

The same cluster file serves `raysearch run --cluster` on the head, which reads neither, and `raysearch submit` or
`raysearch slurm` from a laptop or login node. No key may hold a secret.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from annotated_types import Ge, Le

Several = Annotated[int, Ge(1), Le(100_000)]  # nodes, replicas, cores
Megabytes = Annotated[float, Ge(0), Le(1_000_000)]
OrNone = Annotated[int, Ge(0), Le(100_000)]


@dataclass(frozen=True)
class As:
    """In an annotation: convert what a person wrote as this type, which says more than the one in front of it."""

    annotation: Any


@dataclass
class SubmitConfig:
    """How `raysearch submit` sends a job.

    Attributes:
        address: the dashboard as seen from where you submit.
        ship: send this raysearch along; otherwise the image of the cluster has it.
        env: environment variables of the job, which are not secret.
        exclude: further patterns of files to leave out, as in .gitignore.
        max_mb: the most that is sent, in MB, packed.
        max_file_mb: the most of one file, in MB.
    """

    address: str | None = None
    ship: bool = True
    env: dict[str, str] = field(default_factory=dict)
    exclude: list[str] = field(default_factory=list)
    max_mb: Megabytes = 90.0
    max_file_mb: Megabytes = 20.0


@dataclass
class SlurmConfig:
    """What `raysearch slurm` asks of Slurm.

    Attributes:
        partition: null leaves it to the site.
        account: null leaves it to the site.
        time: the limit, as --time takes it.
        nodes: how many.
        gpus_per_node: GPUs of each node.
        cpus_per_node: cores of each node.
        setup: shell lines before anything else (modules, virtual environment); every node gets the environment that
            they leave.
        options: further #SBATCH options.
        retries: new starts after a failure; the run goes on where it was.
        tmp: a folder on the node, with a short path, for Ray's sockets.
        script: the template, beside the cluster file.
    """

    partition: str | None = None
    account: str | None = None
    time: str = "24:00:00"
    nodes: Several = 1
    gpus_per_node: OrNone = 0
    cpus_per_node: Several = 8
    setup: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    retries: Annotated[int, Ge(0), Le(1000)] = 3
    tmp: str = "/tmp"
    script: str = "script.sbatch"
