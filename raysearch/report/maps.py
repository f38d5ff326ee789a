"""Surprise maps of a run's films: drawn once by a reward that can, kept in maps/, shown over the videos of the page.

A map is a small grid for each frame. All maps of a run share one scale of colours. The first break of a video is the
first frame whose highest surprise stands out among the same frames of all maps of the run, for surprise grows with the
time since the last frame that was given: by more than BREAK robust deviations (median absolute deviation times 1.4826,
over all frames) above the median of its frame, and by LEAST of the scale.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from raysearch import rewards, storage, videos
from raysearch.errors import UsageError
from raysearch.moves import Outcome
from raysearch.report.reading import Run, SearchRecord
from raysearch.rewards import SurpriseMap

FOLDER = "maps"
BREAK = 2.0
LEAST = 0.1  # of the scale, which a break exceeds too
LEVELS = 254  # of a value in the page; 0 stands for what was not predicted
MOST = 16  # cells along a side of a grid, and
FRAMES = 48  # frames, that a map in the page has at most


@dataclass(frozen=True)
class VideoMap:
    """The surprise of one video, as it stands in its file.

    Attributes:
        values: fp32 [T, G, G], NaN where nothing was predicted.
        box: the part of the frame that the grid covers, (top, left, height, width) as shares of the frame.
    """

    values: np.ndarray
    box: tuple[float, float, float, float]

    @cached_property
    def peaks(self) -> np.ndarray:
        """The highest surprise of each frame, (T,); NaN where nothing was predicted."""
        flat = self.values.reshape(len(self.values), -1)
        return np.array([np.nanmax(f) if np.isfinite(f).any() else math.nan for f in flat])


@dataclass(frozen=True)
class Maps:
    """All maps of a run, by the path of their film within it, on one scale."""

    of: Mapping[str, VideoMap]

    @cached_property
    def scale(self) -> tuple[float, float]:
        """Lowest surprise, and the highest but for the top thousandth."""
        values = np.concatenate([m.values[np.isfinite(m.values)] for m in self.of.values()])
        low, high = float(values.min()), float(np.quantile(values, 0.999))
        return low, max(high, low + 1e-6)

    @cached_property
    def _usual(self) -> tuple[np.ndarray, float]:
        """The median of the highest surprise by frame, (T,), NaN where none is known, and the robust deviation."""
        peaks = np.full((len(self.of), max(len(m.values) for m in self.of.values())), math.nan)
        for row, m in zip(peaks, self.of.values(), strict=True):
            row[: len(m.values)] = m.peaks
        known = np.isfinite(peaks).any(0)
        middle = np.full(peaks.shape[1], math.nan)
        middle[known] = np.nanmedian(peaks[:, known], 0)
        return middle, 1.4826 * float(np.nanmedian(np.abs(peaks - middle)))

    def first_break(self, film: str) -> float | None:
        """When a video first breaks, as a share of its length; None if it never does."""
        peaks, (middle, deviation) = self.of[film].peaks, self._usual
        above = peaks - middle[: len(peaks)]
        least = max(BREAK * deviation, LEAST * (self.scale[1] - self.scale[0]))
        frames = np.flatnonzero(np.nan_to_num(above, nan=-math.inf) > least)
        return float(frames[0]) / len(peaks) if len(frames) else None

    def marked(self, film: str, outcome: Outcome) -> float | None:
        """The first break that the reward `breaks` has told, else that of the maps; a share of the length."""
        told, frames = outcome.detail("break"), outcome.detail("frames")
        if math.isnan(told):
            return self.first_break(film)
        return told / frames if told < frames else None

    def written(self, film: str) -> dict[str, Any]:
        """A map as the page reads it: frames, cells, box, and a byte for each cell in base64."""
        found, (low, high) = self.of[film], self.scale
        step = max(1, math.ceil(len(found.values) / FRAMES))
        values = found.values[::step]
        coarse = max(1, math.ceil(values.shape[1] / MOST))
        values = _coarser(values, coarse)
        share = np.clip((values - low) / (high - low), 0, 1)
        levels = np.where(np.isfinite(share), 1 + np.nan_to_num(share) * LEVELS, 0).round().astype(np.uint8)
        cells = base64.b64encode(levels.tobytes()).decode()
        return {"t": len(levels), "g": levels.shape[1], "box": [round(b, 4) for b in found.box], "cells": cells}


def read(run: Run) -> Maps | None:
    """The maps of a run; None where it has none. Files that are damaged are left out."""
    found = {}
    for entry in run.entries:
        for film in entry.films.values():
            path = run.folder / path_of(film)
            if path.is_file() and (one := _parsed(path.read_bytes())) is not None:
                found[film] = one
    return Maps(found) if any(np.isfinite(m.values).any() for m in found.values()) else None


def spec(run: Run) -> Mapping[str, Any] | None:
    """The first reward of a run, searched by or watched, that tells where a video is surprising; None if none does."""
    named = [run.config.get("reward"), *(run.config.get("watch") or [])]
    for each in [{"name": n} if isinstance(n, str) else n for n in named]:
        if isinstance(each, Mapping) and "name" in each:
            try:
                if rewards.maps(each):
                    return each
            except UsageError:
                continue
    return None


def shipped(run: Run) -> bool:
    """Whether the maps of a run take seconds: its reward is one of the tiny models that come along."""
    chosen = spec(run)
    return chosen is not None and chosen.get("model", "tiny") == "tiny" and chosen["name"] == "vjepa2"


def draw(run: Run, keys: Mapping[str, Sequence[str]], device: str | None = None) -> int:
    """Compute the maps that are missing, and write them into the run folder.

    Args:
        run: the run.
        keys: of which finals, by the name of the search.
        device: where; the best of this machine by default.

    Returns:
        How many were computed.

    Raises:
        UsageError: no reward of the run has maps, or its model cannot be loaded.
    """
    chosen = spec(run)
    if chosen is None:
        able = ", ".join(rewards.able("maps"))
        raise UsageError(
            f"{run.folder}: no reward of this run tells where a video is surprising; of raysearch's, {able}"
        )
    todo = [(e, k) for e in run.entries for k in keys.get(e.name, ()) if _missing(run, e, k)]
    if not todo:
        return 0
    rewards.check_models(chosen)
    if device is None:
        from raysearch import devices

        device = devices.best()
    reward = rewards.load(chosen, device)
    for entry, key in todo:
        clip = videos.read(run.film(entry, key) or b"")
        _, found = reward.score_with_map(clip.frames, clip.fps or None)
        storage.write(f"{run.folder}/{path_of(entry.films[key])}", to_json(found, clip.frames.shape))
    return len(todo)


def _missing(run: Run, entry: SearchRecord, key: str) -> bool:
    film = entry.films.get(key)
    return film is not None and run.film(entry, key) is not None and not (run.folder / path_of(film)).is_file()


def path_of(film: str) -> str:
    """Where the map of a film lies, both relative to the run folder."""
    return f"{FOLDER}/{film.removeprefix('films/').removesuffix('.mp4')}.json"


def to_json(found: SurpriseMap, shape: tuple[int, ...]) -> str:
    """A map as its file has it. shape: of the video, (T, H, W, 3)."""
    (top, left, height, width), (_, H, W) = found.box, shape[:3]
    values = [
        [[round(float(v), 4) if math.isfinite(v) else None for v in row] for row in frame] for frame in found.values
    ]
    return json.dumps({"box": [top / H, left / W, height / H, width / W], "values": values})


def _parsed(text: bytes) -> VideoMap | None:
    try:
        found = json.loads(text)
        values = np.array(found["values"], dtype=float).astype(np.float32)
        box = tuple(float(b) for b in found["box"])
    except (ValueError, KeyError, TypeError):
        return None
    if values.ndim != 3 or values.shape[1] != values.shape[2] or len(box) != 4:
        return None
    return VideoMap(values, (box[0], box[1], box[2], box[3]))


def _coarser(values: np.ndarray, by: int) -> np.ndarray:
    """Each square of cells as its highest one, so that a break stays visible; NaN where none is known."""
    T, G = values.shape[0], values.shape[1] // by * by
    squares = values[:, :G, :G].reshape(T, G // by, by, G // by, by)
    highest: np.ndarray = np.where(np.isfinite(squares), squares, -np.inf).max((2, 4))
    return np.where(np.isfinite(highest), highest, np.nan)
