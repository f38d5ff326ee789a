"""What a reward sees: frames reduced to a view, the same for a generator's frames and for those of a file."""

from __future__ import annotations

import numpy as np
import torch

from raysearch.sampling import guidance

BROKEN = np.full((1, 1, 1, 3), np.nan, np.float32)  # the view of frames that are not finite


def reduce(frames_TCHW: torch.Tensor, size: int | None) -> np.ndarray:
    """Frames [T, 3, H, W] in [0, 1] as uint8 [T, H, W, 3], resized to size x size where a size is given."""
    frames = guidance.view(frames_TCHW, size)
    return frames.clamp(0, 1).mul(255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


def squashed(frames_THWC: np.ndarray, size: int) -> np.ndarray:
    """uint8 frames [T, H, W, 3] of a file, resized as `reduce` does; one at a time, since files may be large."""
    each = (torch.from_numpy(np.ascontiguousarray(f)).permute(2, 0, 1)[None].float() / 255 for f in frames_THWC)
    return np.concatenate([reduce(frame, size) for frame in each])
