"""What a V-JEPA 2 score computes, from published sizes of the network; needs no torch and loads nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from raysearch.rewards.vjepa2.convention import CHECKPOINTS, Convention

PATCH, TUBELET = 16, 2  # pixels of a side and frames that a token covers
PREDICTOR = 384, 12, 4.0  # width, layers and MLP ratio, the same for all encoders (arXiv 2506.09985)


@dataclass(frozen=True)
class PublishedEncoder:
    """Width, layers and MLP ratio of a published encoder, and the side of its frames in pixels."""

    width: int
    layers: int
    ratio: float
    side: int

    @property
    def parameters(self) -> float:
        """Of encoder and predictor, without what is a per cent of them."""
        return _weights(self.width, self.layers, self.ratio) + _weights(*PREDICTOR)

    def flop(self, frames: int) -> float:
        """Of encoding so many frames."""
        return _flop(self.width, self.layers, self.ratio, self.tokens(frames))

    def tokens(self, frames: int) -> int:
        """Of so many frames."""
        return frames // TUBELET * (self.side // PATCH) ** 2


_GIANT = 1408, 40, 48 / 11
ENCODERS: Mapping[str, PublishedEncoder] = {
    "facebook/vjepa2-vitl-fpc64-256": PublishedEncoder(1024, 24, 4.0, 256),
    "facebook/vjepa2-vith-fpc64-256": PublishedEncoder(1280, 32, 4.0, 256),
    "facebook/vjepa2-vitg-fpc64-256": PublishedEncoder(*_GIANT, 256),
    "facebook/vjepa2-vitg-fpc64-384": PublishedEncoder(*_GIANT, 384),
}


def encoder(model: str) -> PublishedEncoder | None:
    """The published encoder of a name or hub id; None for any other model."""
    return ENCODERS.get(CHECKPOINTS.get(model, model))


def score_flop(settings: Mapping[str, Any], frames: int, fps: float | None) -> float | None:
    """Of one score of a video; None for a model that is not listed.

    Args:
        settings: all settings of the reward, defaults filled in.
        frames: of the video.
        fps: its frames per second.
    """
    of = encoder(str(settings.get("model")))
    if of is None:
        return None
    convention = Convention.of(settings)
    windows = len(convention.starts(len(convention.select(frames, fps))))
    whole = of.tokens(convention.window)
    each = of.flop(convention.window)
    for context in convention.contexts:
        each += of.flop(context) + _flop(*PREDICTOR, whole)
    return windows * each


def _weights(width: int, layers: int, ratio: float) -> float:
    return layers * (4.0 + 2.0 * ratio) * width * width


def _flop(width: int, layers: int, ratio: float, tokens: int) -> float:
    return 2.0 * _weights(width, layers, ratio) * tokens + 4.0 * layers * width * tokens * tokens
