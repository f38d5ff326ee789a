"""Populations by hand: what is kept and with which chance, halves of the heaviest, fresh particles, sizes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from raysearch.moves import Kernel
from raysearch.search import strategy
from raysearch.search.population import Population, halved, shrinking
from raysearch.search.resampling import kept, systematic
from raysearch.search.weights import Weights
from tests.search.scripted import driven


class Fixed:
    """A stream that always returns the same uniform."""

    def __init__(self, u: float):
        self.u = u

    def random(self, size=None):
        return self.u if size is None else np.full(size, self.u)


def population(W) -> Population:
    """Particles a, b, c, ... with these weights, L = 1, 2, 3, ... and roots 10, 11, 12, ..."""
    n = len(W)
    with np.errstate(divide="ignore"):
        weights = Weights(np.log(np.array(W, float)))
    slots = np.arange(n)
    return Population(tuple("abcdefgh"[:n]), weights, 1.0 + slots, 5.0 * slots, 10 + slots)


def test_large_weights_are_kept_for_certain_and_the_others_by_their_share():
    W = [1.0, 6.0, 2.0, 0.0, 1.0]  # of 3: 6 is kept; two of 1, 2, 1, with chances 1/2, 1, 1/2
    for u, slots, chances in ((0.2, [0, 1, 2], [0.5, 1, 1]), (0.7, [1, 2, 4], [1, 1, 0.5])):
        found, chance = kept(Weights(np.log(np.maximum(W, 1e-300)) - 700.0 * (np.array(W) == 0)), Fixed(u), 3)
        assert found.tolist() == slots and chance.tolist() == pytest.approx(chances)
    all_of_them, chance = kept(population(W).weights, Fixed(0.2), 4)
    assert all_of_them.tolist() == [0, 1, 2, 4] and chance.tolist() == [1.0] * 4
    some, chance = kept(population([3, 0, 2, 0]).weights, Fixed(0.2), 3)  # fewer have weight than are to be kept
    assert some.tolist() == [0, 2] and chance.tolist() == [1.0, 1.0]
    equal, chance = kept(population([1, 1, 1, 1]).weights, Fixed(0.4), 2)
    assert equal.tolist() == [0, 2] and chance.tolist() == [0.5, 0.5]
    two = kept(population([8, 4, 1, 1, 2]).weights, Fixed(0.6), 3)  # 8 and then 4 are kept; one of 1, 1, 2
    assert two[0].tolist() == [0, 1, 4] and two[1].tolist() == pytest.approx([1.0, 1.0, 0.5])


def test_what_is_kept_has_its_weight_over_its_chance():
    now, slots = population([1.0, 6.0, 2.0, 0.0, 1.0]).pruned(systematic, Fixed(0.2), 3)
    assert slots == [0, 1, 2] and now.parents == ("a", "b", "c") and now.root.tolist() == [10, 11, 12]
    assert now.paid.tolist() == [1, 2, 3] and now.memory.tolist() == [0, 5, 10]
    assert now.weights.W.tolist() == pytest.approx([0.2, 0.6, 0.2])
    assert now.weights.log_z == pytest.approx(math.log(10 / 5))  # 2, 6 and 2 of five


def test_halves_of_the_heaviest_take_the_slots_of_the_dead():
    now, slots = population([0, 8, 3, 0, 5, 0]).replaced(True)  # 8 in 3 parts, 5 in 2, then each at most 3
    assert slots == [1, 1, 2, 1, 4, 4] and now.parents == ("b", "b", "c", "b", "e", "e")
    third, half = 8 / 3 / 16, 2.5 / 16
    assert now.weights.W.tolist() == pytest.approx([third, third, 3 / 16, third, half, half])
    assert now.weights.log_z == pytest.approx(math.log(16 / 6)) and now.root.tolist() == [11, 11, 12, 11, 14, 14]
    dropped, slots = population([0, 8, 3, 0, 5, 0]).replaced(False)
    assert slots == [1, 2, 4] and dropped.weights.W.tolist() == pytest.approx([8 / 16, 3 / 16, 5 / 16])
    assert dropped.weights.log_z == pytest.approx(math.log(16 / 6))


def test_fresh_particles_join_with_their_share_and_nothing_paid():
    now = population([1.0, 3.0]).joined(2, 0.25, -math.inf)
    assert now.parents == ("a", "b", None, None) and now.root.tolist() == [10, 11, 12, 13]
    assert now.paid.tolist() == [1, 2, 0, 0] and now.memory.tolist() == [0, 5, -math.inf, -math.inf]
    assert math.exp(now.weights.log_z) == pytest.approx(0.75 * 2 + 0.25)
    assert population([1.0, 3.0]).joined(0, 0.25, 0.0).parents == ("a", "b")


def test_halving_by_hand():
    """Ten steps, reads at 2 and 4: a particle makes 3 evaluations up to the first, 2 up to the second, then 5."""
    found = halved(7, (2, 4, 10), 70, (0, 0, 0))
    assert found.survivors[0] == 4 and found.fresh[0] == (70 - 7 * 3 - 4 * 7) // 10 == 2 and found.sizes[:2] == (7, 6)
    spent = 7 * 3 + 4 * 2 + 2 * 5
    assert found.survivors[1] == 3 and found.fresh[1] == (70 - spent - 3 * 5) // 10 == 1 and found.sizes == (7, 6, 4)
    assert found.nfe == spent + 3 * 5 + 1 * 10 <= 70
    assert found.share(0) == 2 / 9 and found.share(1) == 1 / 10


def test_shrinking_by_hand():
    found = shrinking(16, 4, (2, 4, 10), (1, 1, 0))
    assert found.sizes == (16, 8, 4) and found.survivors == (8, 4) and found.fresh == (0, 0)
    assert found.nfe == 16 * (3 + 1) + 8 * (2 + 1) + 4 * 5  # with a look of one step at each read but the last
    assert shrinking(3, 9, (2, 4), (0, 0)).sizes == (3, 3)


def reward(key: str) -> float:
    _, k, slot = map(int, key.split("."))
    return -math.inf if (k, slot) in ((0, 1), (0, 3)) else math.sin(7.0 * slot + 3.0 * k)


def test_smc_gives_the_slots_of_the_dead_to_the_heaviest_and_prune_copies_nobody():
    options = {"n": 4, "lam": 1.0, "reads": (0.5,), "kernel": Kernel("ddim_eta", 1.0)}
    told = driven(strategy("smc")(0, 8, threshold=0.1, **options), reward)
    heaviest = max((0, 2), key=lambda slot: reward(f"0.0.{slot}"))
    assert told.result.notes["ancestors"][0] in ([0, heaviest, 2, heaviest], [0, 0, 2, 2], [0, 2, 2, 0])
    assert "0.0.1" not in told.parents(1) and "0.0.3" not in told.parents(1) and len(told.rounds[1]) == 4
    pruned = driven(strategy("smc")(0, 8, prune=True, **options), reward)
    parents = [p for p in pruned.parents(1) if p is not None]
    assert len(set(parents)) == len(parents) and set(parents) <= {"0.0.0", "0.0.2"}
