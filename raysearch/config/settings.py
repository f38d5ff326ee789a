"""What a job may say: typed settings with defaults that work, their bounds and meanings, and nothing that acts.

A job says what to run, `cluster` where. raysearch/config/load.py reads, merges and checks them; an annotation holds
what may be given, the docstring what it does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypedDict

from annotated_types import Ge, Le

from raysearch.config.generator import GeneratorConfig as GeneratorConfig  # where it is usually imported from
from raysearch.config.places import As, Several, SlurmConfig, SubmitConfig

Seconds = Annotated[float, Ge(1), Le(10_000_000)]
Share = Annotated[float, Ge(0), Le(100_000)]  # of cores or GPUs
Films = Literal["best", "shown", "all", "none"]
Latents = Literal["best", "finals", "none"]


class PromptItem(TypedDict, total=False):
    """One prompt: a text, and at most one of image, video (files) and scene (of the tiny world)."""

    id: str
    text: str
    image: str | None
    video: str | None
    scene: str | None
    scene_seed: Annotated[int, Ge(0), Le(2**31 - 1)]


class PartSpec(TypedDict, total=False):
    """What the specs of searches and rewards have in common; the other keys are options of the part that they name."""

    name: str
    label: str
    revision: str | None


Spec = Annotated[dict[str, Any], As(PartSpec)]


@dataclass
class PromptsConfig:
    """What to generate.

    Attributes:
        items: prompts, each a text or a mapping with text, image, video, scene and id.
        file: a list of more prompts (.txt, .jsonl or .csv), or a folder of images and clips.
        heldout: the number of held-out scenes of the tiny world, beside the items.
        scenes: their kinds, taken in turn.
        first: number of the first held-out scene.
    """

    items: Annotated[list[Any], As(list[str | PromptItem])] = field(default_factory=list)
    file: str | None = None
    heldout: Annotated[int, Ge(0), Le(100_000)] = 0
    scenes: list[str] = field(default_factory=lambda: ["one_ball", "two_balls"])
    first: Annotated[int, Ge(0), Le(2**31 - 1)] = 0


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
    storage: str | None = None
    submit: SubmitConfig = field(default_factory=SubmitConfig)
    slurm: SlurmConfig = field(default_factory=SlurmConfig)


@dataclass
class Job:
    """A job: what to run, and where.

    Attributes:
        run: folder or URL of the results.
        seed: of all noise.
        prompts: what to generate.
        search: the strategy by `name`, with its options.
        generator: the video generator.
        reward: what the search goes by, by `name`, with its options.
        watch: further rewards, which are only measured.
        choose: the final choice among the candidates, by several measurements; empty for the highest reward.
        films: which videos to keep, `best`, `shown` (best, worst and first), `all` or `none`.
        latents: which states to keep on disk once a search is done, `best`, `finals` or `none`; while it runs all are
            kept, so that nothing is lost.
        baseline: run a guided search without its guide too, so that the report can tell what the guide has done.
        challenge: settings of `raysearch challenge`, which alone reads them.
        sweep: axes of `raysearch sweep`, key: [values].
        searches: options by strategy, for a sweep over several.
        cluster: where to run.
    """

    run: str = "runs/run"
    seed: Annotated[int, Ge(0), Le(2**63 - 1), "a whole number from 0 to 2^63 - 1"] = 0
    prompts: PromptsConfig = field(default_factory=PromptsConfig)
    search: Spec = field(default_factory=lambda: {"name": "best_of_n"})
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    reward: Spec = field(default_factory=lambda: {"name": "vjepa2"})
    watch: Annotated[list[Any], As(list[str | PartSpec])] = field(default_factory=lambda: [{"name": "motion"}])
    choose: dict[str, Any] = field(default_factory=dict)
    films: Films = "shown"
    latents: Latents = "best"
    baseline: bool = True
    challenge: dict[str, Any] = field(default_factory=dict)
    sweep: dict[str, Any] = field(default_factory=dict)
    searches: dict[str, Any] = field(default_factory=dict)
    cluster: ClusterConfig = field(default_factory=ClusterConfig)
