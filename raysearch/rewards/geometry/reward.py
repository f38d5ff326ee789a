"""How evenly a video moves through the features of its frames, each taken alone (after GeoPhys, arXiv 2606.20707).

A frame is a point z_t: tokens of a frozen image encoder, layer-normed (those of inner layers are not, and a few giant
channels would decide every distance) and averaged to a grid, or pixels averaged to a grid. v_t = z_(t+1) - z_t and
a_t = v_(t+1) - v_t; the signals are in `SIGNALS`. A path that does not move has no geometry: its value is NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import AutoConfig, AutoModel
from transformers.utils.logging import disable_progress_bar

from raysearch.errors import UsageError
from raysearch.prompts import Prompt
from raysearch.rewards import frames as of_frames
from raysearch.rewards.base import Reward, Scores
from raysearch.rewards.frames import Frames
from raysearch.rewards.geometry.signals import LEAST, SIGNALS, Signals, weights_of
from raysearch.rewards.networks import checkpoints, pixels
from raysearch.rewards.networks.checkpoints import Dtype

ENCODERS = ("dinov2", "dinov2_with_registers", "dinov3_vit")
FRAMES = 16  # that go through the encoder at a time
STILL = 1e-4  # mean |v| over mean |z| below which nothing moves
EPS = 1e-12


class Geometry(Reward):
    """The reward of videos in the features of one image encoder, or of pixels; see `geometry` for the options."""

    differentiable = True

    def __init__(
        self, model: Any = None, signals: Signals = "speed_cv", layers: Sequence[int] | None = None,
        grid: int | None = None, frames: Frames = "all", size: int = 224,
    ):  # fmt: skip
        self.weights, self.frames = weights_of(signals), frames
        of_frames.check_policy(frames)
        self.grid = grid or (4 if model is not None else 8)
        self.model = None if model is None else model.eval().requires_grad_(False)
        if model is None:
            return
        depth, patch = int(model.config.num_hidden_layers), int(model.config.patch_size)
        self.layers = list(layers) if layers else sorted({max(1, depth // 2), max(1, 3 * depth // 4)})
        if max(self.layers) > depth:
            raise UsageError(f"geometry.layers={self.layers}: the encoder has {depth} layers")
        self._side = max(1, round(size / patch)) * patch
        self.size = self._side
        self._skip = 1 + int(getattr(model.config, "num_register_tokens", 0))

    @classmethod
    def load(
        cls, model: str | None, device: str = "cpu", dtype: Dtype = "float32", revision: str | None = None,
        **options: Any,
    ) -> Geometry:  # fmt: skip
        """Load the encoder, if one is named, and make the reward; see `geometry` for the options. Raises UsageError."""
        if model is None:
            return cls(**options)
        disable_progress_bar()
        kind = checkpoints.load(AutoConfig, "geometry", model, revision=revision).model_type
        if kind not in ENCODERS:
            raise UsageError(f"geometry.model={model!r} is a {kind}; only {', '.join(ENCODERS)} are supported")
        return cls(checkpoints.load(AutoModel, "geometry", model, "", revision, dtype).to(device), **options)

    def score(self, view: np.ndarray, prompt: Prompt | None = None, fps: float | None = None) -> Scores:
        """Minus the weighted signals of one view, uint8 [T, H, W, 3]; details hold every signal."""
        with torch.no_grad():
            found = self.signals(pixels.tensor(view, LEAST), fps)
        plain = {name: found[name][0].item() for name in SIGNALS}
        return Scores(-sum(w * plain[name] for name, w in self.weights.items()), plain)

    def reward(self, video_BTCHW: Tensor, fps: float | None = None) -> Tensor:
        """The reward [B] of videos in [0, 1]; differentiable with respect to the pixels."""
        found = self.signals(video_BTCHW, fps)
        return -torch.stack([w * found[name] for name, w in self.weights.items()]).sum(0)

    def signals(self, video_BTCHW: Tensor, fps: float | None = None) -> dict[str, Tensor]:
        """Every signal [B] by name, NaN of a video that does not move. Raises UsageError for a short video."""
        count = video_BTCHW.shape[1]
        seen = of_frames.select(self.frames, count, fps, count)
        of_frames.long_enough(len(seen), LEAST)
        z = self.features(video_BTCHW[:, torch.from_numpy(seen).to(video_BTCHW.device)])
        v = z[:, 1:] - z[:, :-1]
        a = v[:, 1:] - v[:, :-1]
        speed = (v.square().sum(-1) + EPS).sqrt()
        mean = speed.mean(1)
        cosine = (v[:, 1:] * v[:, :-1]).sum(-1) / (speed[:, 1:] * speed[:, :-1])
        angle = torch.acos(cosine.clamp(-1 + 1e-6, 1 - 1e-6))
        centre = (z - z.mean(1, keepdim=True)).square().sum(-1).mean(1)
        found = {
            "speed_cv": speed.std(1, correction=0) / mean,
            "accel_rel": a.square().sum(-1).mean(1) / speed.square().mean(1),
            "curvature": angle.mean(1), "angle": angle.std(1, correction=0),
            "jump": speed.amax(1) / speed.median(1).values, "spread": speed.sum(1) / (centre + EPS).sqrt(),
            "speed": speed.std(1, correction=0), "accel": a.square().sum(-1).mean(1),
        }  # fmt: skip
        moves = mean > STILL * (z.square().sum(-1) + EPS).sqrt().mean(1)
        return {name: torch.where(moves, x, torch.nan) for name, x in found.items()}

    def features(self, video_BTCHW: Tensor) -> Tensor:
        """The path [B, T, D] of videos in [0, 1]."""
        B, T = video_BTCHW.shape[:2]
        if self.model is None:
            flat = video_BTCHW.flatten(0, 1)
            pooled = F.adaptive_avg_pool2d(flat.to(torch.promote_types(flat.dtype, torch.float32)), self.grid)
            return pooled.flatten(1).view(B, T, -1)
        network = next(self.model.parameters())
        picture = pixels.normalised(pixels.squared(video_BTCHW, self._side, network.device)).flatten(0, 1)
        each = [self._encoded(part) for part in torch.split(picture.to(network.dtype), FRAMES)]
        return torch.cat(each).view(B, T, -1)

    def _encoded(self, pictures_NCHW: Tensor) -> Tensor:
        """Pooled tokens of pictures [N, D], of every layer one after another."""
        assert self.model is not None
        states = self.model(pictures_NCHW, output_hidden_states=True).hidden_states
        return torch.cat([self._pooled(states[layer][:, self._skip :]) for layer in self.layers], 1)

    def _pooled(self, tokens_NLD: Tensor) -> Tensor:
        N, L, D = tokens_NLD.shape
        side = round(L**0.5)
        places = F.layer_norm(tokens_NLD.float(), (D,)).view(N, side, side, D).permute(0, 3, 1, 2)
        return F.adaptive_avg_pool2d(places, min(self.grid, side)).flatten(1)
