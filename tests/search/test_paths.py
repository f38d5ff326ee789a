"""Search over paths by hand: who is re-noised, how far back, how far on."""

import pytest

from raysearch.errors import UsageError
from raysearch.moves import Guide, Kernel
from raysearch.search import strategy
from tests.search.scripted import driven

paths = strategy("paths")


def test_the_best_two_go_back_and_on_in_two_copies_each():
    kernel, guide = Kernel("cps", 0.5), Guide("mean", 0.1)
    rewards = {"7.0.0": 1, "7.0.1": 2, "7.0.2": 9, "7.0.3": 4}
    rewards |= {"7.1.0.0": 1, "7.1.0.1": 2, "7.1.1.0": 4, "7.1.1.1": 3}
    search = paths(7, 8, n=4, keep=2, start=0.25, back=0.25, ahead=0.5, kernel=kernel, guide=guide)
    told = driven(search, lambda key: rewards.get(key, 0.0))
    assert [(m.back, m.to) for moves in told.rounds for m in moves[:1]] == [(None, 2), (0, 4), (2, 6), (4, 8)]
    assert [len({(m.back, m.to) for m in moves}) for moves in told.rounds] == [1] * 4
    assert told.parents(0) == [None] * 4 and told.seeds(0) == [(7, 0, i) for i in range(4)]
    assert told.parents(1) == ["7.0.2", "7.0.2", "7.0.3", "7.0.3"]
    assert told.seeds(1) == [(7, 1, 0, 0), (7, 1, 0, 1), (7, 1, 1, 0), (7, 1, 1, 1)]
    assert told.parents(2) == ["7.1.1.0", "7.1.1.0", "7.1.1.1", "7.1.1.1"]
    assert {(m.kernel, m.guide) for moves in told.rounds for m in moves} == {(kernel, guide)}
    notes = told.result.notes
    assert notes["ancestors"][:2] == [[2, 2, 3, 3], [2, 2, 3, 3]] and notes["roots"] == 1 and notes["n"] == 4
    assert told.notes[0]["rounds"] == 4


@pytest.mark.parametrize(("n", "keep", "size"), [(7, 3, 6), (3, 5, 3), (4, 4, 4)])
def test_copies_are_shared_out_evenly(n, keep, size):
    told = driven(paths(0, 10, n=n, keep=keep), lambda key: -float(key.split(".")[-1]))
    assert [len(moves) for moves in told.rounds] == [n, *[size] * (len(told.rounds) - 1)]
    assert len(set(told.parents(1))) == min(n, keep)


@pytest.mark.parametrize(
    ("steps", "options", "legs"),
    [
        (8, {"start": 0.2, "back": 0.2, "ahead": 0.4}, [(None, 2), (0, 3), (1, 4), (2, 5), (3, 6), (4, 7), (5, 8)]),
        (10, {"start": 0.01, "back": 0.01, "ahead": 0.5}, [(None, 1), (0, 5), (4, 9), (8, 10)]),
        (10, {"start": 0.3, "back": 0.5, "ahead": 0.9}, [(None, 3), (0, 9), (4, 10)]),
        (5, {"start": 1.0, "back": 0.2, "ahead": 0.4}, [(None, 5)]),
    ],
)
def test_legs_by_hand(steps, options, legs):
    told = driven(paths(0, steps, n=2, keep=1, **options), lambda key: 0.0)
    assert [(moves[0].back, moves[0].to) for moves in told.rounds] == legs


def test_each_round_must_end_further_on_than_it_began():
    with pytest.raises(UsageError, match=r"ahead = 0.3 must exceed back = 0.3"):
        next(paths(0, 10, back=0.3, ahead=0.3))
