"""What MAGI-1 takes of memory, by count: from shapes, sizes and settings alone. Loads no torch.

Counted are weights, keys and values of finished chunks, and the largest moment of a block. Text encoders are counted by
themselves, since they may stay on the CPU. What only a run shows comes on top: the CUDA context and fragments.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path

from raysearch.config.by_card import part_dtype
from raysearch.config.settings import GeneratorConfig
from raysearch.generators.magi1.folder import header
from raysearch.generators.magi1.settings import MagiSettings, settings
from raysearch.generators.magi1.shape import PATCH, exact
from raysearch.generators.magi1.stages import FRAMES, REACH

GB = 1e9
BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
PUBLISHED = {False: 64, True: 16}  # steps of a chunk, of base and of distilled models


@dataclass(frozen=True)
class MagiBytes:
    """Bytes.

    Attributes:
        network: weights of the transformer.
        vae: weights of the autoencoder.
        text: weights of the text encoder, in fp32.
        chunk: keys and values of a finished chunk.
        past: those that are there at once, with what the memo keeps.
        forward: the largest moment of a block, of one particle with all chunks in flight.
        particle: latents of the whole video, x and x0_hat.
    """

    network: int
    vae: int
    text: int
    chunk: int
    past: int
    forward: int
    particle: int

    @property
    def on_gpu(self) -> int:
        """All but the text encoder."""
        return self.network + self.vae + self.past + self.forward + self.particle


def footprint(s: MagiSettings, config: GeneratorConfig, given: int = 0) -> MagiBytes:
    """What a job takes.

    Args:
        s: what follows from the job and the checkpoint.
        config: the generator of the job.
        given: frames with which the video begins.
    """
    a, vae = s.checkpoint.architecture, s.checkpoint.vae_shape
    each = BYTES[part_dtype(config.dtype or {}, "default")]
    stages = s.stages(given, "of the count")
    h, w = s.height // vae.patch[1], s.width // vae.patch[2]
    tokens = FRAMES * (h // PATCH[1]) * (w // PATCH[2])
    flying = min(s.options.window, s.made)
    chunk = tokens * a.layers * 2 * a.groups * a.head * each
    return MagiBytes(
        network=sum(prod(shape) * (4 if exact(name) else each) for name, shape in a.tensors()),
        vae=vae.parameters * each,
        text=4 * sum(_parameters(file) for file in s.checkpoint.text.glob("*.safetensors")),
        chunk=chunk,
        past=chunk * (max(s.options.memo, _finished(stages.chunks, s.options.window)) + 1),
        forward=flying * tokens * _moment(a.width, a.inner * (2 if a.gated else 1), a.heads * a.head, each)
        + 4 * a.width * 2 * a.heads * a.head,
        particle=2 * 4 * a.latent * FRAMES * stages.chunks * h * w,
    )


def lines(config: GeneratorConfig) -> dict[str, str]:
    """What the checkpoint of a job is and what it takes, name and finding, for people."""
    s = settings(config)
    f, of = footprint(s, config), s.checkpoint
    a = of.architecture
    kind = "distilled" if s.distilled else "base"
    published = PUBLISHED[s.distilled]
    return {
        "model": f"MAGI-1 {a.name}, {kind}{', from fp8' if of.quantised else ''}: {a.parameters:,} parameters, "
        f"{a.layers} layers of {a.width}",
        "chunks": f"{s.made} of {s.each} steps, {s.options.window} in flight; published with {published} steps",
        "on the GPU": f"{f.on_gpu / GB:.3g} GB by count: network {f.network / GB:.3g}, autoencoder {f.vae / GB:.3g}, "
        f"keys and values {f.past / GB:.3g} ({f.chunk / GB:.3g} a chunk, call.memo={s.options.memo}), a block "
        f"{f.forward / GB:.3g}, at {s.width} x {s.height}",
        "text encoder": f"{f.text / GB:.3g} GB, {'on the CPU' if config.offload_text else 'on the GPU as well'}",
    }


def _finished(chunks: int, window: int) -> int:
    """The most finished chunks that one in flight sees."""
    return max(min(chunks - 1, REACH[0] - window), 0)


def _moment(d: int, inner: int, queries: int, each: int) -> int:
    """Bytes a token at the largest moment of a block.

    In attention there are the tokens, their norm and both kinds of queries, what both attentions gave, apart and
    together, the same in fp32, and its projection in fp32; in the MLP tokens, both maps and sums in fp32.
    """
    attention = each * (2 * d + 2 * queries + 2 * 2 * queries) + 4 * 2 * queries + 4 * d
    mlp = each * (2 * d + 2 * inner) + 4 * 2 * d
    return max(attention, mlp)


def _parameters(file: Path) -> int:
    return sum(prod(entry["shape"]) for entry in header(file).values())
