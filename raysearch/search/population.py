"""A weighted population of particles, and what selection does to it; every operation leaves E[Z_hat] = Z exactly.

`resampled` copies by a resampling scheme. `pruned` keeps a fixed number of distinct particles, each with its weight
over the probability that it was kept (Fearnhead & Clifford 2003), for kernels without noise. `replaced` gives the
slots of particles of weight zero to halves of the heaviest, or drops them; no weight changes its sum. `joined` adds
fresh particles with a share of the weight that was fixed before the search began: a share that followed the particles
would be correlated with their Z_hat, and the mean of the two estimates no longer unbiased.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from raysearch.search.common import evaluations
from raysearch.search.elementary import log
from raysearch.search.resampling import Scheme, kept
from raysearch.search.schedules import funnel
from raysearch.search.weights import Weights


@dataclass(frozen=True)
class Population:
    """What follows the ancestors.

    Attributes:
        parents: handles of the states; None where a particle has none yet.
        weights: the log-weights.
        paid: (N,) L_k as of the last read.
        memory: (N,) what the potential remembers of earlier reads.
        root: (N,) number of the first ancestor.
    """

    parents: tuple[str | None, ...]
    weights: Weights
    paid: np.ndarray
    memory: np.ndarray
    root: np.ndarray

    @staticmethod
    def fresh(n: int, memory: float) -> Population:
        """n particles of equal weight that have no state yet."""
        return Population((None,) * n, Weights.uniform(n), np.zeros(n), np.full(n, memory), np.arange(n))

    def taken(self, ancestors: np.ndarray, weights: Weights) -> Population:
        """The offspring of these ancestors, with these weights."""
        parents = tuple(self.parents[i] for i in ancestors)
        return Population(parents, weights, self.paid[ancestors], self.memory[ancestors], self.root[ancestors])

    def resampled(self, draw: Scheme, rng: np.random.Generator, m: int) -> tuple[Population, list[int]]:
        """m copies of equal weight, and their ancestors."""
        a = draw(self.weights, rng, m)
        return self.taken(a, self.weights.resampled(m)), a.tolist()

    def pruned(self, draw: Scheme, rng: np.random.Generator, m: int) -> tuple[Population, list[int]]:
        """m distinct particles, or all that have weight where those are fewer, and their slots."""
        a, chance = kept(self.weights, rng, m, draw)
        return self.taken(a, self.weights.branched(a, 1 / chance)), a.tolist()

    def replaced(self, copies: bool) -> tuple[Population, list[int]]:
        """Without particles of weight zero.

        Args:
            copies: whether each is replaced by a half of the heaviest particle; otherwise it is dropped.
        """
        lw = self.weights.lw
        alive = np.flatnonzero(np.isfinite(lw))
        parts = np.ones(len(alive), dtype=int)
        for _ in range(len(lw) - len(alive) if copies else 0):
            parts[int(np.argmax(lw[alive] - log(parts)))] += 1
        a, share = np.full(len(lw), -1), np.zeros(len(lw))
        a[alive], share[alive] = alive, 1 / parts
        a[a < 0] = np.repeat(alive, parts - 1) if copies else -1
        a = a[a >= 0]
        return self.taken(a, self.weights.branched(a, share[a])), a.tolist()

    def joined(self, m: int, share: float, memory: float) -> Population:
        """With m fresh particles, which have `share` of the expected weight."""
        if not m:
            return self
        first = int(self.root.max()) + 1
        new = Population.fresh(m, memory)
        return Population(
            self.parents + new.parents, self.weights.joined(m, share), np.append(self.paid, new.paid),
            np.append(self.memory, new.memory), np.append(self.root, first + new.root),
        )  # fmt: skip


@dataclass(frozen=True)
class Schedule:
    """How many particles remain and how many join after each read but the last, known before the search begins.

    Attributes:
        sizes: population of each round.
        survivors: how many remain after each read but the last.
        fresh: how many join there, at the least.
        nfe: network evaluations of the whole search.
    """

    sizes: tuple[int, ...]
    survivors: tuple[int, ...]
    fresh: tuple[int, ...]
    nfe: int

    def share(self, k: int) -> float:
        """Share of the weight of those that join after read k: their part of all particles drawn until then."""
        return self.fresh[k] / (self.sizes[0] + sum(self.fresh[: k + 1]))


def halved(n: int, at: Sequence[int], purse: int, looks: Sequence[int] | None = None) -> Schedule:
    """The better half remains after each read, and whatever that leaves of the purse pays for fresh particles.

    Args:
        n: particles of the first round.
        at: the steps of the reads, the last of them the end.
        purse: NFE to spend, at least n * (at[-1] + sum(looks)).
        looks: NFE of the lookahead of a particle at each read; none by default.
    """
    steps, looks = at[-1], looks or [0] * len(at)
    sizes, survivors, fresh = [n], list[int](), list[int]()
    spent = n * (evaluations(0, at[0], steps) + looks[0])
    for k, (now, later) in enumerate(pairwise(at), start=1):
        survivors.append((sizes[-1] + 1) // 2)
        rest = sum(looks[k:])
        fresh.append((purse - spent - survivors[-1] * (evaluations(now, steps, steps) + rest)) // (steps + rest))
        sizes.append(survivors[-1] + fresh[-1])
        spent += survivors[-1] * evaluations(now, later, steps) + fresh[-1] * evaluations(0, later, steps)
        spent += sizes[-1] * looks[k]
    return Schedule(tuple(sizes), tuple(survivors), tuple(fresh), spent)


def shrinking(n: int, last: int, at: Sequence[int], looks: Sequence[int]) -> Schedule:
    """From n particles to `last` of them in equal ratios; none join. looks: as of `halved`."""
    sizes = funnel(n, min(last, n), len(at))
    legs = zip(sizes, [0, *at], at, looks, strict=False)
    nfe = sum(size * (evaluations(start, stop, at[-1]) + look) for size, start, stop, look in legs)
    return Schedule(tuple(sizes), tuple(sizes[1:]), (0,) * (len(at) - 1), nfe)
