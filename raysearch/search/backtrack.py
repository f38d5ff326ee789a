"""Backtracking in time: find where a video breaks, keep the chunks before, and draw the rest again.

A chunked generator finishes chunks one after the other, so re-noising a finished video to the step at which a chunk
begins leaves the chunks that are finished by then bit for bit and makes noise of the others: `Move(parent, back=step)`.
The kept part is therefore named by the parent and a step, and enters neither the prompt nor any key of other runs. NFE
are saved by whole chunks. Where a video breaks is told by a reward such as `breaks`, with the score.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from raysearch.errors import UsageError
from raysearch.moves import Guide, Kernel, Move, Outcome, Result, Round, Search
from raysearch.options import Choice, Count, Fraction, Natural, PositiveFraction
from raysearch.search.common import ODE, afford, ranked, stream
from raysearch.search.schedules import stops as stops_of

LISTED = 4.6
CUTS = ("found", "random", "ladder")


def backtrack(
    seed: int,
    steps: int,
    *,
    n: Count = 8,
    share: PositiveFraction = 0.5,
    branch: Count = 2,
    patience: Count = 4,
    margin: Natural = 1,
    cut: Annotated[str, Choice(CUTS)] = "found",
    ends: Sequence[Fraction] = (),
    lengths: Sequence[Count] = (),
    kernel: Kernel = ODE,
    guide: Guide | None = None,
    budget: Count | None = None,
) -> Search:
    """Keep the longest part of a video that does not break and draw the rest again, round after round.

    The first videos are those of best_of_n, and so are fresh ones, drawn where no video has a part to keep: each breaks
    in its first chunk, or none breaks. The highest reward of all videos wins.

    Args:
        n: the whole budget, in videos; `budget` sets it instead.
        share: of the budget for the first round, which is best_of_n's.
        branch: new ends of the chosen video in a round.
        patience: how many ends a kept part is given before another one is taken.
        margin: cut so many frames before the one that is found to break.
        cut: `found` goes by where videos break; two controls know nothing of that and take the video of the highest
            reward: `random` cuts before any chunk, `ladder` before each in turn.
        ends: where chunks are finished, as fractions of the steps; a job takes them from the generator.
        lengths: frames of each chunk that is made; a job takes them from the generator.

    Raises:
        UsageError: where no reward tells where a video breaks, or the lengths of the chunks are not known.

    Paper: TBS, arXiv 2606.13861
    """
    at = stops_of(steps, ends)
    n = afford(n, budget, lambda m: m * steps)
    if len(at) > 1 and cut == "found" and len(lengths) != len(at):
        raise UsageError(f"lengths = {list(lengths)}: give the frames of each of the {len(at)} chunks that are made")
    begins = tuple(end - at[0] for end in at)  # every chunk takes as many steps as the first
    tree = _Videos(seed, steps, begins, tuple(lengths), margin, patience, cut)
    left = n * steps if budget is None else budget
    first = max(1, math.ceil(share * n - 1e-9))
    note: dict[str, Any] = {"rounds": 1 + (left - first * steps) // (steps - begins[-1]), "nfe": left}
    plan: _Turn | None = _Turn(None, 0, first)
    rounds = list[list[int]]()
    while plan is not None:
        moves = tree.moves(plan, len(rounds), kernel, guide)
        left -= len(moves) * (steps - begins[plan.chunk])
        outcomes = yield Round(tuple(moves), note)
        tree.add(plan, outcomes)
        rounds.append([-1 if plan.parent is None else plan.parent, plan.chunk, len(moves)])
        note = {"cut": plan.chunk}
        plan = tree.next(left, branch, len(rounds))
    finals = tuple(video.outcome for video in tree.videos)
    return Result.of_best(finals, n=n, roots=tree.fresh, backtrack=tree.summary(rounds, first))


@dataclass(frozen=True)
class _Turn:
    """What a round makes: so many ends of a video from the beginning of a chunk on, or so many new videos."""

    parent: int | None
    chunk: int
    count: int


@dataclass(frozen=True)
class _WholeVideo:
    """A whole video.

    Attributes:
        outcome: its Outcome.
        made: for each chunk, the number of the video with which it was made.
        cut: the first chunk that has to be made again; 0 where nothing can be kept, or nothing is broken.
    """

    outcome: Outcome
    made: tuple[int, ...]
    cut: int


@dataclass
class _Videos:
    """All videos, and how often each kept part was given a new end."""

    seed: int
    steps: int
    begins: tuple[int, ...]
    lengths: tuple[int, ...]
    margin: int
    patience: int
    rule: str
    videos: list[_WholeVideo] = field(default_factory=list)
    tried: Counter[tuple[int, ...]] = field(default_factory=Counter)
    seams: list[float] = field(default_factory=list)
    fresh: int = 0

    def moves(self, plan: _Turn, turn: int, kernel: Kernel, guide: Guide | None) -> list[Move]:
        if plan.parent is None:
            slots = range(self.fresh, self.fresh + plan.count)
            return [Move(None, (self.seed, 0, i), self.steps, kernel, guide) for i in slots]
        parent, back = self.videos[plan.parent].outcome.key, self.begins[plan.chunk]
        seeds = [(self.seed, turn, i) for i in range(plan.count)]
        return [Move(parent, seed, self.steps, kernel, guide, back=back) for seed in seeds]

    def add(self, plan: _Turn, outcomes: Sequence[Outcome]) -> None:
        kept = () if plan.parent is None else self.videos[plan.parent].made[: self.whole(plan.chunk)]
        self.fresh += len(outcomes) if plan.parent is None else 0
        for outcome in outcomes:
            new = (len(self.videos),) * (len(self.begins) - len(kept))
            self.videos.append(_WholeVideo(outcome, kept + new, self._cut(outcome)))
            if plan.parent is not None and self.lengths:
                self.seams.append(self._seam(outcome, plan.chunk))
        if plan.parent is not None:
            self.tried[self._part(plan.parent, plan.chunk)] += len(outcomes)

    def next(self, left: int, branch: int, turn: int) -> _Turn | None:
        """What to do with the NFE that are left: the longest part first, else new videos."""
        for parent, chunk in self._choices(turn):
            room = left // (self.steps - self.begins[chunk])
            room = room if self.rule != "found" else min(room, self.patience - self.tried[self._part(parent, chunk)])
            if chunk and room > 0:
                return _Turn(parent, chunk, min(branch, room))
        return _Turn(None, 0, min(branch, left // self.steps)) if left >= self.steps else None

    def whole(self, chunk: int) -> int:
        """How many chunks are finished where this one begins; fewer than all before it if chunks overlap in time."""
        return sum(begin + self._each <= self.begins[chunk] for begin in self.begins)

    def summary(self, rounds: list[list[int]], pool: int) -> dict[str, Any]:
        """What the report shows: cuts, the first breaks of the pool that was drawn first, and how the joins look."""
        breaks = [video.outcome.detail("break") for video in self.videos[:pool]]
        return {
            "rounds": rounds, "lengths": list(self.lengths), "begins": list(self.begins), "steps": self.steps,
            "margin": self.margin, "breaks": breaks, "seams": self.seams,
        }  # fmt: skip

    @property
    def _each(self) -> int:
        return self.steps - self.begins[-1]

    def _choices(self, turn: int) -> Iterator[tuple[int, int]]:
        """(video, chunk to begin again) in the order in which they are worth it."""
        rewards = [video.outcome.reward for video in self.videos]
        chunks = len(self.begins)
        if chunks == 1:
            return
        if self.rule == "found":
            order = sorted(ranked(rewards), key=lambda i: -self.videos[i].cut)
            yield from ((i, self.videos[i].cut) for i in order if self.videos[i].cut)
            return
        best = ranked(rewards)[0]
        origin = self.videos[0].outcome.key
        drawn = int(stream(origin, self.seed, turn).integers(chunks - 1)) if self.rule == "random" else turn - 1
        yield best, 1 + drawn % (chunks - 1)

    def _cut(self, outcome: Outcome) -> int:
        if self.rule != "found" or len(self.begins) == 1:
            return 0
        first, frames = outcome.detail("break"), outcome.detail("frames")
        if math.isnan(first):
            if outcome.rewards and not math.isnan(outcome.reward):
                raise UsageError(
                    "cut = found: no reward tells where a video breaks; set reward={name: breaks, parts: [{name: "
                    "vjepa2}], good: FOLDER}, or cut to random or ladder"
                )
            return 0
        if first >= frames:
            return 0
        behind = frames - max(first - self.margin, 0)  # frames from the cut to the end; given ones are at the front
        for chunk in reversed(range(len(self.lengths))):
            if behind <= sum(self.lengths[chunk:]):
                return chunk
        return 0

    def _part(self, parent: int, chunk: int) -> tuple[int, ...]:
        return (*self.videos[parent].made[: self.whole(chunk)], chunk)

    def _seam(self, outcome: Outcome, chunk: int) -> float:
        """The surprise at the first two frames that were made anew, the map's resolution, in units of the threshold."""
        made = sum(self.lengths[self.whole(chunk) :])
        first = int(outcome.detail("frames") - made) if outcome.detail("frames") >= made else 0
        near = [outcome.detail(f"frame_{t}") for t in (first, first + 1)]
        known = [e for e in near if math.isfinite(e)]
        return max(known) / outcome.detail("above") if known else math.nan
