"""What a job may say of its generator: typed settings with bounds and meanings, below the key `generator`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Le

from raysearch.canonical import UNKEYED
from raysearch.config.cheaper import Adapters, Preview, Quantization
from raysearch.errors import UsageError
from raysearch.times import TIMES

Pixels = Annotated[int, Ge(1), Le(16_384)]
Times = Literal["even", "warped", "vp", "vp_warped"]
DType = Literal["float32", "bfloat16", "float16"]
Offload = Literal["model", "sequential", "group"]


@dataclass
class GeneratorConfig:
    """The video generator. null leaves a setting to the pipeline (for `tiny`: to what suits it).

    Attributes:
        name: `diffusers`, `magi1`, `api` for a model behind an endpoint, `stepwise` for an engine that steps its
            requests, or `package.module:function` for a custom generator (see generators.found).
        model: `tiny`, a folder or a hub id; for `magi1` a folder, for `api` the name that the endpoint has for it.
        revision: of a hub id; a branch is pinned to its commit.
        card: the hub id of the model whose card fills what the job leaves open, where `model` does not tell it.
        dtype: of all parts, or a mapping such as {default: bfloat16, vae: float32}; null means the card's, or float32.
        steps: denoising steps of a video.
        scheduler: settings of the model's own scheduler, such as {flow_shift: 5.0}.
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
        chunks: make the video in this number of chunks, each with its share of the steps (`magi1`: seconds to make).
        tiling: decode in tiles, which takes less memory; null means the card's, or false.
        slicing: decode one video of a batch at a time.
        decode_chunk: latent frames decoded at once.
        offload_text: encoders leave the GPU once a prompt is encoded.
        compile: the network by torch.compile, which rounds differently.
        trust_remote_code: true runs code that a model brings.
        call: further arguments of the pipeline call.
        lora: an adapter of the network, {model: FILE, scale: 1.0}, or a list of them; see docs/fast.md, also for the
            settings that follow.
        quantization: networks in fewer bits, by the name of the part: {transformer: {with: torchao, type: ...}}.
        attention: what computes attention in the network, a backend of diffusers such as `flash`; null for PyTorch's.
        layerwise_casting: keep the weights of the network in this dtype, and compute in that of `dtype`.
        offload: keep weights in host memory while they are not needed: of whole parts (`model`), or of the network's
            blocks, one at a time (`sequential`) or the next beside the present one (`group`).
        preview: what decodes the reads of a search that are not final: {decoder: FILE}, a tiny one, and {size: 0.5}.
        endpoint: of an `api`, e.g. http://localhost:8000/v1; its key is RAYSEARCH_API_KEY, from the environment alone.
        price: of a video of an `api`, in USD.
        draw: `package.module:function` that structures the noise by the plan of a prompt; see generators.draws.
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
    dtype: DType | dict[str, DType] | None = None
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
    tiling: bool | None = None
    slicing: bool = False
    decode_chunk: Annotated[int, Ge(1), Le(100_000)] | None = None
    offload_text: bool = True
    compile: bool = False
    trust_remote_code: Any = False
    call: dict[str, Any] = field(default_factory=dict)
    times: Times = "even"
    card: str | None = None
    scheduler: dict[str, Any] = field(default_factory=dict)
    lora: Adapters = field(default_factory=list)
    quantization: dict[str, Quantization] = field(default_factory=dict)
    attention: str | None = None
    layerwise_casting: Literal["float8_e4m3fn", "float8_e5m2", "bfloat16", "float16"] | None = None
    offload: Offload | None = None
    preview: Preview = field(default_factory=Preview)
    endpoint: str | None = None
    draw: str | None = None
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
