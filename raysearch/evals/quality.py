"""Quality of a video, measured without weights; and the results of VBench, which runs in another environment.

temporal_flickering is VBench's (arXiv 2311.17982). The others stand in for measures that need networks, under names of
their own: they compare systems here and with no published number.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from raysearch.errors import UsageError
from raysearch.rewards import frames

NAMES = ("temporal_flickering", "linear_smoothness", "sharpness", "motion")


def measure(frames_THWC: np.ndarray) -> dict[str, float]:
    """All measures of a video, uint8 [T, H, W, 3]; higher is better but for motion, which is only to be looked at.

    temporal_flickering: 1 - mean |change between neighbours| / 255, so a frozen video has 1. linear_smoothness: 1 -
    mean |frame - mean of its neighbours| / 255 at odd frames. sharpness: mean |Laplacian| / 255 of grey.
    motion: mean change in grey levels. Raises UsageError for fewer than three frames.
    """
    if len(frames_THWC) < 3:
        raise UsageError(f"{len(frames_THWC)} frames; quality needs at least 3")
    x = frames_THWC.astype(np.float32)
    grey = x.mean(-1)
    edges = 4 * grey[:, 1:-1, 1:-1] - grey[:, :-2, 1:-1] - grey[:, 2:, 1:-1] - grey[:, 1:-1, :-2] - grey[:, 1:-1, 2:]
    return {
        "temporal_flickering": float(frames.flicker(x)), "linear_smoothness": float(frames.smoothness(x, None, 2)),
        "sharpness": float(np.abs(edges).mean(dtype=np.float64)) / 255, "motion": float(frames.motion(x)),
    }  # fmt: skip


def read_vbench(path: str | Path) -> dict[str, dict[str, Any]]:
    """Mean and, by video, values of each dimension, from VBench's *_eval_results.json or its folder."""
    places = [Path(path)] if Path(path).is_file() else sorted(Path(path).glob("*_eval_results.json"))
    if len(places) != 1:
        raise UsageError(f"{path}: {len(places)} files *_eval_results.json there; give one file")
    try:
        found = json.loads(places[0].read_text(encoding="utf-8"))
        return {
            name: {"mean": float(mean), "videos": {v["video_path"]: v["video_results"] for v in videos}}
            for name, (mean, videos) in found.items()
        }
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UsageError(f"{places[0]}: not a result of VBench ({type(error).__name__}: {error})") from None
