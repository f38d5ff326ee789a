"""Geometry of the path of a video through image features: its options. reward.py has the computation, with torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from raysearch.errors import UsageError
from raysearch.options import Count
from raysearch.rewards import frames as of_frames
from raysearch.rewards.base import Declaration, Reward, Spec
from raysearch.rewards.frames import Frames
from raysearch.rewards.geometry.signals import LEAST, Signals, weights_of
from raysearch.rewards.networks.checkpoints import Dtype


def _check(spec: Spec, key: str) -> None:
    weights_of(spec.get("signals", "speed_cv"), key)
    policy = spec.get("frames", "all")
    of_frames.check_policy(policy)
    if isinstance(policy, Mapping) and "span" in policy:
        raise UsageError(f"{key}.frames={policy!r}: geometry has no windows; give all, {{fps: X}} or {{at_most: n}}")


def _fits(settings: Mapping[str, Any], count: int, fps: float | None) -> None:
    policy = settings.get("frames", "all")
    of_frames.long_enough(len(of_frames.select(policy, count, fps, count)), LEAST)


@Declaration(differentiable=True, check=_check, fits=_fits)
def geometry(
    *,
    model: str | None = None,
    revision: str | None = None,
    dtype: Dtype = "float32",
    signals: Signals = "speed_cv",
    layers: Sequence[Count] | None = None,
    grid: Count | None = None,
    frames: Frames = "all",
    size: Count = 224,
    device: str = "cpu",
) -> Reward:
    """Minus how unevenly a video moves through the features of single frames, such as DINOv2's; NaN if nothing moves.

    Each frame is a point: its pixels averaged over a grid, or the patch tokens of a frozen image encoder. Signals that
    are ratios (all but speed and accel) do not grow with the motion itself. All are the same backwards.

    Args:
        model: a hub id or folder of DINOv2, DINOv2 with registers or DINOv3, such as facebook/dinov2-large; null takes
            pixels, without weights.
        revision: a branch or a commit of a hub id.
        dtype: the type of the weights and of the computation.
        signals: one of speed_cv, accel_rel, curvature, angle, jump, spread, speed and accel, several, or a mapping to
            weights; the value is minus the weighted sum. All are recorded as details.
        layers: whose tokens are taken, counted from 1; null for those at half and three quarters of the depth.
        grid: features are averaged to grid x grid places; null for 4, and 8 for pixels.
        frames: which frames are seen: `all`, {fps: X} or {at_most: n}. Every signal depends on the rate, so compare
            videos at one.
        size: side in pixels at which the encoder sees a frame, rounded to whole patches.

    Paper: after GeoPhys, arXiv 2606.20707; Oquab et al. 2023, arXiv 2304.07193 (DINOv2)
    """
    from raysearch.rewards.geometry.reward import Geometry

    return Geometry.load(
        model, device, dtype, revision, signals=signals, layers=layers, grid=grid, frames=frames, size=size
    )
