"""Prints docs/generators.md: `make generators-page`. Its numbers are asserted."""

from __future__ import annotations

from raysearch.generators import families
from raysearch.generators.declare import Autoencoder
from raysearch.generators.families import describe
from tests.zoo.cases import CASES, Case

HEAD = """\
# Generators

`generator.name: diffusers` drives any video pipeline of diffusers that has one schedule and one call of
`prepare_latents`, and MiniMax-H3, which is a modular pipeline: `generator.model` is a folder or a hub id.
Of a class that is not in the table, what it takes and
what its call requires is read from its code (`raysearch/generators/probing.py`): what needs anything that no prompt
gives, makes several chunks or more than a video, or steps its scheduler otherwise than once is refused with the reason
before anything is loaded, and of the rest the first step is held against that of its own scheduler. This page is
written by the test suite (`make generators-page`), which fails if it is old. `raysearch doctor MODEL` tries a model on
your machine.

* **text, image, frames**: what a prompt may give: `text`, `image`, or a `video` to continue. Where an image or frames
  are *needed*, a prompt with text alone is refused. What a class cannot do is an error before anything is loaded.
* **held**: given frames stand still in the latents, so no kernel, mutation or re-noising moves them. Elsewhere the
  network sees them and is free to follow.
* Pipelines that make a *new version* of a clip start from it, noised as `call.strength` says; `steps` counts the steps
  that are taken.
* **chunks**: a long video can be made chunk by chunk, see below.
* **batch**: particles can share a call of the pipeline, if each has its prompt (*prompts*) or its prompt and image or
  clip (*frames*) in it. Noise is then the same bit for bit, x0_hat the same up to rounding; raysearch itself keeps to
  one particle per call, so that a particle has the same bits in any company.
* **packages**: diffusers does without them until the pipeline runs (ftfy, and torchvision of
  MiniMax-H3: until it encodes a text).
* Classes of the same weights stand in for each other: an image makes `LTXPipeline`, `WanPipeline` (TI2V-5B alone) and
  `SkyReelsV2DiffusionForcingPipeline` the class of that name that takes images; a clip, the last one that takes clips.
"""
SETTINGS = """
## Settings beside the prompt

All under `generator:`; what cannot be done is an error before loading, as far as the model's index tells.

* `num_frames`, `height`, `width`: a pipeline makes whole latent frames, so it rounds: LTX makes 8k + 1 frames and 9 of
  12 asked for, Wan 4k + 1 and 21 of 20. `raysearch config`, `plan`, `doctor`, `run` and every dry run say how many will
  be made, rewards and challenges are held against that number before anything starts, and a height or width that the
  model cannot make is refused with the multiples it makes. They follow from the class and the configurations of
  autoencoder and network (`raysearch/generators/sizes.py`).
* `revision`: of a hub id. A branch is resolved to its commit, from the hub or the local cache, before anything is
  loaded; the commit is what workers load and what the journal records. Where it cannot be told, a warning says so. Of a
  folder the journal records a hash of the content.
* `trust_remote_code`: weights are read from safetensors alone, and code that a model brings runs only where this is
  literally `true`.
* `times`: which table of noise levels `shift` shifts, for pipelines that take times. `even` in sigma; `warped`, small
  steps first; `vp`, even in the time of the variance-preserving path; `vp_warped`, both, as RBF samples
  ([strategies](strategies.md)). With another table than `even`, and `shift: null`, the shift is 1.
* `card`: every setting that a job leaves open has the value of the model's card, what its maker asks for: dtypes of
  parts, settings of the scheduler, steps, guidance, frame rate, sizes, decoder ([cards](cards.md)). What a job says
  otherwise is used and told once at the start; `raysearch doctor MODEL --card` shows both. A folder is known by the
  name of the model in its path, or by `card: HUB_ID`. Cards stand in `raysearch/cards/`, one file per family; its
  `card.py` says what an entry holds, and a new one needs no other code.
* `dtype`: of all parts, or a mapping of parts such as `{default: bfloat16, vae: float32}`. The particle stays fp32
  around them; after 20 steps in bf16 the latents differ from those in fp32 by under 2 % (tested on tiny pipelines).
* `scheduler`: settings of the model's own scheduler, such as `{flow_shift: 5.0}` (UniPC, DPM++) or `{shift: 5.0}`
  (FlowMatchEuler), by its own `from_config`; a name that it does not have is an error before loading.
* `fps`: of the film, and of the network where it is told the rate: `frame_rate` of LTX, `fps` of Cosmos 2 and 3,
  SkyReels (diffusion forcing) and SVD. An argument under `call` wins.
* `guidance_scale`: an argument of the call, or the scale of the guider where the class has one instead (HunyuanVideo
  1.5, Motif).
* `call.enable_sound` (false): makes Cosmos 3 make sound with the video, where the model has a decoder of sound. LTX-2
  and MiniMax-H3 always make it. The film has it; rewards see the video alone.
* `offload_text` (true): on a GPU, text and image encoders stay in the computer's memory and come to the GPU for the
  moment in which a new prompt is encoded. Without a GPU it does nothing. On Ray one replica loads them, for all
  ([the engine](engine.md)).
* `compile`: the network by torch.compile. Rounds differently, so it is part of a run's identity.
* `tiling`, `slicing`: of the autoencoder. Tiles overlap and are blended, so the pixels differ a little.
* `decode_chunk`: latent frames to decode at a time, where an autoencoder can and does not anyway:
"""
CHUNKS = """
## Chunk by chunk

```yaml
generator: {model: Skywork/SkyReels-V2-DF-14B-540P-Diffusers, chunks: 3, steps: 90, fps: 24, num_frames: 257,
            height: 544, width: 960, call: {overlap_history: 17, base_num_frames: 97}}
search: {name: smc, n: 16, kernel: {name: ddim_eta, eta: 0.7}}
```

With `generator.chunks: N` a video is made in N chunks, each conditioned on the last `call.overlap_history` frames (by
default 17) of those before it; `call.base_num_frames` is the length of a chunk with its history, by default the
smallest that will do. `steps` are those of the whole video, `steps / N` for each chunk. To a search it is an ordinary
generator:

* `search.reads` of SMC and beam is `[1/N, 2/N, ...]` by default, so they score and select whenever a chunk is finished
  and nothing later has seen it. Other reads are allowed: a preview shows the finished chunks and x0_hat of the one in
  work. At the end of a chunk that is the finished chunks alone: the next one is still pure noise and is left out.
* Finished chunks never change: kernels, mutation, and going back within a later chunk leave them bit for bit. Copies of
  a particle part in the next chunk, by the kernel's noise. `kernel.window` is in fractions of all steps: give the
  kernel [0, 1], as here, for the default of SMC and beam, [0.2, 0.8], brings no noise to the first and last fifth.
* The reward must be content with the frames of the first chunk alone (V-JEPA 2: at least a window).
* The video is bit for bit that of the stock pipeline's long-video call (with `ar_step` 0 and a first-order solver).
  `call.addnoise_condition` works; its noise is addressed like all other.

`search: chunkwise` chooses chunk by chunk, each scored alone with its true past ([strategies](strategies.md)). Another
autoregressive model comes in by `raysearch/generators/chunked.py`: it brings generators of windows of latents, whose
first frames are clean history, and `Chunked` makes them one generator of the whole video. MAGI-1, whose chunks overlap
in time, is a generator of its own: `generator.name: magi1` ([MAGI-1](magi1.md)).
"""
API = """
## Models that are only an API

```yaml
generator:
  name: api
  endpoint: http://localhost:8000/v1      # its key is RAYSEARCH_API_KEY, from the environment alone
  model: Wan-AI/Wan2.2-TI2V-5B-Diffusers  # as the endpoint calls it
  height: 480
  width: 832
  num_frames: 81
  fps: 16
  call: {num_inference_steps: 40}         # further fields of the form, as they are
  price: 0.40                             # USD per video
  budget: {usd: 20}
```

The shape is that of OpenAI's videos API (`POST /videos`, `GET /videos/ID`, `GET /videos/ID/content`), as vllm-omni,
sglang, FastVideo and LiteLLM serve it; it is tested against a server of that shape on loopback, and none of the real
ones has been tried. A video is one step, and the state is the file that came back. So `best_of_n`, `wording`,
`across: variants`, `prompts.rewrite` and the final choice work. Everything else is refused with the reason: other
strategies, guides, noisy kernels, and settings of a pipeline. Prompts give a text and at most an image, which is sent
as `input_reference`.

**Always sent** are the seed (from the address of the noise, below 2^24), size, frames, frames per second and seconds,
since defaults differ between servers; sglang takes seed 42 and FastVideo 1024 where none is given. The same seed on
two engines is not the same video, so the endpoint is part of every key; price and budget are not.

**Nothing is paid twice.** No server of this shape has an idempotency key. Each request is recorded in `requests/` of
the run folder before it is sent, then the id of its job, and the video is kept there as it came. After `kill -9` at
any moment the same command goes on from the record: it polls the job, or fetches the video, or looks the request up
among the endpoint's jobs if its answer was lost. Where that cannot be settled (no list of jobs, several that fit, a
job that the server has forgotten) a request without a `price` is sent again, and one with a price is left to a
person, in one line that names the record. On Ray no request is hedged.

**Faults.** 429 and 503 are waited for (`Retry-After`, else pauses that double); another 5xx, a time-out and an answer
that was cut are looked up first. A job that failed is asked for again, three times in all. Content that the endpoint
refuses is a candidate without a reward, and is not asked again. A state that is not known is an error, not a queue.

**Money.** With `price` and `budget` a job that would cost more is refused before anything is asked, and no request is
sent that would exceed the budget; every request in the folder counts that may have been paid. Replicas are processes
that wait, so several can share a core: `cluster.generators: {replicas: 8, num_cpus: 0.1}` keeps eight requests in
work.
"""
STEPWISE = """
## Engines that step their requests

`generator: {name: stepwise, steps: 50, fps: 24, call: {host: "my_engine:host"}}` drives an engine whose pipeline
has the four methods of continuous batching (`SupportsStepExecution` of vllm-omni): `prepare_encode`,
`denoise_step`, `step_scheduler`, `post_decode`. Latents go in and out between its network calls, so every search
works but guided ones, for engines compute no gradients; the engine's own scheduler never steps, and the particle is
kept here. The host, a function of the configuration and a device, returns an object that says how the engine makes
a request, a batch and frames (`raysearch/generators/stepwise.py`, `examples/stepping.py`). **Untried on a real
engine**: the tests use a stand-in of the contract that denoises with the tiny network, whose own loop gives the
same video to 1e-4. Known of vllm-omni 0.30: a pipeline may have the methods and refuse (`supports_step_execution`
is read), a cached batch is recognised by request ids alone (so every wording has its own), and `denoise_step` needs
the engine's forward context, so the host must live in its worker.
"""

MIDDLE = """
## What the suite asserts

Each row is a pipeline built tiny from configuration alone and put through `tests/zoo/test_contract.py`: a chain cut in
two equals the unsplit one bitwise; a noisy particle goes on bitwise on a fresh replica; the chain makes the stock
pipeline's video within the bound below (greatest difference of a pixel, videos lie in [0, 1]); gradients flow through
decode and through the network; conditions reach the network and are held where the table says so; mutating and going
back leave held positions and finished chunks; particles share a call where the table says so, and cannot elsewhere;
with bf16 weights the state stays fp32 and the chain bitwise; frames and pixels made are those foretold.
"""


def row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    return ["", row(head), row(["---"] * len(head)), *map(row, rows)]


def family(f: dict) -> list[str]:
    def takes(kind: str) -> str:
        return ("needed" if f["needs_frames"] and kind != "text" else "yes") if f[kind] else "-"

    remarks = "; ".join(filter(None, [f["notes"], f["why"]]))
    tested = "yes" if f["tested"] else "no"
    kinds = [takes(k) for k in ("text", "image", "frames")]
    told = ["yes" if f[k] else "-" for k in ("held", "chunks")]
    return [f["name"], f"`{f['pipeline']}`", *kinds, *told, f["batch"] or "-", f["needs"] or "-", tested, remarks]


def case(c: Case) -> list[str]:
    given = {0: "text", 1: "image"}.get(c.given, f"{c.given} frames")
    return [c.id, f"`{c.pipeline}`", given, f"{c.fidelity:g}", c.why, ", ".join(c.needs) or "-"]


def decoders() -> list[list[str]]:
    """One row per autoencoder: those that always decode in parts, those that can, those that cannot, any other."""
    every = sorted(families.AUTOENCODERS.values(), key=lambda a: (not a.always, not a.least))
    return [*map(decoder, every), ["any other", "-", "as it is made to; try tiling"]]


def decoder(a: Autoencoder) -> list[str]:
    if a.always:
        frames = f"{a.always} latent frame{'s' * (a.always > 1)}"
        return [f"`{a.name}`", "-", f"always {frames} at a time, with a cache of the past"]
    if not a.least:
        return [f"`{a.name}`", "-", f"{a.unset}; {a.instead}{'' if a.tiles else '; it has no tiles'}"]
    pieces = "with decode_chunk, pieces that are blended or use a cache of the past: other pixels"
    return [f"`{a.name}`", f"at least {a.least}", f"{a.unset}; {pieces}"]


def page() -> str:
    rows = describe()
    heads = ["family", "pipeline", "text", "image", "frames", "held", "chunks", "batch", "packages", "tested", "notes"]
    suite = ["case", "pipeline", "given", "bound", "because of", "needs"]
    return "\n".join([
        HEAD.rstrip(), *table(heads, [family(f) for f in rows]),
        SETTINGS.rstrip(), *table(["autoencoder", "decode_chunk", "decodes"], decoders()),
        CHUNKS.rstrip(),
        API.rstrip(),
        STEPWISE.rstrip(),
        MIDDLE.rstrip(), *table(suite, list(map(case, CASES))),
    ])  # fmt: skip


if __name__ == "__main__":
    print(page())
