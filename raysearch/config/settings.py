"""What a job may say: typed settings with defaults that work, their bounds and meanings, and nothing that acts.

A job says what to run, `cluster` where. raysearch/config/load.py reads, merges and checks them; an annotation holds
what may be given, the docstring what it does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, TypedDict

from annotated_types import Ge, Gt, Le

from raysearch.config.places import As, ClusterConfig, PoolConfig
from raysearch.config.prompting import PromptItem, PromptsConfig
from raysearch.errors import UsageError
from raysearch.moves import UNKEYED
from raysearch.times import TIMES

__all__ = ["ClusterConfig", "GeneratorConfig", "Job", "PartSpec", "PoolConfig", "PromptItem", "PromptsConfig", "Spec"]

Pixels = Annotated[int, Ge(1), Le(16_384)]
Films = Literal["best", "shown", "all", "none"]
Latents = Literal["best", "finals", "none"]
Times = Literal["even", "warped", "vp", "vp_warped"]
DType = Literal["float32", "bfloat16", "float16"]


class PartSpec(TypedDict, total=False):
    """What the specs of searches and rewards have in common; the other keys are options of the part that they name."""

    name: str
    label: str
    revision: str | None


Spec = Annotated[dict[str, Any], As(PartSpec)]


@dataclass
class GeneratorConfig:
    """The video generator. null leaves a setting to the pipeline (for `tiny`: to what suits it).

    Attributes:
        name: `diffusers`, `api` for a model behind an endpoint, or `package.module:function` for a custom generator.
        model: `tiny`, a folder or a hub id; of an `api` the name that the endpoint has for it.
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
        endpoint: of an `api`, e.g. http://localhost:8000/v1; its key is RAYSEARCH_API_KEY, from the environment alone.
        price: of a video of an `api`, in USD.
        budget: of an `api`, {usd: 20}; no request is sent that would exceed it, those of earlier runs in the folder
            included.
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
    endpoint: str | None = None
    price: Annotated[float, Gt(0), Le(100_000)] | None = field(default=None, metadata=UNKEYED)
    budget: dict[str, Annotated[float, Gt(0), Le(1_000_000_000)]] = field(default_factory=dict, metadata=UNKEYED)

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
        needs_gpu: refuse to compute the generator on a CPU, where a large model takes days instead of minutes.
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
    needs_gpu: bool = False
    challenge: dict[str, Any] = field(default_factory=dict)
    sweep: dict[str, Any] = field(default_factory=dict)
    searches: dict[str, Any] = field(default_factory=dict)
    cluster: ClusterConfig = field(default_factory=ClusterConfig)
