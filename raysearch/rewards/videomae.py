"""How badly a masked autoencoder rebuilds the end of a clip from its beginning (VideoMAE, arXiv 2203.12602).

The pixel-space counterpart of the V-JEPA reward, after Garrido et al. 2025 (arXiv 2502.11831): the last tubelets of a
window are hidden, the network rebuilds them from the first, surprise = mean squared error, reward = 1 - surprise.

Invariants: hidden patches never enter the encoder, so the future cannot leak; the target patches are rebuilt here, for
transformers makes them without a gradient, so that the gradient reaches the hidden frames too.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor
from transformers import VideoMAEForPreTraining
from transformers.utils.logging import disable_progress_bar

from raysearch.errors import UsageError
from raysearch.prompts import Prompt
from raysearch.rewards import Scores, checkpoints, frames, pixels

EPS = 1e-6  # added to the deviation of a patch, as VideoMAE does


class VideoMAEReward:
    """1 - the reconstruction error of the last frames of every window of a VideoMAEForPreTraining.

    Windows have the length the network was made for (16 frames, mostly). stride: frames from one to the next, half a
    window by default. context: how many frames of each are given, half by default.
    reduce: the surprise, `mean` or `max` over windows.
    norm_pix: the error in units of each patch's own deviation (true), or in pixels of [0, 1] (false); by default what
    the network was trained on. In the other unit mean and deviation of the true patch are lent to the prediction.
    Paper: Garrido et al. 2025, arXiv 2502.11831 (surprise); Tong et al. 2022, arXiv 2203.12602 (VideoMAE)
    """

    differentiable = True

    def __init__(
        self,
        model: VideoMAEForPreTraining,
        stride: int | None = None,
        context: int | None = None,
        norm_pix: bool | None = None,
        reduce: Literal["mean", "max"] = "mean",
    ):
        self.model = model.eval().requires_grad_(False)
        c = model.config
        self.window, self.tubelet, self.patch = int(c.num_frames), int(c.tubelet_size), _side(c.patch_size)
        self.size: int | None = _side(c.image_size)
        self.stride = self.window // 2 if stride is None else stride
        self.context = self.window // 2 if context is None else context
        self.norm_pix = bool(c.norm_pix_loss) if norm_pix is None else norm_pix
        self.reduce = reduce
        if self.stride < 1:
            raise UsageError(f"videomae.stride={self.stride}: must be at least 1")
        if not 0 < self.context < self.window or self.context % self.tubelet:
            raise UsageError(
                f"videomae.context={self.context}: must be a multiple of the tubelet size {self.tubelet} below the "
                f"window of {self.window} frames"
            )
        if reduce not in ("mean", "max"):
            raise UsageError(f"videomae.reduce={reduce!r}: `mean` or `max`")

    @classmethod
    def load(
        cls,
        model: str = "tiny",
        device: str = "cpu",
        dtype: str = "float32",
        revision: str | None = None,
        **options,
    ) -> VideoMAEReward:
        """model: a hub id such as MCG-NJU/videomae-base, or a folder; `tiny` is the one that ships with raysearch."""
        disable_progress_bar()
        network = checkpoints.load(VideoMAEForPreTraining, "videomae", model, "videomae", revision, dtype=dtype)
        return cls(network.to(device), **options)

    def score(self, view: np.ndarray, prompt: Prompt | None = None) -> Scores:
        """Reward of one view, uint8 [frames, H, W, 3]; details hold the surprise of every window."""
        with torch.no_grad():
            surprise = self.surprise(pixels.tensor(view, self.window))
        return Scores(
            self._over_windows(surprise).item(), {f"surprise_{k}": v for k, v in enumerate(surprise[0].tolist())}
        )

    def reward(self, video_BTCHW: Tensor) -> Tensor:
        """Reward of each video [B, T, 3, H, W] in [0, 1]; differentiable with respect to all pixels of the windows."""
        return self._over_windows(self.surprise(video_BTCHW))

    def surprise(self, video_BTCHW: Tensor) -> Tensor:
        """Mean squared error of the hidden patches, [B, windows], at least 0. Raises UsageError for a short video."""
        frames.long_enough(video_BTCHW.shape[1], self.window)
        network = next(self.model.parameters())
        assert self.size is not None
        clips = pixels.windows(pixels.squared(video_BTCHW, self.size, network.device), self.window, self.stride)
        B, K = clips.shape[:2]
        clips = clips.flatten(0, 1)
        hidden = self._hidden(clips.device)
        guess = self.model(
            pixels.normalised(clips).to(network.dtype), bool_masked_pos=hidden.expand(len(clips), -1)
        ).logits
        target = self._patches(clips)[:, hidden]
        return self._error(guess.to(target.dtype), target).view(B, K)

    def _hidden(self, device: torch.device) -> Tensor:
        """Which patches are hidden, [tokens] bool: those of all tubelets after the context."""
        assert self.size is not None
        space = (self.size // self.patch) ** 2
        return torch.arange(self.window // self.tubelet * space, device=device) >= self.context // self.tubelet * space

    def _patches(self, clips: Tensor) -> Tensor:
        """[B, T, 3, H, W] in [0, 1] as patches [B, tokens, pixels of a patch, 3], in the order of VideoMAE."""
        B, T, C, H, W = clips.shape
        t, p = self.tubelet, self.patch
        split = clips.reshape(B, T // t, t, C, H // p, p, W // p, p).permute(0, 1, 4, 6, 2, 5, 7, 3)
        return split.reshape(B, (T // t) * (H // p) * (W // p), t * p * p, C)

    def _error(self, guess: Tensor, target: Tensor) -> Tensor:
        """Mean squared error [B] of what was trained for, in the unit that was asked for."""
        trained, guess = bool(self.model.config.norm_pix_loss), guess.view_as(target)
        if trained or self.norm_pix:
            mean, spread = target.mean(-2, keepdim=True), target.var(-2, keepdim=True).sqrt() + EPS
        if trained and not self.norm_pix:
            guess = guess * spread + mean
        elif self.norm_pix:
            target = (target - mean) / spread
            guess = guess if trained else (guess - mean) / spread
        return (guess - target).square().mean((1, 2, 3))

    def _over_windows(self, surprise: Tensor) -> Tensor:
        return 1 - (surprise.mean(1) if self.reduce == "mean" else surprise.amax(1))


def _side(size: int | list[int] | tuple[int, ...]) -> int:
    """The side of a square that a configuration may give as one number or as two."""
    sides = {size} if isinstance(size, int) else set(size)
    if len(sides) != 1:
        raise UsageError(f"videomae: sizes {size} are not square; only square frames and patches are supported")
    return int(sides.pop())
