"""Evolutionary search by hand: tournaments, elites, from which states the generations grow."""

import pytest

from raysearch.errors import UsageError
from raysearch.moves import Guide, Kernel
from raysearch.search import strategy
from raysearch.search.common import stream
from tests.search.scripted import driven

evolutionary = strategy("evolutionary")


def reward(key: str) -> float:
    """Of the first generation slot 2 is the best, then 0, 3 and 1; children are worse than all of them."""
    _, generation, slot, _ = map(int, key.split("."))
    return [3.0, 1.0, 4.0, 2.0][slot] if generation == 0 else -10.0 * generation - slot


def test_two_generations_by_hand():
    kernel, guide = Kernel("cps", 0.5), Guide("mean", 0.1)
    search = evolutionary(7, 8, n=4, children=3, elites=2, beta=0.25, tournament=2, reads=(0.0, 0.5),
                          kernel=kernel, guide=guide)  # fmt: skip
    told = driven(search, reward)
    # the first generation stops wherever a later one may begin
    assert [[m.to for m in moves] for moves in told.rounds] == [[0] * 4, [4] * 4, [8] * 4, [4] * 3, [8] * 3, [8] * 3]
    assert [moves[0].score for moves in told.rounds] == [False, False, True, False, True, True]
    assert [moves[0].mutate for moves in told.rounds] == [0.0, 0.0, 0.0, 0.25, 0.0, 0.25]
    assert told.parents(1) == [f"7.0.{i}.0" for i in range(4)] and told.parents(2) == [f"7.0.{i}.1" for i in range(4)]
    assert {(m.kernel, m.guide) for moves in told.rounds for m in moves} == {(kernel, guide)}
    fitness = [2, 0, 3, 1]
    winners = [fitness[min(stream("7.0.0.2", 7, 1, i).integers(4, size=2))] for i in range(3)]
    assert told.parents(3) == [f"7.0.{w}.0" for w in winners] and len(set(winners)) > 1
    assert told.parents(4) == [f"7.1.{i}.0" for i in range(3)] and told.seeds(4) == [(7, 1, i, 1) for i in range(3)]
    # then there are the two elites, 2 and 0, and three children; their states at step 4 are of two generations
    at_4 = ["7.0.2.1", "7.0.0.1", "7.1.0.0", "7.1.1.0", "7.1.2.0"]
    second = [min(stream("7.0.0.2", 7, 2, i).integers(5, size=2)) for i in range(3)]
    assert told.parents(5) == [at_4[w] for w in second] and told.seeds(5) == [(7, 2, i, 0) for i in range(3)]
    result = told.result
    assert [o.key for o in result.finals] == ["7.0.2.2", "7.0.0.2", "7.2.0.0", "7.2.1.0", "7.2.2.0"]
    assert result.best == 0 and result.notes["ancestors"] == [winners, second]
    line = [2, 0, *winners]
    assert result.notes["roots"] == len({2, 0, *(line[w] for w in second)})
    assert told.notes[0]["rounds"] == 6 and told.notes[0]["nfe"] == 4 * 8 + 3 * (8 + 4)


def test_children_are_half_of_n_and_at_least_one():
    for n, children, brood in ((5, None, 2), (1, None, 1), (2, 7, 7)):
        told = driven(evolutionary(7, 8, n=n, children=children, elites=0, reads=(0.5,)), lambda key: 0.0)
        assert [len(moves) for moves in told.rounds] == [n, n, brood] and len(told.result.finals) == brood


def test_a_tournament_of_one_is_a_draw_and_a_large_one_the_best():
    told = driven(evolutionary(7, 8, n=4, children=40, tournament=1, reads=(0.0,)), reward)
    assert set(told.result.notes["ancestors"][0]) == {0, 1, 2, 3}
    told = driven(evolutionary(7, 8, n=4, children=40, tournament=60, reads=(0.0,)), reward)
    assert set(told.result.notes["ancestors"][0]) == {2}


def test_reads_end_before_the_last_step():
    told = driven(evolutionary(7, 8, n=1, elites=0, reads=(0.97, 0.99)), lambda key: 0.0)
    assert [moves[0].to for moves in told.rounds] == [7, 8, 8]
    for reads in ((), (1.0,)):
        with pytest.raises(UsageError, match="at least one fraction"):
            next(evolutionary(7, 8, reads=reads))


def test_roots_are_followed_over_generations():
    for seed in range(6):
        told = driven(evolutionary(seed, 8, n=4, children=2, elites=1, tournament=1, reads=(0.0, 0.5)), reward)
        first, second = told.result.notes["ancestors"]
        line = [2, *first]  # the elite, and the children of the first generation
        assert told.result.notes["roots"] == len({2, *(line[w] for w in second)})
