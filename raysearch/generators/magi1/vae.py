"""MAGI-1's autoencoder: two vision transformers between pixels and latents, 4 frames x 8 x 8 pixels to a latent token.

Every tile is encoded and decoded by itself (tiles.py): 12 frames of 256 x 256 pixels. So a chunk of 24 frames is two
tiles in time and can be decoded alone. A single latent frame decodes to a single frame. Parameters have their published
names; all arithmetic is that of the published model.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from raysearch.generators.magi1.tiles import Tiles, tiled
from raysearch.generators.magi1.vae_shape import VaeShape

SCALE = 0.18215  # latents are the means of the posterior times this
EPSILON = 1e-5


class VaeAttention(nn.Module):
    """Attention whose queries, keys and values are each normalised over the channels of a head."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """The output, of the shape of x [B, L, d]."""
        qkv = self.qkv(x).unflatten(-1, (3, self.heads, -1))
        qkv = (qkv - qkv.mean(-1, True)) / (qkv.std(-1, unbiased=False, keepdim=True) + EPSILON)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        out: Tensor = self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return out


class VaeMlp(nn.Module):
    """The MLP of a block."""

    def __init__(self, width: int, inner: int):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        """The output, of the shape of x."""
        out: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return out


class VaeBlock(nn.Module):
    """A block; its attention has no norm before it."""

    def __init__(self, width: int, heads: int, inner: int):
        super().__init__()
        self.attn, self.norm2, self.mlp = VaeAttention(width, heads), nn.LayerNorm(width, EPSILON), VaeMlp(width, inner)

    def forward(self, x: Tensor) -> Tensor:
        """The output, of the shape of x."""
        x = x + self.attn(x)
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


class VaeBody(nn.Module):
    """What encoder and decoder have in common: a class token, learned positions on a reference grid, blocks, a norm."""

    def __init__(self, s: VaeShape):
        super().__init__()
        self.grid = s.grid
        self.cls_token = nn.Parameter(torch.empty(1, 1, s.width))
        self.pos_embed = nn.Parameter(torch.empty(1, 1 + s.grid[0] * s.grid[1] * s.grid[2], s.width))
        self.blocks = nn.ModuleList(VaeBlock(s.width, s.heads, s.inner) for _ in range(s.depth))
        self.norm = nn.LayerNorm(s.width, EPSILON)

    def transform(self, x: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Tokens [B, L, d] of a grid of this shape, without the class token."""
        first, places = self.pos_embed[:, :1], self.pos_embed[:, 1:]
        if shape != self.grid:
            places = places.transpose(1, 2).reshape(1, -1, *self.grid)
            places = F.interpolate(places, size=shape, mode="trilinear", align_corners=False)
            places = places.flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + torch.cat([first, places], 1)
        for block in self.blocks:
            x = block(x)
        out: Tensor = self.norm(x)[:, 1:]
        return out


class VaeEncoder(VaeBody):
    """Pixels [B, 3, T, H, W] in [-1, 1] to the means of the posterior [B, 16, T/4, H/8, W/8]."""

    def __init__(self, s: VaeShape):
        super().__init__(s)
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv3d(s.channels, s.width, s.patch, s.patch)})
        self.last_layer = nn.Linear(s.width, 2 * s.latent)

    def forward(self, video: Tensor) -> Tensor:
        """The latents of a tile; a single frame stands for four of it."""
        return self.posterior(video)[0]

    def posterior(self, video: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the latents of a tile."""
        x = self.patch_embed["proj"](video if video.shape[2] > 1 else video.expand(-1, -1, 4, -1, -1))
        shape = tuple(x.shape[2:])
        z = self.last_layer(self.transform(x.flatten(2).transpose(1, 2), shape))
        mean, log_variance = z.transpose(1, 2).unflatten(2, shape).chunk(2, 1)
        return mean, log_variance


class VaeDecoder(VaeBody):
    """Latents [B, 16, t, h, w] to pixels [B, 3, 4t, 8h, 8w] in [-1, 1]."""

    def __init__(self, s: VaeShape):
        super().__init__(s)
        self.patch = s.patch
        self.proj_in = nn.Linear(s.latent, s.width)
        self.widen = nn.Linear(s.width, s.pixel_width * math.prod(s.patch)) if s.widened else nn.Identity()
        self.last_layer = nn.Conv3d(s.pixel_width, s.channels, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        """The pixels of a tile; one frame for one latent frame."""
        t, h, w = shape = tuple(z.shape[2:])
        x = self.widen(self.transform(self.proj_in(z.flatten(2).transpose(1, 2)), shape))
        x = x.reshape(len(x), *shape, *self.patch, -1).permute(0, 7, 1, 4, 2, 5, 3, 6)
        x = x.reshape(*x.shape[:2], t * self.patch[0], h * self.patch[1], w * self.patch[2])
        out: Tensor = self.last_layer(x)
        return out[:, :, :1] if t == 1 else out


class Vae(nn.Module):
    """The autoencoder."""

    def __init__(self, s: VaeShape):
        """Allocate the parameters, which are to be loaded."""
        super().__init__()
        self.shape = s
        self.encoder, self.decoder = VaeEncoder(s), VaeDecoder(s)

    def encode(self, video: Tensor) -> Tensor:
        """The scaled latents, fp32 [1, 16, L, h, w], of frames [1, 3, T, H, W] in [-1, 1], tile by tile."""
        t, h, w = self.shape.patch
        z = tiled(video.to(self.dtype), self.encoder, Tiles(self.shape.tile, (1 / t, 1 / h, 1 / w), blended_first=True))
        return z.float() * SCALE

    def frames(self, z: Tensor) -> Tensor:
        """Frames [T, 3, H, W] in [0, 1], fp32, of scaled latents [1, 16, L, h, w], tile by tile.

        All four frames of each latent frame are returned where there is more than one.
        """
        t, h, w = self.shape.patch
        size = (self.shape.tile[0] // t, self.shape.tile[1] // h, self.shape.tile[2] // w)
        video = tiled((z / SCALE).to(self.dtype), self.decoder, Tiles(size, self.shape.patch))
        return ((video[0].transpose(0, 1).float() + 1) / 2).clamp(0, 1)

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of its weights."""
        return self.decoder.proj_in.weight.dtype
