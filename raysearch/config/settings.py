"""What a job may say: typed settings with defaults that work, their bounds and meanings, and nothing that acts.

A job says what to run, `cluster` where. raysearch/config/load.py reads, merges and checks them; an annotation holds
what may be given, the docstring what it does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, TypedDict

from annotated_types import Ge, Gt, Le

from raysearch.config.places import As, Several, SlurmConfig, SubmitConfig
from raysearch.errors import UsageError
from raysearch.times import TIMES

Seconds = Annotated[float, Ge(1), Le(10_000_000)]
Share = Annotated[float, Ge(0), Le(100_000)]  # of cores or GPUs
Pixels = Annotated[int, Ge(1), Le(16_384)]
Films = Literal["best", "shown", "all", "none"]
Latents = Literal["best", "finals", "none"]
Times = Literal["even", "warped", "vp", "vp_warped"]
DType = Literal["float32", "bfloat16", "float16"]


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
class GeneratorConfig:
    """The video generator. null leaves a setting to the pipeline (for `tiny`: to what suits it).

    Attributes:
        name: `diffusers`, or `package.module:function` for a custom generator (see generators.found).
        model: `tiny`, a folder or a hub id.
        revision: of a hub id; a branch is pinned to its commit.
        dtype: of the network.
        steps: denoising steps of a video.
        shift: take times evenly in sigma and shift them (s -> shift*s / (1 + (shift - 1) s)) instead of the pipeline's
            own table.
        times: the table that is shifted (by 1 where shift is null): `even` in sigma; `warped`, sqrt(1 - share^2), with
            small steps first; `vp`, even in the time of the variance-preserving path; `vp_warped`, both (RBF).
        guidance_scale: of classifier-free guidance.
        negative_prompt: what the video should not show.
        height: in pixels.
        width: in pixels.
        num_frames: of the whole video.
        fps: frames per second; clips of prompts are resampled to it.
        fit: what gives a picture or clip of another shape the shape of the video; `crop` keeps its centre, `pad` adds
            black bars, `stretch` distorts it.
        chunks: make the video in this number of chunks, each with its share of the steps.
        tiling: decode in tiles, which takes less memory.
        slicing: decode one video of a batch at a time.
        decode_chunk: latent frames decoded at once.
        offload_text: encoders leave the GPU once a prompt is encoded.
        compile: the network by torch.compile, which rounds differently.
        trust_remote_code: true runs code that a model brings.
        call: further arguments of the pipeline call.
    """

    # What every fingerprint and manifest holds; a setting that is added later enters them only where it is set.
    KEYED: ClassVar[tuple[str, ...]] = (
        "name", "model", "revision", "dtype", "steps", "shift", "guidance_scale", "negative_prompt", "height", "width",
        "num_frames", "fps", "chunks", "tiling", "slicing", "decode_chunk", "offload_text", "compile",
        "trust_remote_code", "call",
    )  # fmt: skip

    name: str = "diffusers"
    model: str = "tiny"
    revision: str | None = None
    dtype: DType = "float32"
    steps: Annotated[int, Ge(1), Le(100_000)] | None = None
    shift: Annotated[float, Gt(0), Le(10_000)] | None = None
    guidance_scale: Annotated[float, Ge(0), Le(10_000)] | None = None
    negative_prompt: str | None = None
    height: Pixels | None = None
    width: Pixels | None = None
    num_frames: Annotated[int, Ge(1), Le(100_000)] | None = None
    fps: Annotated[float, Ge(1), Le(1000)] | None = None
    fit: Literal["crop", "pad", "stretch"] = "crop"
    chunks: Annotated[int, Ge(1), Le(10_000)] = 1
    tiling: bool = False
    slicing: bool = False
    decode_chunk: Annotated[int, Ge(1), Le(100_000)] | None = None
    offload_text: bool = True
    compile: bool = False
    trust_remote_code: Any = False
    call: dict[str, Any] = field(default_factory=dict)
    times: Times = "even"

    def pipeline_call(self) -> dict[str, Any]:
        """The arguments of the pipeline call that no prompt changes."""
        names = ("guidance_scale", "negative_prompt", "height", "width", "num_frames")
        call = {k: getattr(self, k) for k in names if getattr(self, k) is not None} | dict(self.call)
        if self.shift is not None or self.times != "even":
            if self.steps is None:
                raise UsageError("generator.steps is missing; shift and times make a table of that many times")
            each, shift = self.steps // self.chunks, 1.0 if self.shift is None else self.shift
            sigmas = [TIMES[self.times](k / each) for k in range(each)]
            call["timesteps"] = [1000 * shift * s / (1 + (shift - 1) * s) for s in sigmas]
        return call


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
        guide_from: which reward gives guides their gradient, one in each generator replica (`colocated`) or `remote`.
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
        latents: which states to keep on disk once a search is done, `best`, `finals` or `none`; until then, all are.
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
