"""Does a reward know physics? Pairs of a possible and an impossible video, as in IntPhys: which is ahead, how often.

The unit is the pair. 0.5 is chance; a tie counts half. The interval is Wilson's, per condition and in all.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from raysearch import videos
from raysearch.errors import UsageError

COLUMNS = ("pair", "video", "possible")


@dataclass(frozen=True)
class PlausibilityPair:
    """Two videos, uint8 [T, H, W, 3] each, that differ in whether the event can happen."""

    id: str
    condition: str
    possible: Callable[[], np.ndarray]
    impossible: Callable[[], np.ndarray]


def read(path: str | Path) -> list[PlausibilityPair]:
    """From a CSV: pair, video (relative to the CSV), possible (1 or 0), optionally condition. Videos load when needed.

    Raises UsageError naming a missing column or file, and a pair that has not one of each.
    """
    root = Path(path)
    if not root.is_file():
        raise UsageError(f"{path}: no such file")
    with root.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        for column in COLUMNS:
            if column not in (rows.fieldnames or []):
                raise UsageError(f"{path}: has no column {column!r}; it needs {', '.join(COLUMNS)}")
        table = list(rows)
    sides: dict[str, dict[str, Path]] = {}
    conditions: dict[str, str] = {}
    for row in table:
        video, side = root.parent / row["video"], row["possible"].strip()
        if not video.is_file():
            raise UsageError(f"{path}: pair {row['pair']}: {video}: no such file")
        if side not in ("0", "1") or side in sides.setdefault(row["pair"], {}):
            raise UsageError(f"{path}: pair {row['pair']}: needs one video with possible=1 and one with possible=0")
        sides[row["pair"]][side] = video
        conditions[row["pair"]] = row.get("condition") or "all"
    for name, found in sides.items():
        if len(found) != 2:
            raise UsageError(f"{path}: pair {name}: needs one video with possible=1 and one with possible=0")
    return [PlausibilityPair(n, conditions[n], _later(s["1"]), _later(s["0"])) for n, s in sides.items()]


def tiny(count: int, seed: int = 0) -> Iterator[PlausibilityPair]:
    """Pairs of the tiny world: the same scene by the laws, and with each way of breaking them, `count` of each."""
    from raysearch.tinyworld.heldout import FRAMES
    from raysearch.tinyworld.physics import VIOLATIONS, sample, simulate
    from raysearch.tinyworld.render import render

    for kind in VIOLATIONS:
        scene = "two_balls" if kind == "through_ball" else "one_ball"
        for k in range(count):
            rng = np.random.default_rng([seed, k, 11, VIOLATIONS.index(kind)])
            scenes = sample(rng, 1, scene)
            at = int(rng.integers(6, 11))
            good = render(scenes, simulate(scenes, FRAMES))[0]
            bad = render(scenes, simulate(scenes, FRAMES, kind, at, rng))[0]
            if not np.array_equal(good, bad):  # e.g. no wall was reached
                yield PlausibilityPair(f"{kind}-{k:03d}", kind, _now(good), _now(bad))


def accuracy(margins: Sequence[tuple[str, float]]) -> dict[str, dict[str, Any]]:
    """Of (condition, reward of the possible minus that of the impossible video): accuracy, its interval, mean margin.

    Raises UsageError for none, and for a reward that was NaN.
    """
    if not margins:
        raise UsageError("there are no pairs to compare")
    if any(math.isnan(m) for _, m in margins):
        raise UsageError("the reward is NaN for some video, so its pair cannot be compared; it may be too short")
    groups = {"all": [m for _, m in margins]} | {
        c: [m for k, m in margins if k == c] for c in dict.fromkeys(k for k, _ in margins) if c != "all"
    }
    found = {}
    for name, values in groups.items():
        share = float(np.mean([1.0 if v > 0 else 0.5 if v == 0 else 0.0 for v in values]))
        found[name] = {"pairs": len(values), "accuracy": share, "interval": wilson(share, len(values)),
                       "margin": float(np.mean(values))}  # fmt: skip
    return found


def wilson(share: float, n: int, z: float = 1.959963984540054) -> list[float]:
    """95 % interval of a share of n (Wilson 1927)."""
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return [centre - half, centre + half]


def _now(video: np.ndarray) -> Callable[[], np.ndarray]:
    return lambda: video


def _later(path: Path) -> Callable[[], np.ndarray]:
    return lambda: videos.decode(path)[0]
