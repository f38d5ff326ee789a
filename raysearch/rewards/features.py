"""What a video is like to V-JEPA 2, in a few numbers: for a final choice that needs to compare candidates.

The encoder sees `frames` uniform frames of the whole video. Its tokens are layer-normed, averaged to a grid of times
and places, and projected to `dims` numbers by a fixed random matrix of signs, so that only numbers travel and the
journal stays small. Such a projection keeps distances: their relative error is about 1 / sqrt(2 dims), whatever the
size of the encoder (Johnson & Lindenstrauss 1984; Achlioptas 2003).
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import VJEPA2Model
from transformers.utils.logging import disable_progress_bar

from raysearch.errors import UsageError
from raysearch.prompts import Prompt
from raysearch.rewards import Scores, checkpoints, pixels

SEED = 20  # of the projection: part of what the numbers mean


class Features:
    """Coordinates of a video in a random projection of V-JEPA 2's features, as details _0, _1, ...; the value is NaN.

    To be watched, and used by choose: {how: consensus}. frames: how many the encoder sees; grid: tokens are averaged to
    grid x grid places; dims: how many numbers are kept.
    Paper: Achlioptas 2003, doi 10.1016/S0022-0000(03)00025-4 (random projections)
    """

    differentiable = False

    def __init__(self, model: VJEPA2Model, frames: int = 16, grid: int = 4, dims: int = 64):
        c = model.config
        for name, value in (("frames", frames), ("grid", grid), ("dims", dims)):
            if value < 1:
                raise UsageError(f"vjepa2_features.{name}={value}: must be at least 1")
        if frames % c.tubelet_size:
            raise UsageError(
                f"vjepa2_features.frames={frames}: must be a multiple of the tubelet size {c.tubelet_size}"
            )
        self.encoder = model.encoder.eval().requires_grad_(False)
        self.frames, self.tubelet, self.patch = frames, int(c.tubelet_size), int(c.patch_size)
        self.size: int | None = int(c.crop_size)
        self.grid = min(grid, self.size // self.patch)
        width = frames // self.tubelet * self.grid**2 * c.hidden_size
        signs = torch.randint(0, 2, (width, dims), generator=torch.Generator().manual_seed(SEED), dtype=torch.int8)
        self._signs = signs * 2 - 1  # int8: a fourth of the memory of floats

    @classmethod
    def load(
        cls, model: str = "tiny", device: str = "cpu", dtype: str = "float32", revision: str | None = None, **options
    ) -> Features:
        """model: a hub id or folder of a VJEPA2Model, whose predictor is dropped; `tiny` ships with raysearch."""
        disable_progress_bar()
        network = checkpoints.load(VJEPA2Model, "vjepa2_features", model, "worldmodel", revision, dtype=dtype)
        network.predictor = None
        return cls(network.to(device), **options)

    @torch.no_grad()
    def score(self, view: np.ndarray, prompt: Prompt | None = None) -> Scores:
        """NaN, and the coordinates as details. Raises UsageError for fewer frames than a tubelet has."""
        video = pixels.tensor(view, self.tubelet)
        coordinates = (self.pooled(video).flatten().cpu() @ self._signs.float()) / math.sqrt(self._signs.shape[1])
        return Scores(math.nan, {f"_{k}": v for k, v in enumerate(coordinates.tolist())})

    def pooled(self, video_BTCHW: Tensor) -> Tensor:
        """The features before projection, [B, times, grid, grid, D], each layer-normed."""
        network, count = next(self.encoder.parameters()), video_BTCHW.shape[1]
        picks = np.linspace(0, count - 1, self.frames).round().astype(int).tolist()  # short videos repeat frames
        assert self.size is not None
        clip = pixels.normalised(pixels.squared(video_BTCHW[:, picks], self.size, network.device)).to(network.dtype)
        tokens = self.encoder(clip).last_hidden_state.float()
        B, N, D = tokens.shape
        side = self.size // self.patch
        places = F.layer_norm(tokens, (D,)).view(B * (N // side**2), side, side, D).permute(0, 3, 1, 2)
        return F.adaptive_avg_pool2d(places, self.grid).permute(0, 2, 3, 1).reshape(B, -1, self.grid, self.grid, D)
