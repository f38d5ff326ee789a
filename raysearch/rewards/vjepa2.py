"""WMReward: how surprising is the future to V-JEPA 2, given the past? (arXiv 2601.10553, section 2.3, eq. 6)

For every sliding window the context frames are encoded alone, the predictor guesses the features of the frames that
follow, and the guess is compared with the encoding of the whole window. surprise = 1 - cosine, reward = 1 - surprise.

Invariants: the future cannot leak into the prediction (transformers' own context_mask is applied after a full encode
and would leak); every window starts at position 0, for V-JEPA's rotary positions are not shift-invariant; one encoder
serves context and target.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import VJEPA2Model
from transformers.image_utils import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from transformers.utils.logging import disable_progress_bar

from raysearch.errors import UsageError
from raysearch.prompts import Prompt
from raysearch.rewards import Scores

# The published convention: ViT-g, windows of 16 with 8 given, stride 8, cosine along the token axis, mean of windows.
PRESETS: dict[str, dict] = {
    "wmreward": {"window": 16, "context": 8, "stride": 8, "cosine": "tokens", "worst": 1.0, "reduce": "mean"},
    # Most of the tiny world is background: what is surprising is where it is most surprising.
    "tiny": {"window": 16, "context": (4, 6, 8), "stride": 1, "cosine": "features", "worst": 0.1, "reduce": "mean"},
}


class VJEPA2Reward:
    """Reward of videos under one VJEPA2Model.

    window, stride: frames of a window and from one window to the next; context: how many of them are given, or several
    such numbers, whose surprises are averaged. cosine: along `tokens` (per channel, as published) or `features` (per
    token). worst: share of tokens, the most surprising ones, that count; below 1 only with `features`. reduce: `mean`
    or `max` surprise over windows.
    """

    differentiable = True

    def __init__(
        self,
        model: VJEPA2Model,
        window: int = 16,
        context: int | Sequence[int] = 8,
        stride: int = 8,
        cosine: Literal["tokens", "features"] = "tokens",
        worst: float = 1.0,
        reduce: Literal["mean", "max"] = "mean",
    ):
        self.model = model.eval().requires_grad_(False)
        self._side = int(model.config.crop_size)
        self.size: int | None = self._side
        self.window, self.stride, self.cosine, self.reduce = window, stride, cosine, reduce
        self.worst = worst
        self.contexts = (context,) if isinstance(context, int) else tuple(context)
        self._check()
        device = next(model.parameters()).device
        self._mean = torch.tensor(IMAGENET_DEFAULT_MEAN, device=device).view(3, 1, 1)
        self._std = torch.tensor(IMAGENET_DEFAULT_STD, device=device).view(3, 1, 1)

    @classmethod
    def load(
        cls,
        model: str = "tiny",
        preset: str | None = None,
        device: str = "cpu",
        dtype: str = "float32",
        revision: str | None = None,
        **options,
    ) -> VJEPA2Reward:
        """From a hub id or folder by the ordinary from_pretrained; `tiny` is the one that ships with raysearch.

        preset: `wmreward` (published settings; the default) or `tiny` (what suits the shipped model; its default).
        """
        preset = preset or ("tiny" if model == "tiny" else "wmreward")
        if preset not in PRESETS:
            raise UsageError(f"reward.preset={preset!r}: choose one of {', '.join(PRESETS)}")
        if model == "tiny":
            from raysearch.tinyworld import weights

            model = str(weights("worldmodel"))
        elif Path(model).is_absolute() and not Path(model).is_dir():
            raise UsageError(f"reward.model={model!r}: no such folder")
        disable_progress_bar()
        network = VJEPA2Model.from_pretrained(
            model, revision=revision, dtype=getattr(torch, dtype), use_safetensors=True, attn_implementation="sdpa"
        )
        return cls(network.to(device), **(PRESETS[preset] | {k: v for k, v in options.items() if v is not None}))

    def _check(self) -> None:
        tubelet = self.model.config.tubelet_size
        for name, values in (("window", (self.window,)), ("context", self.contexts)):
            for v in values:
                if v < tubelet or v % tubelet:
                    raise UsageError(f"reward.{name}={v}: must be a positive multiple of the tubelet size {tubelet}")
        if max(self.contexts) >= self.window:
            raise UsageError(f"reward.context={max(self.contexts)}: must be shorter than reward.window={self.window}")
        if self.stride < 1:
            raise UsageError(f"reward.stride={self.stride}: must be at least 1")
        if not 0 < self.worst <= 1 or (self.worst < 1 and self.cosine != "features"):
            raise UsageError(
                f"reward.worst={self.worst}: a share of tokens, in (0, 1]; below 1 it needs reward.cosine=features"
            )
        if self.cosine not in ("tokens", "features") or self.reduce not in ("mean", "max"):
            raise UsageError(
                f"reward.cosine={self.cosine!r}, reward.reduce={self.reduce!r}: cosine is `tokens` or "
                "`features`, reduce is `mean` or `max`"
            )

    def score(self, view: np.ndarray, prompt: Prompt | None = None) -> Scores:
        """Reward of one view, uint8 [frames, H, W, 3]; details hold the surprise of every window."""
        video = torch.from_numpy(np.ascontiguousarray(view)).permute(0, 3, 1, 2)[None].float() / 255
        with torch.no_grad():
            surprise = self.surprise(video)[0]
        windows = {f"surprise_{k}": v for k, v in enumerate(surprise.tolist())}
        return Scores(self._over_windows(surprise[None])[0].item(), windows)

    def reward(self, video_BTCHW: Tensor) -> Tensor:
        """Reward of each video [B, T, 3, H, W] in [0, 1]; differentiable with respect to the pixels."""
        return self._over_windows(self.surprise(video_BTCHW))

    def surprise(self, video_BTCHW: Tensor) -> Tensor:
        """Surprise [B, windows] in [0, 2]. Raises UsageError if the video is shorter than one window."""
        B, T = video_BTCHW.shape[:2]
        if self.window > T:
            raise UsageError(
                f"the video has {T} frames, fewer than reward.window={self.window}: "
                "generate more frames or choose a smaller window"
            )
        starts = range(0, T - self.window + 1, self.stride)
        video = self._prepare(video_BTCHW)
        clips = torch.stack([video[:, s : s + self.window] for s in starts], 1).flatten(0, 1)
        full = self.model.encoder(clips).last_hidden_state
        per_frame = full.shape[1] / self.window
        found = []
        for c in self.contexts:
            known = int(c * per_frame)
            guess = self._predict(clips[:, :c], known, full.shape[1])
            found.append(1 - self._cosine(_norm(guess), _norm(full[:, known:])))
        return torch.stack(found).mean(0).view(B, len(starts))

    def _predict(self, context_clip: Tensor, known: int, tokens: int) -> Tensor:
        """The predictor's features of the tokens from `known` on, from the context frames alone."""
        context = self.model.encoder(context_clip).last_hidden_state
        ids = torch.arange(tokens, device=context.device).expand(len(context), -1)
        return self.model.predictor(context, [ids[:, :known]], [ids[:, known:]]).last_hidden_state

    def _prepare(self, video: Tensor) -> Tensor:
        """Resized to the model's square (squashed, as published) and normalised; any T, H, W."""
        B, T = video.shape[:2]
        video = _at_least_fp32(video.to(self._mean.device))
        square = (self._side, self._side)
        if video.shape[-2:] != square:
            flat = F.interpolate(video.flatten(0, 1), square, mode="bilinear", antialias=True)
            video = flat.view(B, T, 3, *square)
        return ((video - self._mean) / self._std).to(next(self.model.parameters()).dtype)

    def _cosine(self, guess: Tensor, target: Tensor) -> Tensor:
        """[B]: along the tokens and averaged over channels, or per token and averaged over the worst of them."""
        if self.cosine == "tokens":
            return F.cosine_similarity(guess, target, dim=1, eps=1e-8).mean(1)
        each = F.cosine_similarity(guess, target, dim=2, eps=1e-8)
        counted = max(1, round(self.worst * each.shape[1]))
        return each.topk(counted, dim=1, largest=False).values.mean(1) if self.worst < 1 else each.mean(1)

    def _over_windows(self, surprise: Tensor) -> Tensor:
        return 1 - (surprise.mean(1) if self.reduce == "mean" else surprise.amax(1))


def _norm(features: Tensor) -> Tensor:
    """Layer norm without parameters over the features, fp32 at least: how V-JEPA's training normalises targets."""
    return F.layer_norm(_at_least_fp32(features), (features.shape[-1],))


def _at_least_fp32(x: Tensor) -> Tensor:
    return x.to(torch.promote_types(x.dtype, torch.float32))
