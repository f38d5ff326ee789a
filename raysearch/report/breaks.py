"""Where the videos of a run's own pool break, and whether backtracking in time is worth its budget there.

Invariant: everything is worked out from the finals and the note of the search. The pool are independent videos: all of
best_of_n, or the first round of backtrack; ends that were drawn again are left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from raysearch.moves import Result
from raysearch.report.components import grid, section
from raysearch.report.markup import Html, count, el, number
from raysearch.report.reading import Run

NOTE = "backtrack"
LITTLE = 0.1  # of a video: where a new end saves less, halving did better than backtracking (docs/strategies.md)
PARTS = 4  # of a video, where the lengths of its chunks are not known


@dataclass(frozen=True)
class FirstBreaks:
    """First breaks of independent videos.

    Attributes:
        breaks: the first frame that breaks, or the number of frames.
        frames: of a video.
        starts: the first frame of each chunk, or of each part of the video where the chunks are not known.
        costs: the share of a video's NFE that a new end from each chunk on takes; empty where it is not known.
        margin: frames before a break at which it is cut.
        seams: surprise at the joins that were made, in units of the threshold.
    """

    breaks: Sequence[float]
    frames: int
    starts: Sequence[int]
    costs: Sequence[float]
    margin: int
    seams: Sequence[float]

    @property
    def broken(self) -> list[float]:
        """Those that break."""
        return [b for b in self.breaks if b < self.frames]

    def chunk(self, frame: float) -> int:
        """The chunk of a frame; given frames count as the first."""
        return max(int(np.searchsorted(self.starts, frame, side="right")) - 1, 0)

    @property
    def saved(self) -> float:
        """The mean share of a video's NFE that a new end of a broken one saves; NaN where it is not known."""
        if not self.costs or not self.broken:
            return math.nan
        return float(np.mean([1 - self.costs[self.chunk(b - self.margin)] for b in self.broken]))


def breaks(run: Run) -> Html | None:
    """The section; None where no reward tells where videos break, or no video of the pool was scored."""
    pool = pooled(run.results, run.independent)
    if pool is None:
        return None
    text = (
        "The first frame that is more surprising than the threshold, of the videos drawn independently. A world model "
        "finds what happens at once, such as jumps, and misses slow wrong motion: a video without a found break need "
        "not be right."
    )
    seams = [s for s in pool.seams if math.isfinite(s)]
    joined = (
        f"{count(len(seams), 'join')} of kept and new frames: surprise there {number(float(np.median(seams)), 2)} of "
        f"the threshold (median), above it in {number(100 * float(np.mean(np.array(seams) > 1)), 0)} %."
        if seams else None
    )  # fmt: skip
    return section("First breaks", el("p", text), el("p", verdict(pool)), _table(pool), el("p", joined))


def pooled(results: Sequence[Result], independent: bool) -> FirstBreaks | None:
    """The first breaks of all searches together; None where there are none."""
    found, seams, frames, note = list[float](), list[float](), 0.0, dict[str, Any]()
    for result in results:
        own = result.notes.get(NOTE)
        pool = len(own["breaks"]) if isinstance(own, Mapping) else len(result.finals) if independent else 0
        found += [b for o in result.finals[:pool] if math.isfinite(b := o.detail("break"))]
        frames = max([frames, *(o.detail("frames") for o in result.finals if math.isfinite(o.detail("frames")))])
        if isinstance(own, Mapping):
            note, seams = dict(own), [*seams, *(s for s in own["seams"] if isinstance(s, float))]
    if not found:
        return None
    lengths = note.get("lengths") or []
    if not lengths:
        starts = [round(frames * k / PARTS) for k in range(PARTS)]
        return FirstBreaks(found, int(frames), starts, [], 1, seams)
    starts = [int(frames) - sum(lengths[k:]) for k in range(len(lengths))]
    costs = [1 - begin / note["steps"] for begin in note["begins"]]
    return FirstBreaks(found, int(frames), starts, costs, int(note["margin"]), seams)


def verdict(pool: FirstBreaks) -> str:
    """What the distribution says of backtracking."""
    whole, n = len(pool.breaks) - len(pool.broken), len(pool.breaks)
    said = f"{whole} of {count(n, 'video')} show no break. "
    if not pool.broken:
        return said + "There is nothing to go back to: backtrack draws what best_of_n draws."
    low, middle, high = (number(float(q), 0) for q in np.quantile(pool.broken, (0.1, 0.5, 0.9)))
    said += (
        f"The others break first at frame {middle} (median; 10 % before {low}, 10 % after {high}) of {pool.frames}. "
    )
    if math.isnan(pool.saved):
        return said + (
            "NFE are saved only by whole chunks before the break, so breaks in the first chunk leave nothing to keep; "
            "search=backtrack on a chunked generator tells what a new end saves."
        )
    share = f"A new end of a broken video saves {number(100 * pool.saved, 0)} % of a video on average. "
    if pool.saved < LITTLE:
        return said + share + "That is little: there is hardly anything to keep; prefer halving or best_of_n."
    return (
        said
        + share
        + (
            "So backtracking may be worth its budget here, if these breaks are real: compare it with chunkwise and "
            "with its controls, search.cut=random and ladder, by a measure that the search does not go by."
        )
    )


def _table(pool: FirstBreaks) -> Html:
    ends = [*pool.starts[1:], pool.frames]
    name = "Chunk" if pool.costs else "Part"
    rows = []
    for k, (start, end) in enumerate(zip(pool.starts, ends, strict=True)):
        mine = sum(pool.chunk(b) == k for b in pool.broken)
        cost = [f"{number(100 * pool.costs[k], 0)} %"] if pool.costs else []
        rows.append([f"{k + 1}", f"{start} to {end - 1}", f"{mine}",
                     f"{number(100 * mine / len(pool.breaks), 0)} %", *cost])  # fmt: skip
    heads = [name, "Frames", "Break first here", "Share", *(["A new end from here costs"] if pool.costs else [])]
    return grid(heads, rows, "First breaks", "breaks")
