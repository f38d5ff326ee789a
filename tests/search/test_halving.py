"""Successive halving by hand."""

from raysearch.moves import Guide, Kernel
from raysearch.search import strategy
from tests.search.scripted import driven

halving = strategy("halving")


def test_the_better_half_continues_in_its_slots():
    rewards = {"7.0.0": 1, "7.0.1": 3, "7.0.2": 2, "7.0.3": 4, "7.1.1": 1, "7.1.3": 5, "7.2.3": 0}
    kernel, guide = Kernel("ddim_eta", 0.5), Guide("mean", 0.1)
    told = driven(halving(7, 8, n=4, reads=(0.25, 0.5), kernel=kernel, guide=guide), rewards.__getitem__)
    assert [told.seeds(k) for k in range(3)] == [[(7, 0, i) for i in range(4)], [(7, 1, 1), (7, 1, 3)], [(7, 2, 3)]]
    assert told.parents(0) == [None] * 4 and told.parents(1) == ["7.0.1", "7.0.3"] and told.parents(2) == ["7.1.3"]
    assert [[m.to for m in moves] for moves in told.rounds] == [[2] * 4, [4] * 2, [8]]
    assert {(m.kernel, m.guide) for moves in told.rounds for m in moves} == {(kernel, guide)}
    assert told.notes[0]["rounds"] == 3
    assert [note["slots"] for note in told.notes] == [[0, 1, 2, 3], [1, 3], [3]]
    assert told.result.notes == {"n": 4, "roots": 1, "survivors": [[1, 3], [3]]} and told.result.best == 0


def test_how_many_continue():
    for n, keep, sizes in ((5, 0.5, [5, 3, 2]), (100, 0.07, [100, 7, 1]), (3, 0.01, [3, 1, 1]), (3, 1.0, [3, 3, 3])):
        told = driven(halving(0, 8, n=n, keep=keep, reads=(0.25, 0.5)), lambda key: 0.0)
        assert [len(moves) for moves in told.rounds] == sizes
        assert told.result.notes["roots"] == sizes[-1]
