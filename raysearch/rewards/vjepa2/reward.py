"""WMReward: how surprising is the future to V-JEPA 2, given the past? (arXiv 2601.10553, section 2.3, eq. 6)

For every sliding window the context frames are encoded alone, the predictor predicts the features of the frames that
follow, and the prediction is compared with the encoding of the whole window. reward = 1 - surprise.

Invariants: the future cannot leak into the prediction (the context_mask of transformers is applied after a full encode
and would leak); every window starts at position 0, for V-JEPA's rotary positions are not shift-invariant; one encoder
serves context and target; a score has the same bits whatever else is scored (see windows.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import VJEPA2Model
from transformers.image_utils import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD

from raysearch.errors import UsageError
from raysearch.prompts import Prompt
from raysearch.resize import bilinear
from raysearch.rewards.base import Reward, Scores, SurpriseMap, predictions_flow
from raysearch.rewards.vjepa2 import distances
from raysearch.rewards.vjepa2 import model as models
from raysearch.rewards.vjepa2.convention import Convention, settings
from raysearch.rewards.vjepa2.gradients import eager
from raysearch.rewards.vjepa2.maps import fold, spread
from raysearch.rewards.vjepa2.windows import Batches, Remembered, fitting, keys

Seen = tuple[np.ndarray, list[bytes], int]  # frames [T, H, W, 3], the key of every window, windows per batch

# Tokens in a batch beyond which a device is not used much better. On a CPU the figure is higher, but batches are filled
# up with copies there, and most videos of a small model have only a few windows.
FILLED = {"cpu": 256, "cuda": 8192}
BULK = 2048  # the same where batches are not filled up: for gradients, which keep the output of every layer
MOST = 16  # windows in a batch


class VJEPA2Reward(Reward):
    """The reward of videos under one VJEPA2Model.

    Args:
        model: encoder and predictor.
        batch: the most windows at a time; None for as many as fill the device and fit its memory.
        compile: compile the network by torch.compile.
        remember: the number of windows whose surprise is kept.
        convention: the fields of a Convention.

    Raises:
        UsageError: for settings that make no sense, or do not suit the model.
    """

    differentiable = True
    maps = True

    def __init__(
        self, model: VJEPA2Model, *, batch: int | None = None, compile: bool = False, remember: int = 4096,
        **convention: Any,
    ):  # fmt: skip
        self.convention = Convention(**convention)
        self.convention.check_tubelet(model.config.tubelet_size)
        self.model = model.eval().requires_grad_(False)
        self._side, self._grid = int(model.config.crop_size), int(model.config.crop_size // model.config.patch_size)
        self._tokens = self.convention.window // model.config.tubelet_size * self._grid**2  # of a window
        self.whole_frames = self.convention.resize == "crop"
        self.size = None if self.whole_frames else self._side
        weight = next(model.parameters())
        self._device, self._dtype = weight.device, weight.dtype
        self._mean = torch.tensor(IMAGENET_DEFAULT_MEAN, device=self._device).view(3, 1, 1)
        self._std = torch.tensor(IMAGENET_DEFAULT_STD, device=self._device).view(3, 1, 1)
        self._encoder, self._predictor = model.encoder, model.predictor
        self._batches = Batches(batch or self._fitting())
        self._loose = Batches(batch or min(MOST, max(1, BULK // self._tokens)), filled=False)
        self.remembered = Remembered(remember)
        if compile:
            self._encoder, self._predictor = torch.compile(model.encoder), torch.compile(model.predictor)

    @classmethod
    def load(cls, model: str = "tiny", device: str = "cpu", **options: Any) -> VJEPA2Reward:
        """Load the network and make the reward; see `vjepa2` for the options. Raises UsageError."""
        chosen = settings(model, **options)
        network = models.load(
            chosen.pop("model"), chosen.pop("revision"), chosen.pop("dtype"), chosen.pop("attention"), device
        )
        return cls(network, **chosen)

    @property
    def loaded(self) -> dict[str, Any]:  # type: ignore[override]
        """The side of its square, the windows per batch at present, and the device."""
        return {"size": self._side, "batch": self._batches.size, "device": self._device.type}

    def score(self, view: np.ndarray, prompt: Prompt | None = None, fps: float | None = None) -> Scores:
        """The reward of one view; details hold the surprise of every window. See `score_all`."""
        return self.score_all([view], fps)[0]

    @torch.no_grad()
    def score_all(self, views: Sequence[np.ndarray], fps: float | None = None) -> list[Scores]:
        """The rewards of several views, whose windows share batches; each distinct window is judged once.

        Args:
            views: each [frames, H, W, 3], uint8 or float in [0, 1].
            fps: frames per second of all of them; None where not known.

        Raises:
            UsageError: for a view that cannot be judged.
        """
        cut = [self._cut(view, fps) for view in views]
        known = {key: self.remembered.get(key) for _, names, _ in cut for key in names}
        surprise = {key: value for key, value in known.items() if value is not None}
        for size in sorted({size for _, _, size in cut}):
            unknown = self._unknown([seen for seen in cut if seen[2] == size], set(surprise))
            for key, value in self._batches.run(self._judge, unknown, size):
                surprise[key] = value.item()
                self.remembered.put(key, surprise[key])
        return [self._scores([surprise[key] for key in names]) for _, names, _ in cut]

    @torch.no_grad()
    def score_with_map(self, view: np.ndarray, fps: float | None = None) -> tuple[Scores, SurpriseMap]:
        """The Scores of `score`, and where and when the surprise is."""
        frames, _, size = self._cut(view, fps)
        video, window = self._prepared(frames), self.convention.window
        starts = self.convention.starts(len(video))
        judged = dict(self._batches.run(self._judge_tokens, ((s, video[s : s + window]) for s in starts), size))
        layers = ((s, row[1:].view(len(self.convention.contexts), -1)) for s, row in judged.items())
        folded = fold(layers, len(video), self.model.config.tubelet_size, self._grid)
        seen = self.convention.select(len(view), fps)
        scores = self._scores([row[0].item() for row in judged.values()])
        return scores, spread(folded, seen, view.shape[:3], self.convention.resize)

    def reward(self, video_BTCHW: Tensor, fps: float | None = None) -> Tensor:
        """The reward [B] of videos [B, T, 3, H, W] in [0, 1]; differentiable with respect to the pixels.

        The same shape gives the same bits; only `score` and `score_all` give the same bits for one video and several.
        """
        return self._over_windows(self.surprise(video_BTCHW, fps))

    def surprise(self, video_BTCHW: Tensor, fps: float | None = None) -> Tensor:
        """The surprise [B, windows], differentiable once. Raises UsageError if the video is shorter than one window.

        Gradients are computed batch by batch, so that a long video takes no more memory than a batch of windows.
        """
        B, T = video_BTCHW.shape[:2]
        seen = self.convention.select(T, fps)
        video = self._prepare(video_BTCHW if len(seen) == T else video_BTCHW[:, torch.from_numpy(seen)])
        starts, window = self.convention.starts(len(seen)), self.convention.window
        clips = ((None, video[b, s : s + window]) for b in range(B) for s in starts)
        judge = partial(eager, self._judge)
        return torch.stack([value for _, value in self._loose.run(judge, clips)]).view(B, len(starts))

    def _judge(self, clips: Tensor) -> Tensor:
        """The surprise [B] of prepared windows, averaged over the contexts."""
        each = [distances.surprise(guess, truth, self.convention) for guess, truth in self._guesses(clips)]
        return torch.stack(each).mean(0)

    def _judge_tokens(self, clips: Tensor) -> Tensor:
        """As `_judge`, and for each context the surprise of every token, NaN if given: [B, 1 + contexts * tokens]."""
        whole, tokens = [], []
        for guess, truth in self._guesses(clips):
            whole.append(distances.surprise(guess, truth, self.convention))
            each, known = distances.by_token(guess, truth, self.convention), self._tokens - truth.shape[1]
            tokens.append(F.pad(each, (known, 0), value=torch.nan))
        return torch.cat([torch.stack(whole).mean(0)[:, None], *tokens], 1)

    def _guesses(self, clips: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """For each context, the predicted and the true features [B, tokens, D] of the frames that follow."""
        full = self._encoder(clips).last_hidden_state
        for c in self.convention.contexts:
            known = c * self._tokens // self.convention.window
            yield self._predict(clips[:, :c], known, self._tokens), full[:, known:]

    def _predict(self, context_clip: Tensor, known: int, tokens: int) -> Tensor:
        """The predictor's features of the tokens from `known` on, from the context frames alone."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and predictions_flow()):
            context = self._encoder(context_clip).last_hidden_state
            ids = torch.arange(tokens, device=context.device).expand(len(context), -1)
            guess: Tensor = self._predictor(context, [ids[:, :known]], [ids[:, known:]]).last_hidden_state
        return guess

    def _cut(self, view: np.ndarray, fps: float | None) -> Seen:
        """The frames that are seen, the key of every window over them, and how many windows share a batch."""
        if view.ndim != 4 or view.shape[3] != 3 or 0 in view.shape:
            raise UsageError(f"frames of shape {view.shape}: expected [frames, height, width, 3]")
        if view.dtype != np.uint8 and not np.isfinite(view).all():
            raise UsageError("the frames hold NaN or infinite values")
        frames = view[self.convention.select(len(view), fps)]
        starts = self.convention.starts(len(frames))
        size = self._batches.even(len(starts))
        return frames, [b"%d " % size + key for key in keys(frames, starts, self.convention.window)], size

    def _unknown(self, cut: Sequence[Seen], known: set[bytes]) -> Iterator[tuple[bytes, Tensor]]:
        """The prepared windows whose surprise is not known, each distinct one once."""
        window = self.convention.window
        for frames, names, _ in cut:
            starts = dict(zip(names, self.convention.starts(len(frames)), strict=True))
            todo = {key: s for key, s in starts.items() if key not in known}
            known |= todo.keys()
            if todo:
                video = self._prepared(frames)
                yield from ((key, video[s : s + window]) for key, s in todo.items())

    def _prepared(self, frames: np.ndarray) -> Tensor:
        """The prepared video [T, 3, H, W], always in the memory layout of its frames, colours last.

        A resized video has another layout, and networks choose their arithmetic by layout: with both, the bits of a
        window would depend on its neighbours in a batch.
        """
        video = self._prepare(self._moved(frames))[0]
        return video.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)

    def _moved(self, frames: np.ndarray) -> Tensor:
        """Frames as [1, T, 3, H, W] in [0, 1] on the device; they are copied as bytes, on a GPU from pinned memory."""
        video = torch.from_numpy(np.ascontiguousarray(frames))
        if self._device.type == "cuda":
            video = video.pin_memory().to(self._device, non_blocking=True)
        video = video.permute(0, 3, 1, 2)[None]
        return video.float() / 255 if video.dtype == torch.uint8 else video.float()

    def _prepare(self, video: Tensor) -> Tensor:
        """Videos of any T, H, W, resized to the model's square and normalised."""
        B, T, _, H, W = video.shape
        video, side = distances.fp32(video.to(self._device)).flatten(0, 1), self._side
        if self.convention.resize == "crop" and H != W:
            short = min(H, W)
            top, left = (H - short) // 2, (W - short) // 2
            video = video[..., top : top + short, left : left + short]
        video = bilinear(video, side, side, antialias=True)
        return ((video - self._mean) / self._std).to(self._dtype).view(B, T, 3, side, side)

    def _fitting(self) -> int:
        """The windows per batch: as many as fill the device, on a GPU no more than fit its memory."""
        most: int = min(MOST, max(1, FILLED.get(self._device.type, 256) // self._tokens))
        if self._device.type != "cuda":
            return most
        blank = torch.zeros(self.convention.window, 3, self._side, self._side, device=self._device, dtype=self._dtype)
        before = torch.cuda.memory_allocated(self._device)

        @torch.no_grad()
        def peak(n: int) -> int:
            torch.cuda.reset_peak_memory_stats(self._device)
            self._judge(blank.expand(n, -1, -1, -1, -1))
            return int(torch.cuda.max_memory_allocated(self._device) - before)

        return fitting(peak, int(0.9 * torch.cuda.mem_get_info(self._device)[1]) - before, most)

    def _over_windows(self, surprise: Tensor) -> Tensor:
        return 1 - (surprise.mean(1) if self.convention.reduce == "mean" else surprise.amax(1))

    def _scores(self, surprise: list[float]) -> Scores:
        value = self._over_windows(torch.tensor([surprise]))[0].item()
        return Scores(value, {f"surprise_{k}": v for k, v in enumerate(surprise)})
