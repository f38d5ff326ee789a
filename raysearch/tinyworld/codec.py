"""The VAE of the tiny pipeline: a linear patch codec (PCA of 2 x 8 x 8 pixel blocks) and a small residual decoder.

A genuine diffusers model class, so `save_pretrained` and `from_pretrained` treat it like any other. The first frame is
encoded alone (doubled), so 1 + 2k frames become 1 + k latent frames. Gradients flow through encode and decode.
Import this module before `DiffusionPipeline.from_pretrained`, which looks classes up but does not import them.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.autoencoders.vae import AutoencoderMixin, DecoderOutput
from diffusers.models.modeling_outputs import AutoencoderKLOutput
from diffusers.models.modeling_utils import ModelMixin
from torch import nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle


class PointPosterior:
    """A posterior without spread, as the `latent_dist` of diffusers' encoder outputs."""

    def __init__(self, z: torch.Tensor):
        self.mean = z

    def mode(self) -> torch.Tensor:
        """The latents, as the encoder gave them."""
        return self.mean

    def sample(self, generator: torch.Generator | None = None) -> torch.Tensor:
        """The latents again; no random number is drawn."""
        return self.mean


class Sharpen(nn.Module):
    """Corrects decoded pairs of frames from their own pixels and those of both neighbours. Starts as the identity."""

    def __init__(self, width: int, cell: int = 2, pair: int = 2):
        super().__init__()
        self.cell, self.pair, c = cell, pair, 3 * pair * cell * cell
        last = nn.Conv2d(width, c, 3, padding=1)
        self.net = nn.Sequential(
            nn.Conv2d(3 * c, width, 3, padding=1), nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1), nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1), nn.SiLU(),
            last,
        )  # fmt: skip
        for parameter in last.parameters():
            nn.init.zeros_(parameter)

    def forward(self, video_BCTHW: torch.Tensor) -> torch.Tensor:
        """The corrected video, [B, C, T, H, W] as given; T is a multiple of `pair`, H and W of `cell`."""
        B, C, T, H, W = video_BCTHW.shape
        p, r = self.pair, self.cell
        pairs = video_BCTHW.reshape(B, C, T // p, p, H, W).permute(0, 2, 1, 3, 4, 5)
        u = pixel_unshuffle(pairs.reshape(-1, C * p, H, W), r)
        u = u.reshape(B, T // p, *u.shape[1:])
        before, after = torch.cat([u[:, :1], u[:, :-1]], 1), torch.cat([u[:, 1:], u[:, -1:]], 1)
        d = pixel_shuffle(self.net(torch.cat([before, u, after], 2).flatten(0, 1)), r)
        return video_BCTHW + d.reshape(B, T // p, C, p, H, W).permute(0, 2, 1, 3, 4, 5).reshape(B, C, T, H, W)


class TinyPatchCodec(ModelMixin, AutoencoderMixin, ConfigMixin):  # type: ignore[misc]
    """Videos [B, 3, 1 + 2k, H, W] in [-1, 1] to latents [B, latent_channels, 1 + k, H / patch, W / patch] and back."""

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        latent_channels: int = 96,
        patch_size: int = 8,
        patch_size_t: int = 2,
        sharpen_width: int = 32,
        scaling_factor: float = 1.0,
        timestep_conditioning: bool = False,
    ):
        super().__init__()
        n = 3 * patch_size_t * patch_size**2
        self.encoder, self.decoder = nn.Linear(n, latent_channels), nn.Linear(latent_channels, n)
        self.sharpen = Sharpen(sharpen_width) if sharpen_width else nn.Identity()
        self.register_buffer("latents_mean", torch.zeros(latent_channels))
        self.register_buffer("latents_std", torch.ones(latent_channels))
        self.spatial_compression_ratio, self.temporal_compression_ratio = patch_size, patch_size_t

    def encode(self, x: torch.Tensor, return_dict: bool = True) -> Any:
        """Latents of a video, as diffusers' autoencoders return them.

        Args:
            x: Video, [B, 3, 1 + 2k, H, W] in [-1, 1].
            return_dict: False returns a tuple in place of an AutoencoderKLOutput.

        Returns:
            An output whose `latent_dist` has the latents [B, latent_channels, 1 + k, H / patch, W / patch].
        """
        patches = to_patches(x, self.config.patch_size, self.config.patch_size_t)
        z = PointPosterior(self.encoder(patches).permute(0, 4, 1, 2, 3))
        return AutoencoderKLOutput(latent_dist=z) if return_dict else (z,)

    def decode(self, z: torch.Tensor, temb: torch.Tensor | None = None, return_dict: bool = True) -> Any:
        """The video of latents, as diffusers' autoencoders return it.

        Args:
            z: Latents, [B, latent_channels, 1 + k, h, w].
            temb: Ignored; the pipeline passes the time for decoders that use it.
            return_dict: False returns a tuple in place of a DecoderOutput.

        Returns:
            An output whose `sample` is the video [B, 3, 1 + 2k, h * patch, w * patch].
        """
        t, p = self.config.patch_size_t, self.config.patch_size
        x = self.decoder(z.permute(0, 2, 3, 4, 1))
        B, F, h, w, _ = x.shape
        x = x.reshape(B, F, h, w, t, 3, p, p).permute(0, 5, 1, 4, 2, 6, 3, 7).reshape(B, 3, F * t, h * p, w * p)
        x = self.sharpen(x)[:, :, t - 1 :]
        return DecoderOutput(sample=x) if return_dict else (x,)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The reconstruction of a video, [B, 3, 1 + 2k, H, W] in [-1, 1]."""
        video: torch.Tensor = self.decode(self.encode(x).latent_dist.mode()).sample
        return video

    @torch.no_grad()
    def set_basis(self, basis: torch.Tensor, mean: torch.Tensor, scale: torch.Tensor) -> None:
        """Orthonormal basis [n, latent_channels], mean [n], and each latent's scale (the pipeline divides by it)."""
        self.encoder.weight.copy_(basis.T)
        self.encoder.bias.copy_(-(mean @ basis))
        self.decoder.weight.copy_(basis)
        self.decoder.bias.copy_(mean)
        self.latents_std.copy_(scale)


def to_patches(x: torch.Tensor, patch: int, patch_t: int) -> torch.Tensor:
    """[B, 3, 1 + kt, H, W] -> [B, 1 + k, H / patch, W / patch, patch_t * 3 * patch * patch]; frame 0 is repeated."""
    x = torch.cat([x[:, :, :1].expand(-1, -1, patch_t - 1, -1, -1), x], 2)
    B, C, T, H, W = x.shape
    x = x.reshape(B, C, T // patch_t, patch_t, H // patch, patch, W // patch, patch)
    return x.permute(0, 2, 4, 6, 3, 1, 5, 7).flatten(4)


def fit_basis(patches: torch.Tensor, channels: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """PCA of patches [N, n]: the basis, the mean and the scale for `TinyPatchCodec.set_basis`.

    The scale is the fourth root of the variance, normalised to unit mean power: half-whitened latents, which keeps the
    energetic channels (where the balls are) more important than the faint ones.
    """
    mean = patches.mean(0)
    centred = (patches - mean).double()
    variance, basis = torch.linalg.eigh(centred.T @ centred / len(centred))
    variance, basis = variance.flip(0)[:channels].clamp(min=1e-6), basis.flip(1)[:, :channels]
    basis = basis * basis.gather(0, basis.abs().argmax(0, keepdim=True)).sign()  # fixes the sign, which PCA leaves open
    scale = variance**0.25
    return basis.float().contiguous(), mean, (scale * (variance / scale**2).mean().sqrt()).float()
