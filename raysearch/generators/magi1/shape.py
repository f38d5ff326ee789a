"""The architecture of a MAGI-1 network, read off the shapes of its tensors. Loads no torch.

The published networks of 4.5B and 24B parameters, and every smaller one, differ by these numbers alone. `tensors` lists
every name and shape that a checkpoint of an architecture holds, so that a file which lacks one is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import TypeAlias

from raysearch.errors import UsageError

Shapes: TypeAlias = Mapping[str, tuple[int, ...]]

LAYER = "videodit_blocks.layers."
FREQUENCIES = 256  # numbers in the sinusoidal embedding of a time
PATCH = (1, 2, 2)  # latent frames, rows and columns of a token
LATENT = 16  # channels of a latent
EXACT = (  # parts that stay in fp32 whatever the dtype of the network
    "x_embedder.", "t_embedder.", "y_embedder.", "rope.", "final_linear.", "videodit_blocks.final_layernorm.",
    ".q_layernorm.", ".k_layernorm.", ".self_attn_post_norm.", ".mlp_post_norm.",
)  # fmt: skip


@dataclass(frozen=True)
class Architecture:
    """The numbers that define a network.

    Attributes:
        layers: transformer blocks.
        width: channels of a token.
        heads: heads of queries.
        groups: heads of keys and values.
        head: channels of a head.
        inner: channels between the two linear maps of a block's MLP, after the gate.
        gated: whether the MLP is silu(a) * b (24B) instead of gelu.
        doubled: whether the latent is given twice, on the channels (24B).
        condition: channels of the embedding of time.
        caption: channels of a caption token.
        captions: length of the null caption.
        bands: frequencies of the rotary embedding, the same for time, rows and columns.
        latent: channels of a latent.
    """

    layers: int
    width: int
    heads: int
    groups: int
    head: int
    inner: int
    gated: bool = False
    doubled: bool = False
    condition: int = 0
    caption: int = 4096
    captions: int = 800
    bands: int = 16
    latent: int = LATENT

    @property
    def rescale(self) -> float:
        """What the latent is multiplied by on its way in and divided by on its way out."""
        return 0.1 if self.doubled else 1.0

    @property
    def parameters(self) -> int:
        """The number of parameters."""
        return sum(prod(shape) for _, shape in self.tensors())

    @property
    def name(self) -> str:
        """What people call it."""
        billions = self.parameters / 1e9
        return f"{billions:.2g}B" if billions >= 0.1 else f"{self.parameters / 1e6:.2g}M"

    def tensors(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Every tensor of a checkpoint, by its published name."""
        d, c, channels = self.width, self.condition, self.latent * (2 if self.doubled else 1)
        yield "x_embedder.weight", (d, channels, *PATCH)
        for name, shape in (("mlp.0", (c, FREQUENCIES)), ("mlp.2", (c, c))):
            yield f"t_embedder.{name}.weight", shape
            yield f"t_embedder.{name}.bias", (c,)
        yield "y_embedder.null_caption_embedding", (self.captions, self.caption)
        for name, out in (("y_proj_xattn", d), ("y_proj_adaln", c)):
            yield f"y_embedder.{name}.0.weight", (out, self.caption)
            yield f"y_embedder.{name}.0.bias", (out,)
        yield "rope.bands", (self.bands,)
        yield from _norm("videodit_blocks.final_layernorm", d)
        yield "final_linear.linear.weight", (prod(PATCH) * channels, d)
        for i in range(self.layers):
            yield from ((f"{LAYER}{i}.{name}", shape) for name, shape in self._block())

    def _block(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        d, queries, keys = self.width, self.heads * self.head, self.groups * self.head
        yield "ada_modulate_layer.proj.0.weight", (2 * d, self.condition)
        yield "ada_modulate_layer.proj.0.bias", (2 * d,)
        yield from _norm("self_attention.linear_qkv.layer_norm", d)
        for name, out in (("q", queries), ("qx", queries), ("k", keys), ("v", keys)):
            yield f"self_attention.linear_qkv.{name}.weight", (out, d)
        yield "self_attention.linear_kv_xattn.weight", (2 * keys, d)
        yield "self_attention.linear_proj.weight", (d, 2 * queries)
        for name in ("q_layernorm", "k_layernorm", "q_layernorm_xattn", "k_layernorm_xattn"):
            yield from _norm(f"self_attention.{name}", self.head)
        for name in ("self_attn_post_norm", "mlp_post_norm", "mlp.layer_norm"):
            yield from _norm(name, d)
        yield "mlp.linear_fc1.weight", (self.inner * (2 if self.gated else 1), d)
        yield "mlp.linear_fc2.weight", (d, self.inner)


MAGI_4_5B = Architecture(34, 3072, 24, 8, 128, 12288, condition=768)
MAGI_24B = Architecture(48, 6144, 48, 8, 128, 16384, gated=True, doubled=True, condition=1536)


def architecture(shapes: Shapes, where: str) -> Architecture:
    """The architecture of a checkpoint.

    Args:
        shapes: of all its tensors, by name; weights in fp8 without their leading 1.
        where: the key and value of the job that name the checkpoint, for messages.

    Raises:
        UsageError: for a checkpoint of another model, and for one that lacks a tensor or has one too many.
    """
    try:
        found = _read(shapes)
    except (KeyError, IndexError, ValueError, ZeroDivisionError):
        raise UsageError(
            f"{where}: the tensors are not those of a MAGI-1 network; give a folder of sand-ai/MAGI-1 such as "
            "ckpt/magi/4.5B_base"
        ) from None
    wanted = dict(found.tensors())
    if missing := [name for name in wanted if name not in shapes]:
        raise UsageError(f"{where}: {len(missing)} tensors are missing, the first is {missing[0]}; fetch it again")
    if extra := [name for name in shapes if name not in wanted]:
        raise UsageError(
            f"{where}: {len(extra)} tensors are none of its {found.layers} layers, first {extra[0]}; fetch it again"
        )
    for name, shape in wanted.items():
        if tuple(shapes[name]) != shape:
            raise UsageError(f"{where}: {name} has shape {list(shapes[name])}, the others ask for {list(shape)}")
    return found


def _read(shapes: Shapes) -> Architecture:
    block = f"{LAYER}0."
    attention = f"{block}self_attention."
    width, channels = shapes["x_embedder.weight"][:2]
    latent = channels // 2 if (doubled := channels == 2 * LATENT) else channels
    head = shapes[f"{attention}q_layernorm.weight"][0]
    inner = shapes[f"{block}mlp.linear_fc2.weight"][1]
    captions, caption = shapes["y_embedder.null_caption_embedding"]
    return Architecture(
        layers=1 + max(int(name.split(".")[2]) for name in shapes if name.startswith(LAYER)),
        width=width,
        heads=shapes[f"{attention}linear_qkv.q.weight"][0] // head,
        groups=shapes[f"{attention}linear_qkv.k.weight"][0] // head,
        head=head,
        inner=inner,
        gated=shapes[f"{block}mlp.linear_fc1.weight"][0] == 2 * inner,
        doubled=doubled,
        condition=shapes["t_embedder.mlp.2.weight"][0],
        caption=caption,
        captions=captions,
        bands=shapes["rope.bands"][0],
        latent=latent,
    )


def exact(name: str) -> bool:
    """Whether a tensor stays in fp32 whatever the dtype of the network."""
    return any(part in f".{name}" if part.startswith(".") else name.startswith(part) for part in EXACT)


def _norm(name: str, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", (width,)
    yield f"{name}.bias", (width,)
