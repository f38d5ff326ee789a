"""Keys of a cluster file: the pools and their replicas, and how a job gets there, by `submit` (from afar) or `slurm`.

The same cluster file serves `raysearch run --cluster` on the head, which reads neither, and `raysearch submit` or
`raysearch slurm` from a laptop or login node. No key may hold a secret.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le

Several = Annotated[int, Ge(1), Le(100_000)]  # nodes, replicas, cores
Megabytes = Annotated[float, Ge(0), Le(1_000_000)]
Seconds = Annotated[float, Ge(1), Le(10_000_000)]
Share = Annotated[float, Ge(0), Le(100_000)]  # of cores or GPUs
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
        memory_per_node: as --mem takes it, such as 400G; null leaves it to the site.
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
    memory_per_node: str | None = None
    setup: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    retries: Annotated[int, Ge(0), Le(1000)] = 3
    tmp: str = "/tmp"
    script: str = "script.sbatch"


@dataclass
class PoolConfig:
    """The replicas of a pool, and what each takes.

    Attributes:
        replicas: how many are wanted.
        num_cpus: cores of each rank; fractions are allowed.
        num_gpus: GPUs of each rank; fractions are allowed.
        threads: of torch on the CPU, for each rank.
        at_least: with how many replicas to begin; defaults to all.
        memory_gb: memory of each rank, in GB.
        accelerator_type: on which nodes, such as H100 or A100.
        resources: further resources of Ray that each rank takes, by name.
        labels: labels of Ray that a node must have.
        ranks: processes over which one replica of the generator is split, by diffusers' context parallelism.
        across_nodes: the ranks of a replica may be on several nodes, which need a fast network between them.
    """

    replicas: Several = 1
    num_cpus: Share = 1.0
    num_gpus: Share = 0.0
    threads: Annotated[int, Ge(1), Le(1024)] = 1
    at_least: Several | None = None
    memory_gb: Annotated[float, Ge(0), Le(1_000_000)] | None = None
    accelerator_type: str | None = None
    resources: dict[str, Share] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    ranks: Several = 1
    across_nodes: bool = False


@dataclass
class ClusterConfig:
    """Where to run.

    Attributes:
        executor: `ray`, or `inline` for this process alone.
        address: `local` starts a Ray for this run, anything else is a cluster to join.
        wait_s: how long to wait for nodes until `at_least` replicas of each pool have a place, in seconds; 0 refuses a
            cluster that is too small at once.
        placement: `free`, or `paired`, which puts one reward replica on the node (for fractions: on the GPU) of each
            generator replica.
        hedge: a call that takes this many times what such calls take is begun a second time where a replica is idle,
            and the first answer counts; 0 for never.
        generators: the pool of generators.
        rewards: the pool of rewards.
        load_timeout_s: until a replica has loaded its model, in seconds.
        loads_per_node: replicas of a pool that load at a time, since loading needs more memory than having loaded.
        guide_from: where guides get their gradient, `colocated` (every generator replica loads a reward) or `remote` (a
            reward replica answers for each view). The numbers are the same.
        deadline_s: the most a call may take, in seconds; a shorter limit is learnt from the calls seen.
        gpu_hour: price of a GPU for an hour, for the costs in the report; in what currency is for its readers to know.
        storage: folder or URL that all nodes see; a relative `run` of a job is a folder below it.
        submit: how `raysearch submit` sends a job.
        slurm: what `raysearch slurm` asks for.
    """

    executor: Literal["ray", "inline"] = "ray"
    address: str = "local"
    wait_s: Annotated[float, Ge(0), Le(10_000_000)] = 0.0
    placement: Literal["free", "paired"] = "free"
    hedge: Annotated[float, Ge(0), Le(1_000_000)] = 3.0
    generators: PoolConfig = field(default_factory=lambda: PoolConfig(replicas=2, num_cpus=0.75))
    rewards: PoolConfig = field(default_factory=lambda: PoolConfig(replicas=1, num_cpus=0.5))
    load_timeout_s: Seconds = 600.0
    loads_per_node: Several = 2
    guide_from: Literal["colocated", "remote"] = "colocated"
    deadline_s: Seconds = 1800.0
    gpu_hour: Annotated[float, Ge(0), Le(1_000_000)] | None = None
    storage: str | None = None
    submit: SubmitConfig = field(default_factory=SubmitConfig)
    slurm: SlurmConfig = field(default_factory=SlurmConfig)
