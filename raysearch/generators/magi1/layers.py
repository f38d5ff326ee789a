"""One block of MAGI-1's transformer: self-attention and attention to the caption side by side, then an MLP.

Tokens are [B, n, L, d]: B particles of n consecutive chunks of L tokens. A chunk attends a run of whole chunks that
ends with itself, so no mask is needed. Each branch is scaled by one gate of the time, normalised and added.

Norms named LN1p add 1 to their stored weight. Queries and keys are normalised per head in fp32, the output of attention
is projected in fp32, and the residual sum is rounded once: with bf16 weights each stage rounds where the published
model does. Parameters have their published names.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from raysearch.generators.magi1.shape import Architecture

KV: TypeAlias = tuple[
    Tensor, Tensor
]  # keys and values: of chunks [B, chunks, L, groups, head], of words [words, groups, head]
Rotation: TypeAlias = tuple[Tensor, Tensor]  # cosines and sines, [n, L, 1, angles]

EPSILON = 1e-6


class LN1p(nn.Module):
    """Layer norm over the last axis with weight + 1; computed in the dtype of what it is given."""

    def __init__(self, width: int):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.empty(width)), nn.Parameter(torch.empty(width))

    def forward(self, x: Tensor) -> Tensor:
        """The normalised x."""
        return F.layer_norm(x, self.weight.shape, self.weight + 1, self.bias, EPSILON)


class Projections(nn.Module):
    """The input norm of attention, and the maps to its queries, keys and values; qx are queries to the caption."""

    def __init__(self, a: Architecture):
        super().__init__()
        self.layer_norm = nn.LayerNorm(a.width, EPSILON)
        self.q, self.qx = (nn.Linear(a.width, a.heads * a.head, bias=False) for _ in range(2))
        self.k, self.v = (nn.Linear(a.width, a.groups * a.head, bias=False) for _ in range(2))


class Attention(nn.Module):
    """Attention of chunks to their past and themselves, and to the words of the caption."""

    def __init__(self, a: Architecture):
        super().__init__()
        self.head, self.groups = a.head, a.groups
        self.linear_qkv = Projections(a)
        self.linear_kv_xattn = nn.Linear(a.width, 2 * a.groups * a.head, bias=False)
        self.linear_proj = nn.Linear(2 * a.heads * a.head, a.width, bias=False)
        self.q_layernorm, self.k_layernorm = LN1p(a.head), LN1p(a.head)
        self.q_layernorm_xattn, self.k_layernorm_xattn = LN1p(a.head), LN1p(a.head)

    def keys(self, h: Tensor, rotation: Rotation) -> KV:
        """Keys and values of normalised tokens."""
        k, v = (part(h).unflatten(-1, (-1, self.head)) for part in (self.linear_qkv.k, self.linear_qkv.v))
        return rotated(self.k_layernorm(k.float()), rotation).to(h.dtype), v

    def words(self, y: Tensor) -> KV:
        """Keys and values of embedded caption tokens [words, d]; they depend on no time and on no latent."""
        k, v = self.linear_kv_xattn(y).unflatten(-1, (self.groups, 2 * self.head)).chunk(2, -1)
        return self.k_layernorm_xattn(k), v

    def forward(
        self, x: Tensor, rotation: Rotation, words: Sequence[KV], past: Sequence[KV], since: Sequence[int]
    ) -> tuple[Tensor, KV]:
        """The output of both attentions in fp32, and the keys and values of the chunks themselves.

        Args:
            x: tokens [B, n, L, d].
            rotation: of every token.
            words: keys and values of the caption of each chunk.
            past: keys and values of the finished chunks before the first one, each [B, 1, L, groups, head].
            since: for each chunk the first one that it sees, counted from the first of the past.
        """
        h = self.linear_qkv.layer_norm(x)
        q, qx = (part(h).unflatten(-1, (-1, self.head)) for part in (self.linear_qkv.q, self.linear_qkv.qx))
        q = rotated(self.q_layernorm(q.float()), rotation).to(x.dtype)
        qx, own = self.q_layernorm_xattn(qx), self.keys(h, rotation)
        k, v = (torch.cat([*(kv[i] for kv in past), own[i]], 1) if past else own[i] for i in (0, 1))
        mixed = []
        for j, first in enumerate(since):
            run = slice(first, len(past) + j + 1)
            seen = attend(q[:, j], k[:, run].flatten(1, 2), v[:, run].flatten(1, 2))
            read = attend(qx[:, j], *(part.expand(len(x), *part.shape) for part in words[j]))
            by_group = [part.reshape(*part.shape[:2], self.groups, -1) for part in (seen, read)]
            mixed.append(torch.stack(by_group, -2).flatten(2))  # of each group of heads: self, then caption
        return F.linear(torch.stack(mixed, 1).float(), self.linear_proj.weight.float()), own


class Mlp(nn.Module):
    """The MLP of a block with its input norm."""

    def __init__(self, a: Architecture):
        super().__init__()
        self.gated = a.gated
        self.layer_norm = nn.LayerNorm(a.width, EPSILON)
        self.linear_fc1 = nn.Linear(a.width, a.inner * (2 if a.gated else 1), bias=False)
        self.linear_fc2 = nn.Linear(a.inner, a.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """The output, of the shape of x."""
        h = self.linear_fc1(self.layer_norm(x))
        if self.gated:
            a, b = h.chunk(2, -1)
            h = F.silu(a) * b
        else:
            h = F.gelu(h)
        out: Tensor = self.linear_fc2(h)
        return out


class Gates(nn.Module):
    """The gates of a block's two branches, by the embedding of time; soft-capped at 1."""

    def __init__(self, a: Architecture):
        super().__init__()
        self.proj = nn.Sequential(nn.Linear(a.condition, 2 * a.width))

    def forward(self, condition: Tensor) -> tuple[Tensor, ...]:
        """Two gates [..., n, 1, d] in fp32, of conditions [..., n, c]."""
        gates: Tensor = torch.tanh(self.proj(F.silu(condition)).float()).to(condition.dtype).float()
        return gates[..., None, :].chunk(2, -1)


class TransformerBlock(nn.Module):
    """A block with both branches."""

    def __init__(self, a: Architecture):
        super().__init__()
        self.ada_modulate_layer = Gates(a)
        self.self_attention = Attention(a)
        self.self_attn_post_norm, self.mlp_post_norm = LN1p(a.width), LN1p(a.width)
        self.mlp = Mlp(a)

    def forward(
        self, x: Tensor, condition: Tensor, rotation: Rotation, words: Sequence[KV], past: Sequence[KV],
        since: Sequence[int],
    ) -> tuple[Tensor, KV]:  # fmt: skip
        """Tokens after the block, and its keys and values; see Attention for the arguments."""
        attention_gate, mlp_gate = self.ada_modulate_layer(condition)
        o, own = self.self_attention(x, rotation, words, past, since)
        x = (self.self_attn_post_norm(o * attention_gate) + x.float()).to(x.dtype)
        m = self.mlp(x)
        return (self.mlp_post_norm(m.float() * mlp_gate) + x.float()).to(x.dtype), own


def rotated(x: Tensor, rotation: Rotation) -> Tensor:
    """Heads [..., L, heads, head] turned by their positions: two halves of the first channels; the rest stays."""
    cos, sin = rotation
    n = cos.shape[-1]
    a, b, rest = x[..., :n], x[..., n : 2 * n], x[..., 2 * n :]
    return torch.cat([a * cos - b * sin, a * sin + b * cos, rest], -1)


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attention of [B, L, heads, head] to [B, M, groups, head]; head i reads group i // (heads / groups)."""
    q, k, v = (part.transpose(1, 2) for part in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v, enable_gqa=q.shape[1] != k.shape[1]).transpose(1, 2)
