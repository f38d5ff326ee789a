"""MAGI-1's transformer: the velocity x0 - eps of consecutive chunks at their noise levels, and keys and values.

Chunks are [B, n, 16, 6, h, w], fp32, of B particles that share their times and their caption. Keys and values of the
caption are computed once (`read`); those of finished chunks are made by `remember` and given back as `past`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from raysearch.generators.magi1.layers import KV, LN1p, Rotation, TransformerBlock
from raysearch.generators.magi1.shape import FREQUENCIES, PATCH, Architecture

Layers: TypeAlias = list[KV]  # one pair of keys and values per layer


@dataclass(frozen=True)
class Words:
    """Captions as the network reads them.

    Attributes:
        layers: keys and values of all tokens that occur, per layer, each [tokens, groups, head].
        rows: for each chunk, by its index, which tokens its caption consists of.
    """

    layers: Layers
    rows: Mapping[int, Tensor]

    def of(self, layer: int, chunk: int) -> KV:
        """Keys and values of the caption of a chunk."""
        k, v = self.layers[layer]
        rows = self.rows[chunk]
        return (k, v) if len(rows) == len(k) else (k[rows], v[rows])


class Stack(nn.Module):
    """The blocks and the norm behind them."""

    def __init__(self, a: Architecture):
        super().__init__()
        self.layers = nn.ModuleList(TransformerBlock(a) for _ in range(a.layers))
        self.final_layernorm = LN1p(a.width)


class TimeEmbedder(nn.Module):
    """The embedding of a time in [0, 1], or of the distance of a distilled model's steps."""

    def __init__(self, a: Architecture):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(FREQUENCIES, a.condition), nn.SiLU(), nn.Linear(a.condition, a.condition))

    def forward(self, t: Tensor, dtype: torch.dtype) -> Tensor:
        """[..., c] in fp32 of times [...]; the sinusoids are rounded to `dtype` on the way."""
        half = FREQUENCIES // 2
        frequencies = torch.exp(-math.log(10000) * torch.arange(half, device=t.device).float() / half)
        angles = 1000 * t.float()[..., None] * frequencies
        out: Tensor = self.mlp(torch.cat([angles.cos(), angles.sin()], -1).to(dtype).float())
        return out


class CaptionEmbedder(nn.Module):
    """The maps of caption tokens to the width of the network, and of null tokens to the condition."""

    def __init__(self, a: Architecture):
        super().__init__()
        self.null_caption_embedding = nn.Parameter(torch.empty(a.captions, a.caption))
        self.y_proj_xattn = nn.Sequential(nn.Linear(a.caption, a.width), nn.SiLU())
        self.y_proj_adaln = nn.Sequential(nn.Linear(a.caption, a.condition))


class Rope(nn.Module):
    """Rotary positions: time as it is, rows and columns centred and scaled to a grid of the area of 16 x 16."""

    def __init__(self, a: Architecture):
        super().__init__()
        self.bands = nn.Parameter(torch.empty(a.bands))

    def forward(self, times: Tensor, rows: int, columns: int) -> Rotation:
        """Cosines and sines [chunks, L, 1, 3 bands] of tokens at latent frames `times` [chunks, frames]."""
        area = math.sqrt(rows * columns / 256)
        sides = [self._centred(n, area) for n in (rows, columns)]
        chunks, frames = times.shape
        grid = (chunks, frames, rows, columns)
        t = times.float()[:, :, None, None].expand(grid)
        h, w = sides[0][:, None].expand(grid), sides[1].expand(grid)
        angles = (torch.stack([t, h, w], -1)[..., None] * self.bands.float()).flatten(1, 3).flatten(2)
        return angles.cos()[:, :, None], angles.sin()[:, :, None]

    def _centred(self, n: int, area: float) -> Tensor:
        i = torch.arange(n, device=self.bands.device).float()
        return (i - (n - 1) / 2) / (n - 1) * (n / area - 1)


class Network(nn.Module):
    """The whole transformer, with the parameter names of the published checkpoints."""

    def __init__(self, a: Architecture):
        """Allocate the parameters, which are to be loaded. Use `torch.device("meta")` to allocate none."""
        super().__init__()
        self.architecture = a
        channels = a.latent * (2 if a.doubled else 1)
        self.x_embedder = nn.Conv3d(channels, a.width, PATCH, PATCH, bias=False)
        self.t_embedder, self.y_embedder, self.rope = TimeEmbedder(a), CaptionEmbedder(a), Rope(a)
        self.videodit_blocks = Stack(a)
        self.final_linear = nn.ModuleDict({"linear": nn.Linear(a.width, math.prod(PATCH) * channels, bias=False)})

    @property
    def dtype(self) -> torch.dtype:
        """The dtype in which tokens are computed."""
        return self._blocks()[0].self_attention.linear_qkv.q.weight.dtype

    def read(self, tokens: Tensor, rows: Mapping[int, Tensor]) -> Words:
        """Keys and values of caption tokens [tokens, caption]; `rows` says which of them each chunk is given."""
        y = self.y_embedder.y_proj_xattn(tokens.float()).to(self.dtype)
        return Words([block.self_attention.words(y) for block in self._blocks()], rows)

    def forward(
        self, chunks: Tensor, t: Tensor, first: int, words: Words, dropped: bool, since: Sequence[int] | None = None,
        past: Sequence[Layers] = (), distance: float | None = None,
    ) -> Tensor:  # fmt: skip
        """The velocity x0 - eps, of the shape of `chunks`, in fp32.

        Args:
            chunks: latents [B, n, 16, 6, h, w] of consecutive chunks.
            t: their times [n] or [B, n], from 0 (noise) to 1 (clean).
            first: index of the first chunk in the video.
            words: captions of the chunks.
            dropped: whether the condition says that there is no caption.
            since: the first chunk that each one sees, by its index in the video; None where each sees itself alone,
                which also puts all of them at the beginning of the video.
            past: keys and values of the chunks just before the first one, oldest first.
            distance: of a distilled model, the length of its steps.
        """
        x, grid = self.tokens(chunks)
        alone = since is None
        rotation, condition = self._rotation(first, chunks, alone), self._condition(t, dropped, distance)
        reach = range(len(x[0])) if since is None else [c - first + len(past) for c in since]
        recompute = torch.is_grad_enabled() and x.requires_grad
        for i, block in enumerate(self._blocks()):
            kv = [words.of(i, first + j) for j in range(x.shape[1])]
            given = (x, condition, rotation, kv, [layers[i] for layers in past], reach)
            x = (checkpoint(block, *given, use_reentrant=False) if recompute else block(*given))[0]
        return self.latents(x, grid)

    def remember(
        self, chunk: Tensor, index: int, t: float, words: Words, dropped: bool, distance: float | None = None
    ) -> Layers:
        """Keys and values, per layer, of a finished chunk [B, 16, 6, h, w] by itself; see `forward`."""
        x, _ = self.tokens(chunk[:, None])
        time = torch.tensor([t], device=x.device)
        rotation = self._rotation(index, chunk[:, None], False)
        condition = self._condition(time, dropped, distance)
        kept = Layers()
        for i, block in enumerate(self._blocks()):
            if i == self.architecture.layers - 1:  # of the last block the output serves for nothing
                attention = block.self_attention
                kept.append(attention.keys(attention.linear_qkv.layer_norm(x), rotation))
            else:
                x, kv = block(x, condition, rotation, [words.of(i, index)], [], [0])
                kept.append(kv)
        return kept

    def tokens(self, chunks: Tensor) -> tuple[Tensor, tuple[int, int, int]]:
        """Tokens [B, n, L, d] of chunks, and frames, rows and columns of the grid in which they stand."""
        a = self.architecture
        x = chunks.float() * a.rescale
        x = torch.cat([x, x], 2) if a.doubled else x
        x = F.conv3d(x.flatten(0, 1), self.x_embedder.weight, stride=PATCH)
        frames, rows, columns = x.shape[2:]
        return x.flatten(2).transpose(1, 2).reshape(*chunks.shape[:2], -1, a.width).to(self.dtype), (
            frames,
            rows,
            columns,
        )

    def latents(self, x: Tensor, grid: tuple[int, int, int]) -> Tensor:
        """The velocity [B, n, 16, 6, h, w] that tokens [B, n, L, d] say after the last block."""
        out = self.final_linear["linear"](self.videodit_blocks.final_layernorm(x.float()))
        frames, rows, columns = grid
        out = out.unflatten(2, grid).unflatten(-1, (*PATCH[1:], -1))  # B n T H W 2 2 C
        out = out.permute(0, 1, 7, 2, 3, 5, 4, 6).reshape(*x.shape[:2], -1, frames, rows * PATCH[1], columns * PATCH[2])
        velocity: Tensor = out[:, :, : self.architecture.latent] / self.architecture.rescale
        return velocity

    def _blocks(self) -> list[TransformerBlock]:
        return list(self.videodit_blocks.layers)  # type: ignore[arg-type]

    def _rotation(self, first: int, chunks: Tensor, alone: bool) -> Rotation:
        n, frames, rows, columns = chunks.shape[1], *chunks.shape[3:]
        starts = torch.zeros(n) if alone else torch.arange(first, first + n)
        times = (starts[:, None] * frames + torch.arange(frames)).to(chunks.device)
        rotation: Rotation = self.rope(times, rows // PATCH[1], columns // PATCH[2])
        return rotation

    def _condition(self, t: Tensor, dropped: bool, distance: float | None) -> Tensor:
        """The condition of every chunk, [n, c] or [B, n, c]."""
        e = self.t_embedder(t, self.dtype)
        if distance is not None:
            e = e + self.t_embedder(torch.full_like(t, distance), self.dtype)
        null = self.y_embedder.null_caption_embedding[-1 if dropped else -2]
        condition: Tensor = (e + self.y_embedder.y_proj_adaln(null.float())).to(self.dtype)
        return condition
