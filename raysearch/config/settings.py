"""What a job may say: typed settings with defaults that work, the values they may have, and nothing that acts.

A job says what to run, `cluster` where. raysearch/config/load.py reads, merges and checks them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from raysearch.config.places import SlurmConfig, SubmitConfig


@dataclass
class PromptsConfig:
    """What to generate: `items`, each {text, image, video, scene, id}; `heldout`: so many scenes of the tiny world."""

    items: list[Any] = field(default_factory=list)
    heldout: int = 0
    scenes: list[str] = field(default_factory=lambda: ["one_ball", "two_balls"])
    first: int = 0  # number of the first held-out scene


@dataclass
class GeneratorConfig:
    """name: `diffusers`, or `package.module:function` that makes a Model of one's own (see generators.found).

    model: `tiny`, a folder or a hub id. None leaves a setting to the pipeline (for `tiny`: to what suits it).

    shift: take times evenly in sigma and shift them (s -> shift*s / (1 + (shift - 1) s)) instead of the pipeline's own
    table. call: any further argument of the pipeline call. chunks: make the video in so many, each with its share of
    the steps. revision: of a hub id; a branch is pinned to its commit. trust_remote_code: run code that a model brings.
    Memory and time: tiling and slicing of the autoencoder; decode_chunk, latent frames decoded at once; offload_text:
    encoders leave the GPU once a prompt is encoded; compile: the network by torch.compile (rounds differently).
    """

    name: str = "diffusers"
    model: str = "tiny"
    revision: str | None = None
    dtype: str = "float32"
    steps: int | None = None
    shift: float | None = None
    guidance_scale: float | None = None
    negative_prompt: str | None = None
    height: int | None = None
    width: int | None = None
    num_frames: int | None = None
    fps: float | None = None
    chunks: int = 1
    tiling: bool = False
    slicing: bool = False
    decode_chunk: int | None = None
    offload_text: bool = True
    compile: bool = False
    trust_remote_code: Any = False
    call: dict[str, Any] = field(default_factory=dict)

    def pipeline_call(self) -> dict[str, Any]:
        """The arguments of the pipeline call that no prompt changes."""
        names = ("guidance_scale", "negative_prompt", "height", "width", "num_frames")
        call = {k: getattr(self, k) for k in names if getattr(self, k) is not None} | dict(self.call)
        if self.shift is not None:
            assert self.steps is not None
            each = self.steps // self.chunks
            even = [1 - k / each for k in range(each)]
            call["timesteps"] = [1000 * self.shift * s / (1 + (self.shift - 1) * s) for s in even]
        return call


@dataclass
class PoolConfig:
    """replicas: how many are wanted; at_least: with how many to be content, all by default.

    num_cpus, num_gpus (fractions allowed), memory_gb and resources (of Ray, by name): what each takes, per rank.
    accelerator_type (H100, A100 ...) and labels: on which nodes. threads: of torch on the CPU, each.
    ranks: processes over which one replica of the generator is split, by diffusers' context parallelism.
    """

    replicas: int = 1
    num_cpus: float = 1.0
    num_gpus: float = 0.0
    threads: int = 1
    at_least: int | None = None
    memory_gb: float | None = None
    accelerator_type: str | None = None
    resources: dict[str, float] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    ranks: int = 1


@dataclass
class ClusterConfig:
    """Where to run. executor: `ray` or `inline`. address: `local` starts a Ray of its own, else a cluster to join.

    wait_s: how long to wait for nodes until `at_least` replicas of each pool have a place; 0 refuses a cluster that is
    too small at once. placement: `free`, or `paired`, which puts one reward replica on the node (for fractions: on the
    GPU) of each generator replica. hedge: a call that takes so many times what such calls take is begun a second time
    where a replica is idle, and the first answer counts; 0 never.

    storage: folder or URL that all nodes see; a relative `run` of a job is a folder below it.
    guide_from: where guides get their gradient, `colocated` (every generator replica loads a reward of its own) or
    `remote` (a reward replica answers for each view). The numbers are the same.
    """

    executor: str = "ray"
    address: str = "local"
    wait_s: float = 0.0
    placement: str = "free"
    hedge: float = 3.0
    generators: PoolConfig = field(default_factory=lambda: PoolConfig(replicas=2, num_cpus=0.75))
    rewards: PoolConfig = field(default_factory=lambda: PoolConfig(replicas=1, num_cpus=0.5))
    load_timeout_s: float = 600.0  # until a replica has loaded its model
    loads_per_node: int = 2  # replicas of a pool that load at a time: loading needs more memory than having loaded
    guide_from: str = "colocated"
    deadline_s: float = 1800.0  # the most a call may take; a shorter one is learnt from the calls seen
    storage: str | None = None
    submit: SubmitConfig = field(default_factory=SubmitConfig)
    slurm: SlurmConfig = field(default_factory=SlurmConfig)


@dataclass
class Job:
    """run: folder of results; seed: of all noise; search, reward: by `name`, with options; watch: further rewards.

    choose: the final choice among the candidates of a search, by several measurements; empty: the highest reward.

    sweep: axes of `raysearch sweep`, key: [values]. searches: options by strategy for a sweep over several.
    films: which videos to keep, `best`, `shown` (best, worst and first), `all` or `none`. latents: which states to keep
    on disk once a search is done, `best`, `finals` or `none`; while it runs all are kept, so that nothing is lost.
    baseline: of a guided search, run the same without guide too, so that the report can tell what the guide has done.
    """

    run: str = "runs/run"
    seed: int = 0
    prompts: PromptsConfig = field(default_factory=PromptsConfig)
    search: dict[str, Any] = field(default_factory=lambda: {"name": "best_of_n"})
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    reward: dict[str, Any] = field(default_factory=lambda: {"name": "vjepa2"})
    watch: list[Any] = field(default_factory=lambda: [{"name": "motion"}])
    choose: dict[str, Any] = field(default_factory=dict)
    films: str = "shown"
    latents: str = "best"
    baseline: bool = True
    challenge: dict[str, Any] = field(default_factory=dict)  # read by `raysearch challenge` alone
    sweep: dict[str, Any] = field(default_factory=dict)
    searches: dict[str, Any] = field(default_factory=dict)
    cluster: ClusterConfig = field(default_factory=ClusterConfig)


CHOICES = {
    "films": ("best", "shown", "all", "none"),
    "latents": ("best", "finals", "none"),
    "cluster.executor": ("ray", "inline"),
    "cluster.placement": ("free", "paired"),
    "cluster.guide_from": ("colocated", "remote"),
    "generator.dtype": ("float32", "bfloat16", "float16"),
}
AT_LEAST: dict[str, float] = {
    "seed": 0, "generator.steps": 1, "generator.fps": 1, "prompts.heldout": 0, "cluster.generators.replicas": 1,
    "cluster.rewards.replicas": 1, "cluster.generators.threads": 1, "cluster.rewards.threads": 1,
    "cluster.submit.max_mb": 0, "cluster.submit.max_file_mb": 0, "cluster.slurm.nodes": 1, "cluster.slurm.retries": 0,
    "cluster.slurm.gpus_per_node": 0, "cluster.slurm.cpus_per_node": 1,
    "cluster.generators.ranks": 1, "cluster.generators.at_least": 1, "cluster.rewards.at_least": 1,
    "cluster.wait_s": 0, "cluster.hedge": 0, "cluster.loads_per_node": 1, "cluster.deadline_s": 1,
    "cluster.load_timeout_s": 1,
    "generator.chunks": 1, "generator.decode_chunk": 1,
}  # fmt: skip
