"""How badly a masked autoencoder reconstructs the end of a clip from its beginning (VideoMAE, arXiv 2203.12602).

The pixel-space counterpart of the V-JEPA reward, after Garrido et al. 2025 (arXiv 2502.11831): the last tubelets of a
window are hidden, the network reconstructs them from the first, surprise = the error, reward = 1 - surprise.

Invariants: hidden patches never enter the encoder, so the future cannot leak; the target patches are computed here, for
transformers computes them without a gradient, and so the gradient reaches the hidden frames too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from transformers import VideoMAEForPreTraining
from transformers.utils.logging import disable_progress_bar

from raysearch.errors import UsageError
from raysearch.prompts import Prompt
from raysearch.rewards import frames
from raysearch.rewards.base import Reward, Scores
from raysearch.rewards.frames import Frames
from raysearch.rewards.networks import checkpoints, pixels
from raysearch.rewards.networks.checkpoints import Dtype

EPS = 1e-6  # added to the deviation of a patch, as VideoMAE does


class VideoMAEReward(Reward):
    """The reward of videos under one VideoMAEForPreTraining; see `videomae` for the options.

    Raises:
        UsageError: for options that do not suit the network.
    """

    differentiable = True

    def __init__(
        self,
        model: VideoMAEForPreTraining,
        stride: int | None = None,
        context: int | Sequence[int] | None = None,
        norm_pix: bool | None = None,
        contexts: Literal["mean", "min"] = "mean",
        distance: Literal["mse", "l1"] = "mse",
        frames: Frames = "all",
        reduce: Literal["mean", "max"] = "mean",
    ):
        self.model = model.eval().requires_grad_(False)
        c = model.config
        self.window, self.tubelet, self.patch = int(c.num_frames), int(c.tubelet_size), _side(c.patch_size)
        self.size = self._side = _side(c.image_size)
        self.stride = self.window // 2 if stride is None else stride
        given = self.window // 2 if context is None else context
        self.contexts = (given,) if isinstance(given, int) else tuple(given)
        self.norm_pix = bool(c.norm_pix_loss) if norm_pix is None else norm_pix
        self.lowest, self.distance, self.frames, self.reduce = contexts == "min", distance, frames, reduce
        for one in self.contexts or (0,):
            if not 0 < one < self.window or one % self.tubelet:
                raise UsageError(
                    f"videomae.context={context}: must be a multiple of the tubelet size {self.tubelet} below the "
                    f"window of {self.window} frames"
                )

    @classmethod
    def load(
        cls, model: str, device: str = "cpu", dtype: Dtype = "float32", revision: str | None = None, **options: Any
    ) -> VideoMAEReward:
        """Load the network and make the reward; see `videomae` for the options. Raises UsageError."""
        disable_progress_bar()
        network = checkpoints.load(VideoMAEForPreTraining, "videomae", model, "videomae", revision, dtype)
        return cls(network.to(device), **options)

    def score(self, view: np.ndarray, prompt: Prompt | None = None, fps: float | None = None) -> Scores:
        """The reward of one view, uint8 [frames, H, W, 3]; details hold the surprise of every window."""
        with torch.no_grad():
            surprise = self.surprise(pixels.tensor(view), fps)
        return Scores(
            self._over_windows(surprise).item(), {f"surprise_{k}": v for k, v in enumerate(surprise[0].tolist())}
        )

    def reward(self, video_BTCHW: Tensor, fps: float | None = None) -> Tensor:
        """The reward [B] of videos [B, T, 3, H, W] in [0, 1]; differentiable with respect to all pixels."""
        return self._over_windows(self.surprise(video_BTCHW, fps))

    def surprise(self, video_BTCHW: Tensor, fps: float | None = None) -> Tensor:
        """The error [B, windows] of the hidden patches, over all contexts. Raises UsageError for a short video."""
        seen = frames.select(self.frames, video_BTCHW.shape[1], fps, self.window)
        frames.long_enough(len(seen), self.window)
        video = video_BTCHW if len(seen) == video_BTCHW.shape[1] else video_BTCHW[:, seen.tolist()]
        network = next(self.model.parameters())
        clips = pixels.windows(pixels.squared(video, self._side, network.device), self.window, self.stride)
        B, K = clips.shape[:2]
        each = torch.stack([self._of_context(clips.flatten(0, 1), given) for given in self.contexts])
        return (each.amin(0) if self.lowest else each.mean(0)).view(B, K)

    def _of_context(self, clips: Tensor, given: int) -> Tensor:
        """The error [B] of clips [B, T, 3, H, W] of which the first frames are given."""
        hidden = self._hidden(clips.device, given)
        guess = self.model(
            pixels.normalised(clips).to(next(self.model.parameters()).dtype),
            bool_masked_pos=hidden.expand(len(clips), -1),
        ).logits
        target = self._patches(clips)[:, hidden]
        return self._error(guess.to(target.dtype), target)

    def _hidden(self, device: torch.device, given: int) -> Tensor:
        """Which patches are hidden, [tokens] bool: those of all tubelets after the given frames."""
        space = (self._side // self.patch) ** 2
        return torch.arange(self.window // self.tubelet * space, device=device) >= given // self.tubelet * space

    def _patches(self, clips: Tensor) -> Tensor:
        """Clips [B, T, 3, H, W] in [0, 1] as patches [B, tokens, pixels of a patch, 3], in the order of VideoMAE."""
        B, T, C, H, W = clips.shape
        t, p = self.tubelet, self.patch
        split = clips.reshape(B, T // t, t, C, H // p, p, W // p, p).permute(0, 1, 4, 6, 2, 5, 7, 3)
        return split.reshape(B, (T // t) * (H // p) * (W // p), t * p * p, C)

    def _error(self, guess: Tensor, target: Tensor) -> Tensor:
        """The error [B] in the chosen unit, of a prediction in the unit of training."""
        trained, guess = bool(self.model.config.norm_pix_loss), guess.view_as(target)
        if trained or self.norm_pix:
            mean, spread = target.mean(-2, keepdim=True), target.var(-2, keepdim=True).sqrt() + EPS
        if trained and not self.norm_pix:
            guess = guess * spread + mean
        elif self.norm_pix:
            target = (target - mean) / spread
            guess = guess if trained else (guess - mean) / spread
        apart = guess - target
        return (apart.abs() if self.distance == "l1" else apart.square()).mean((1, 2, 3))

    def _over_windows(self, surprise: Tensor) -> Tensor:
        return 1 - (surprise.mean(1) if self.reduce == "mean" else surprise.amax(1))


def _side(size: int | list[int] | tuple[int, ...]) -> int:
    """The side of a square, which a configuration gives as one number or as two."""
    sides = {size} if isinstance(size, int) else set(size)
    if len(sides) != 1:
        raise UsageError(f"videomae: sizes {size} are not square; only square frames and patches are supported")
    return int(sides.pop())
