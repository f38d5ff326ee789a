"""The package's own searches, answered from pools: what they choose, and what that costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from raysearch.moves import Move, Outcome, Search
from raysearch.search.best_of_n import best_of_n
from raysearch.search.halving import halving

Scene = Mapping[str, np.ndarray]  # figures of a pool, each [candidates, reads]


@dataclass(frozen=True)
class Price:
    """Seconds of what a search asks for.

    Attributes:
        nfe: of a network evaluation.
        decode: of the model's own autoencoder.
        tiny: of the tiny decoder.
        score: of a reward.
    """

    nfe: float
    decode: float
    tiny: float
    score: float

    def of(self, spent: Spent) -> float:
        """Of all that a search has asked for."""
        return (spent.nfe * self.nfe + spent.decodes * self.decode + spent.tiny_decodes * self.tiny
                + (spent.decodes + spent.tiny_decodes) * self.score)  # fmt: skip


@dataclass(frozen=True)
class Spent:
    """What a search has asked for, and what it chose: reward and trajectory error of its best candidate."""

    nfe: float
    decodes: int
    tiny_decodes: int
    reward: float
    px: float


@dataclass(frozen=True)
class Way:
    """A search on a pool.

    Attributes:
        name: for people.
        pool: of which candidates.
        search: of (steps, candidates), with everything else chosen.
        tiny: whether reads before the last are decoded by the tiny decoder.
    """

    name: str
    pool: str
    search: Callable[[int, int], Search]
    tiny: bool = False


def best(steps: int, n: int) -> Search:
    """Best-of-n."""
    return best_of_n(0, steps, n=n)


def half(steps: int, n: int) -> Search:
    """Successive halving with its own reads."""
    return halving(0, steps, n=n)


def quarter(steps: int, n: int) -> Search:
    """One read in the middle, of which a quarter goes on: for previews that agree with the whole decode."""
    return halving(0, steps, n=n, keep=0.25, reads=(0.5,))


def replay(way: Way, reads: tuple[int, ...], scene: Scene, n: int, shift: int = 0) -> Spent:
    """Run the search with the answers of a pool.

    Args:
        way: which search.
        reads: the steps at which the pool was looked at.
        scene: its figures.
        n: candidates of the search, which are taken from the pool from number `shift` on, around its end.
        shift: see n.

    Raises:
        KeyError: for a search that reads where the pool was not looked at.
    """
    place, spent = {step: k for k, step in enumerate(reads)}, {"nfe": 0.0, "decodes": 0, "tiny_decodes": 0}
    at: dict[str, tuple[int, int]] = {}

    def answer(move: Move) -> Outcome:
        slot = move.seed[-1] if move.parent is None else at[move.parent][0]
        before = -1 if move.parent is None else at[move.parent][1]
        row, read = (slot + shift) % len(scene["reward"]), place[move.to]
        cheap = way.tiny and read < len(reads) - 1
        spent["nfe"] += float(scene["nfe"][row, before + 1 : read + 1].sum())
        spent["tiny_decodes" if cheap else "decodes"] += 1
        key = f"{slot}@{move.to}"
        at[key] = slot, read
        return Outcome(key, float(scene["tiny_reward" if cheap else "reward"][row, read]))

    search = way.search(reads[-1], n)
    outcomes: list[Outcome] | None = None
    try:
        while True:
            asked = next(search) if outcomes is None else search.send(outcomes)
            outcomes = [answer(move) for move in asked.moves]
    except StopIteration as stop:
        chosen = (at[stop.value.finals[stop.value.best].key][0] + shift) % len(scene["reward"])
    return Spent(**spent, reward=float(scene["reward"][chosen, -1]), px=float(scene["px"][chosen, -1]))  # type: ignore[arg-type]


def averaged(way: Way, reads: tuple[int, ...], scene: Scene, n: int) -> Spent:
    """Over all the n candidates in a row that the pool has, so that small n are not left to chance."""
    size = len(scene["reward"])
    runs = [replay(way, reads, scene, n, shift) for shift in range(size if n < size else 1)]
    return Spent(**{k: float(np.mean([getattr(r, k) for r in runs])) for k in Spent.__annotations__})  # type: ignore[arg-type]
