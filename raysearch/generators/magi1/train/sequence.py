"""A forward pass that trains every chunk of a clip at once, at noise levels of its own.

A sequence holds clean copies of chunks, as the sampler remembers them, and behind these the noisy chunks that are to be
predicted; `allow` says for each clip which copy attends which, as the ranges of the sampler do. It is `Network.forward`
with a mask in place of runs of chunks: for every clip another one, so that windows and steps mix in a batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from raysearch.generators.magi1.layers import Attention, Rotation, TransformerBlock, rotated
from raysearch.generators.magi1.network import Network


@dataclass(frozen=True)
class Sequence:
    """Copies of chunks of a batch of clips.

    Attributes:
        chunks: latents [B, M, z, 6, h, w].
        places: the index of each copy in its video, [M].
        t: times [B, M].
        dropped: whether the condition says that there is no caption, [B, M].
        read: which caption each copy reads, [B, M], by its number among `captions`.
        allow: whether a copy attends another one, [B, M, M].
        predicted: how many copies at the end are to be predicted.
    """

    chunks: Tensor
    places: Tensor
    t: Tensor
    dropped: Tensor
    read: Tensor
    allow: Tensor
    predicted: int


def velocities(net: Network, s: Sequence, captions: list[Tensor]) -> Tensor:
    """The velocity [B, predicted, z, 6, h, w] of the copies at the end. A caption is [tokens, channels]."""
    x, grid = net.tokens(s.chunks)
    frames, rows, columns = grid
    times = (s.places[:, None] * frames + torch.arange(frames)).to(x.device)
    rotation = net.rope(times, rows, columns)
    y = net.y_embedder
    null = torch.where(s.dropped[..., None], y.null_caption_embedding[-1], y.null_caption_embedding[-2])
    condition = net.t_embedder(s.t, torch.float32) + y.y_proj_adaln(null)
    words = y.y_proj_xattn(torch.cat(captions))
    owner = torch.cat([torch.full((len(c),), i) for i, c in enumerate(captions)])
    length = x.shape[2]
    seen = s.allow.repeat_interleave(length, 1).repeat_interleave(length, 2)[:, None]
    read = (s.read[..., None] == owner).repeat_interleave(length, 1)[:, None]
    blocks: list[TransformerBlock] = list(net.videodit_blocks.layers)  # type: ignore[arg-type]
    for block in blocks:
        x = _block(block, x, condition, rotation, words, seen, read, s.predicted if block is blocks[-1] else None)
    return net.latents(x, grid)


def _block(
    block: TransformerBlock, x: Tensor, condition: Tensor, rotation: Rotation, words: Tensor, seen: Tensor,
    read: Tensor, last: int | None,
) -> Tensor:  # fmt: skip
    """Tokens [B, M, L, d] after a block; those of the `last` copies alone where it is given."""
    attention_gate, mlp_gate = block.ada_modulate_layer(condition if last is None else condition[:, -last:])
    o = _attention(block.self_attention, x, rotation, words, seen, read, last)
    x = block.self_attn_post_norm(o * attention_gate) + (x if last is None else x[:, -last:])
    out: Tensor = block.mlp_post_norm(block.mlp(x) * mlp_gate) + x
    return out


def _attention(
    a: Attention, x: Tensor, rotation: Rotation, words: Tensor, seen: Tensor, read: Tensor, last: int | None
) -> Tensor:
    h = a.linear_qkv.layer_norm(x)
    k, v = a.keys(h, rotation)
    kx, vx = (part.expand(len(x), *part.shape).transpose(1, 2) for part in a.words(words))
    if last is not None:
        h, rotation = h[:, -last:], (rotation[0][-last:], rotation[1][-last:])
        n = last * x.shape[2]
        seen, read = seen[:, :, -n:], read[:, :, -n:]
    q, qx = (part(h).unflatten(-1, (-1, a.head)) for part in (a.linear_qkv.q, a.linear_qkv.qx))
    q, qx = rotated(a.q_layernorm(q), rotation), a.q_layernorm_xattn(qx)
    q, k, v, qx = (part.flatten(1, 2).transpose(1, 2) for part in (q, k, v, qx))
    grouped = q.shape[1] != k.shape[1]
    by_group = [
        F.scaled_dot_product_attention(queries, keys, values, mask, enable_gqa=grouped)
        .transpose(1, 2).reshape(len(x), queries.shape[2], a.groups, -1)
        for queries, keys, values, mask in ((q, k, v, seen), (qx, kx, vx, read))
    ]  # fmt: skip
    mixed = torch.stack(by_group, 3).flatten(2)  # of each group of heads: self, then caption
    out: Tensor = a.linear_proj(mixed).unflatten(1, (-1, x.shape[2]))
    return out
