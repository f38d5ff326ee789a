"""Prints docs/generators.md: `make generators-page`. Its numbers are asserted."""

from __future__ import annotations

from raysearch.generators import families
from raysearch.generators.declare import Autoencoder
from raysearch.generators.families import describe
from tests.zoo.cases import CASES, Case

HEAD = """\
# Generators

`generator.name: diffusers` drives any video pipeline of diffusers that has one schedule and one call of
`prepare_latents`: `generator.model` is a folder or a hub id. Of a class that is not in the table, what it takes and
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
* **packages**: diffusers does without them until the pipeline runs (ftfy: until it encodes a text).
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
* `fps`: of the film, and of the network where it is told the rate: `frame_rate` of LTX, `fps` of Cosmos 2, SkyReels
  (diffusion forcing) and SVD. An argument under `call` wins.
* `guidance_scale`: an argument of the call, or the scale of the guider where the class has one instead (HunyuanVideo
  1.5, Motif).
* `offload_text` (true): on a GPU, text and image encoders stay in the computer's memory and come to the GPU for the
  moment in which a new prompt is encoded. Without a GPU it does nothing.
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

Another autoregressive model (MAGI-1) comes in by the same seam, `raysearch/generators/chunked.py`: it brings generators
of windows of latents, whose first frames are clean history; `Chunked` makes them one generator of the whole video, with
`path(k)` as tensors that broadcast over latent frames. A key/value cache is derived from the history in the window, so
a particle is its latents and its step wherever it goes.
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
        MIDDLE.rstrip(), *table(suite, list(map(case, CASES))),
    ])  # fmt: skip


if __name__ == "__main__":
    print(page())
