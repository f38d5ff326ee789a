"""A search within one chunk of a video, as part of a search over chunks.

The search is written for a whole video from fresh noise. Here its step 0 is the end of the chunk before, its fresh
noise new noise for the chunks that are not finished, and its last step the end of the chunk. Several of them, from
several states, run in lockstep, so that their Moves stay side by side in one Round.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from raysearch import options
from raysearch.errors import UsageError
from raysearch.moves import Guide, Kernel, Move, Outcome, Result, Round, Search
from raysearch.names import lookup
from raysearch.search.beam import beam
from raysearch.search.best_of_n import best_of_n
from raysearch.search.common import sub_seed
from raysearch.search.halving import halving
from raysearch.search.paths import paths
from raysearch.search.rbf import rbf
from raysearch.search.zero_order import zero_order

Begin = Callable[..., Search]
INSIDE: dict[str, Begin] = {search.__name__: search for search in (best_of_n, beam, halving, paths, rbf, zero_order)}
KEY = "search.inside"

Stretch = tuple[int, int, int]  # first and last step of the chunk, steps of the video


def inner(given: Mapping[str, Any], kernel: Kernel, guide: Guide | None) -> Begin:
    """The search that a job names for the inside of a chunk, a function of seed, steps and n.

    Args:
        given: its `name` and options, without those that it shares with the search over chunks.
        kernel: of both.
        guide: of both.

    Raises:
        UsageError: for an unknown search or option.
    """
    make = lookup(f"{KEY}.name: search", str(given.get("name")), INSIDE)
    shared: dict[str, Any] = {"kernel": kernel, "guide": guide}
    values = {key: value for key, value in given.items() if key != "name"}
    part = options.describe(make, make.__name__, without=("seed", "steps", *shared, "budget", "n"))
    options.check(part, values, KEY)
    return lambda seed, steps, n: make(seed, steps, n=n, **shared, **values)


def within(
    begin: Begin, parents: Sequence[str | None], n: int, seed: int, chunk: int, stretch: Stretch,
    view: tuple[int, int] | None,
) -> Generator[Round, list[Outcome], tuple[list[Outcome], list[int]]]:  # fmt: skip
    """Run the search from every parent; the candidates that they end with, and the index of the parent of each."""
    start, end, _ = stretch
    searches = [begin(sub_seed(sub_seed(seed, chunk + 1), i), end - start, n) for i in range(len(parents))]
    rounds: dict[int, Round] = {i: next(search) for i, search in enumerate(searches)}
    ended: dict[int, Result] = {}
    while rounds:
        moves = [(i, _moved(m, parents[i], stretch, view)) for i, round_ in rounds.items() for m in round_.moves]
        outcomes = yield Round(tuple(move for _, move in moves))
        by_search: dict[int, list[Outcome]] = {i: [] for i in rounds}
        for (i, _), outcome in zip(moves, outcomes, strict=True):
            by_search[i].append(outcome)
        for i, answers in by_search.items():
            try:
                rounds[i] = searches[i].send(answers)
            except StopIteration as stop:
                ended[i] = stop.value
                del rounds[i]
    finals = [(o, i) for i in sorted(ended) for o in ended[i].finals]
    return [o for o, _ in finals], [i for _, i in finals]


def _moved(move: Move, parent: str | None, stretch: Stretch, view: tuple[int, int] | None) -> Move:
    """A Move of a search within a chunk as one of the whole video."""
    start, _, _ = stretch
    if move.drift is not None:
        raise UsageError(f"{KEY}: a drift begins at pure noise, so it cannot be used within a chunk")
    fresh = move.parent is None
    return replace(
        move,
        parent=parent if fresh else move.parent,
        mutate=1.0 if fresh and parent is not None else move.mutate,
        to=start + move.to,
        back=None if move.back is None else start + move.back,
        kernel=replace(move.kernel, window=_window(move.kernel.window, stretch)),
        guide=None if move.guide is None else replace(move.guide, window=_window(move.guide.window, stretch)),
        chunks=view,
    )


def _window(window: tuple[float, float], stretch: Stretch) -> tuple[float, float]:
    """A window in fractions of the steps of a chunk as one in fractions of those of the video."""
    start, end, steps = stretch
    if (start, end) == (0, steps) or steps < 2:
        return window
    low, high = (start + share * max(end - start - 1, 0) for share in window)
    nudge = 1e-6  # so that a step at the edge is within both
    return max(0.0, (low - nudge) / (steps - 1)), min(1.0, (high + nudge) / (steps - 1))
