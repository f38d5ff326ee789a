"""Features of V-JEPA 2 in a few numbers, for a final choice that compares candidates.

The encoder sees `frames` uniform frames of the whole video. Its tokens are layer-normed, averaged to a grid of times
and places, and projected to `dims` numbers by a fixed random matrix of signs, so that only few numbers travel and the
journal stays small. Such a projection keeps distances: their relative error is about 1 / sqrt(2 dims), whatever the
width of the encoder (Johnson & Lindenstrauss 1984; Achlioptas 2003).
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
from raysearch.rewards.base import Reward, Scores
from raysearch.rewards.networks import checkpoints, pixels
from raysearch.rewards.networks.checkpoints import Dtype

SEED = 20  # of the projection; another seed gives other numbers


class Features(Reward):
    """Coordinates of videos in a random projection of the features of a VJEPA2Model, as details; the value is NaN.

    Args:
        model: the network, of which only the encoder is used.
        frames: the number of frames that it sees, a multiple of its tubelet size.
        grid: tokens are averaged to at most grid x grid places.
        dims: how many numbers are kept.

    Raises:
        UsageError: for frames that are not whole tubelets.
    """

    def __init__(self, model: VJEPA2Model, frames: int = 16, grid: int = 4, dims: int = 64):
        c = model.config
        if frames % c.tubelet_size:
            raise UsageError(
                f"vjepa2_features.frames={frames}: must be a multiple of the tubelet size {c.tubelet_size}"
            )
        self.encoder = model.encoder.eval().requires_grad_(False)
        self.frames, self.tubelet, self.patch = frames, int(c.tubelet_size), int(c.patch_size)
        self.size = self._side = int(c.crop_size)
        self.grid = min(grid, self._side // self.patch)
        width = frames // self.tubelet * self.grid**2 * c.hidden_size
        signs = torch.randint(0, 2, (width, dims), generator=torch.Generator().manual_seed(SEED), dtype=torch.int8)
        self._signs = signs * 2 - 1  # int8 takes a quarter of the memory of floats

    @classmethod
    def load(
        cls, model: str, device: str = "cpu", dtype: Dtype = "float32", revision: str | None = None, **options: int
    ) -> Features:
        """Load the network and make the reward; see `vjepa2_features` for the options. Raises UsageError."""
        disable_progress_bar()
        network = checkpoints.load(VJEPA2Model, "vjepa2_features", model, "worldmodel", revision, dtype)
        network.predictor = None
        return cls(network.to(device), **options)

    @torch.no_grad()
    def score(self, view: np.ndarray, prompt: Prompt | None = None, fps: float | None = None) -> Scores:
        """NaN, and the coordinates as details. Raises UsageError for fewer frames than a tubelet has."""
        video = pixels.tensor(view, self.tubelet)
        coordinates = (self.pooled(video).flatten().cpu() @ self._signs.float()) / math.sqrt(self._signs.shape[1])
        return Scores(math.nan, {f"_{k}": v for k, v in enumerate(coordinates.tolist())})

    def pooled(self, video_BTCHW: Tensor) -> Tensor:
        """The features [B, times, grid, grid, D] before the projection, each layer-normed."""
        network, count = next(self.encoder.parameters()), video_BTCHW.shape[1]
        picks = np.linspace(0, count - 1, self.frames).round().astype(int).tolist()  # short videos repeat frames
        clip = pixels.normalised(pixels.squared(video_BTCHW[:, picks], self._side, network.device)).to(network.dtype)
        tokens = self.encoder(clip).last_hidden_state.float()
        B, N, D = tokens.shape
        side = self._side // self.patch
        places = F.layer_norm(tokens, (D,)).view(B * (N // side**2), side, side, D).permute(0, 3, 1, 2)
        return F.adaptive_avg_pool2d(places, self.grid).permute(0, 2, 3, 1).reshape(B, -1, self.grid, self.grid, D)
