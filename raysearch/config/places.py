"""Keys of a cluster file that say how a job gets there: `submit` (a Ray cluster, from afar) and `slurm`.

The same cluster file serves `raysearch run --cluster` on the head, which reads neither, and `raysearch submit` or
`raysearch slurm` from a laptop or login node. No key may hold a secret.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class SubmitConfig:
    """address: the dashboard as seen from where you submit. ship: send this raysearch along; else the image has it.

    env: environment variables of the job, not secret. exclude: further patterns of files to leave out, as in
    .gitignore. max_mb: the most that is sent, packed; max_file_mb: the most of one file.
    """

    address: str | None = None
    ship: bool = True
    env: dict[str, str] = field(default_factory=dict)
    exclude: list[str] = field(default_factory=list)
    max_mb: float = 90.0
    max_file_mb: float = 20.0


@dataclass
class SlurmConfig:
    """What `raysearch slurm` asks of Slurm; None leaves it to the site.

    time: as --time. setup: shell lines before anything else (modules, virtual environment); every node gets the
    environment they leave. options: further #SBATCH options. retries: new starts after a failure; the run goes on where
    it was. tmp: node-local folder, short, for Ray's sockets. script: template,
    beside the cluster file.
    """

    partition: str | None = None
    account: str | None = None
    time: str = "24:00:00"
    nodes: int = 1
    gpus_per_node: int = 0
    cpus_per_node: int = 8
    setup: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    retries: int = 3
    tmp: str = "/tmp"
    script: str = "script.sbatch"
