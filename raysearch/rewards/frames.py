"""Measures of a video from its pixels alone, the check that every view passes first, and which frames are looked at.

Videos here have time on the first axis and grey levels of 0 to 255, as a float array or a float tensor. Both support
the same arithmetic, so a measure of numpy arrays can be differentiated when it is given tensors; that is why it is
typed Any. `axes` are the axes to average over, all but a batch; None for all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import numpy as np

from raysearch.errors import UsageError

Frames = Annotated[str | Mapping[str, float], "all, {fps: X}, {span: seconds} or {at_most: n}"]


def motion(x: Any, axes: tuple[int, ...] | None = None) -> Any:
    """Mean absolute change between neighbouring frames, grey levels per frame."""
    return abs(x[1:] - x[:-1]).mean(axes)


def flicker(x: Any, axes: tuple[int, ...] | None = None) -> Any:
    """VBench's temporal_flickering, arXiv 2311.17982: (255 - mean absolute change) / 255; 1 where nothing changes."""
    return 1 - motion(x, axes) / 255


def smoothness(x: Any, axes: tuple[int, ...] | None = None, step: int = 1) -> Any:
    """1 - mean |frame - mean of its two neighbours| / 255, at every `step`-th inner frame; 1 for steady change.

    This is half the second difference in time. With step 2 it is VBench's motion smoothness (odd frames are
    interpolated from even ones) with linear interpolation in place of a network.
    """
    between = (x[:-2:step] + x[2::step]) / 2
    return 1 - abs(x[1:-1:step] - between).mean(axes) / 255


def checked(view: np.ndarray, least: int = 1) -> np.ndarray:
    """The view, if it is uint8 [frames, height, width, 3] with at least `least` frames; else raises UsageError."""
    if not isinstance(view, np.ndarray) or view.ndim != 4 or view.shape[-1] != 3 or 0 in view.shape:
        shape = getattr(view, "shape", type(view).__name__)
        raise UsageError(f"a view of shape {shape}: a reward takes frames [frames, height, width, 3]")
    if view.dtype != np.uint8:
        broken = " with NaN or inf in it" if view.dtype.kind == "f" and not np.isfinite(view).all() else ""
        raise UsageError(f"a view of dtype {view.dtype}{broken}: a reward takes uint8 frames, 0 to 255")
    long_enough(len(view), least)
    return view


def long_enough(count: int, least: int) -> None:
    """Raise UsageError for a video of fewer frames than a reward needs."""
    if count < least:
        plural = "s" * (count != 1)
        raise UsageError(
            f"the video has {count} frame{plural}, fewer than the {least} this reward needs; generate more frames"
        )


def at_least(least: int) -> Callable[[Mapping[str, Any], int, float | None], None]:
    """The `fits` of a reward that needs this number of frames."""
    return lambda settings, count, fps: long_enough(count, least)


def grey(view: np.ndarray, least: int = 1) -> np.ndarray:
    """The checked view as float32 grey levels, time first."""
    return checked(view, least).astype(np.float32)


def check_policy(policy: Any) -> None:
    """Raise UsageError for a policy of frames that is none of `Frames`."""
    refusal = f"reward.frames={policy!r}: give all, {{fps: X}}, {{span: seconds}} or {{at_most: n}}"
    if isinstance(policy, str):
        if policy != "all":
            raise UsageError(refusal)
        return
    if not isinstance(policy, Mapping) or len(policy) != 1:
        raise UsageError(refusal)
    ((name, value),) = policy.items()
    whole = name == "at_most"
    number = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
    if name not in ("fps", "span", "at_most") or not number or value <= 0:
        raise UsageError(refusal)


def select(policy: str | Mapping[str, float], count: int, fps: float | None, window: int) -> np.ndarray:
    """Indices of the frames that are looked at.

    Args:
        policy: `all`; {fps: X}; {span: s}, so that a window lasts s seconds at any rate of the video; {at_most: n}.
        count: the number of frames of the video.
        fps: frames per second, None where not known.
        window: frames of a window, for the span.

    Raises:
        UsageError: if the rate is needed but not known or too low.
    """
    if not isinstance(policy, Mapping):
        return np.arange(count)
    ((name, value),) = policy.items()
    if name == "at_most":
        return np.linspace(0, count - 1, min(count, int(value))).astype(int)
    return _at_rate(count, fps, value if name == "fps" else window / value, f"{{{name}: {value:g}}}")


def _at_rate(count: int, fps: float | None, target: float, policy: str) -> np.ndarray:
    """Indices nearest to the instants k / target. No frame is taken twice, for that would look like standing still."""
    if not fps:
        raise UsageError(f"reward.frames={policy} needs the frame rate of the video, which is not known")
    if fps < target * (1 - 1e-6):
        raise UsageError(f"reward.frames={policy}: the video has only {fps:g} frames per second; ask for fewer")
    step = fps / target
    return np.round(np.arange(int((count - 1) / step + 1e-9) + 1) * step).astype(int)
