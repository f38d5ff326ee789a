"""Beam search by hand: who continues, how many children there are, what a look ahead changes."""

import pytest

from raysearch.moves import Guide, Kernel
from raysearch.search import strategy
from tests.search.scripted import driven

beam = strategy("beam")
NOISY, ODE = Kernel("ddim_eta", 1.0), Kernel("ode")


def test_the_best_two_of_four_are_branched_and_their_roots_followed():
    first = {"7.0.0.0": 1, "7.0.0.1": 3, "7.0.1.0": 4, "7.0.1.1": 2}
    second = {"7.1.0.0": 1, "7.1.0.1": 5, "7.1.1.0": 4, "7.1.1.1": 3}
    last = {"7.2.0.0": 1, "7.2.0.1": 2, "7.2.1.0": 9, "7.2.1.1": 3}
    guide = Guide("mean", 0.1)
    search = beam(7, 8, width=2, branch=2, reads=(0.25, 0.5), kernel=NOISY, guide=guide)
    told = driven(search, (first | second | last).__getitem__)
    pairs = [(i, j) for i in range(2) for j in range(2)]
    assert [told.seeds(k) for k in range(3)] == [[(7, k, *p) for p in pairs] for k in range(3)]
    assert told.parents(0) == [None] * 4
    assert told.parents(1) == ["7.0.1.0", "7.0.1.0", "7.0.0.1", "7.0.0.1"]
    assert told.parents(2) == ["7.1.0.1", "7.1.0.1", "7.1.1.0", "7.1.1.0"]
    assert [[m.to for m in moves] for moves in told.rounds] == [[2] * 4, [4] * 4, [8] * 4]
    assert {(m.kernel, m.guide, m.score) for moves in told.rounds for m in moves} == {(NOISY, guide, True)}
    assert told.result.best == 2 and told.result.notes == {
        "width": 2, "branch": 2, "ancestors": [[2, 1], [1, 2]], "roots": 2
    }  # fmt: skip
    assert told.notes[0]["rounds"] == 3


def sizes(**options) -> list[int]:
    told = driven(beam(0, 10, reads=(0.2, 0.4, 0.8), **options), lambda key: 0.0)
    return [len(moves) for moves in told.rounds]


def test_children_are_made_only_where_noise_parts_them():
    assert sizes(width=2, branch=3, kernel=NOISY) == [6, 6, 6, 6]
    assert sizes(width=2, branch=3, kernel=Kernel("ddim_eta", 1.0, (0.0, 0.5))) == [6, 6, 6, 2]
    assert sizes(width=2, branch=3, kernel=Kernel("ddim_eta", 1.0, (0.44, 1.0))) == [6, 2, 6, 6]  # noise from step 4 on
    assert sizes(width=2, branch=3, kernel=ODE, prune=True) == [6, 2, 2, 2]
    assert sizes(width=2, branch=3, kernel=NOISY, prune=True) == [6, 2, 2, 2]
    assert sizes(width=3, branch=1, kernel=ODE) == [3, 3, 3, 3]


@pytest.mark.parametrize(("n", "width"), [(13, 3), (3, 1), (12, 3), (None, 2)])
def test_n_sets_the_width(n, width):
    told = driven(beam(0, 10, width=2, branch=4, n=n, reads=(0.5,), kernel=NOISY), lambda key: 0.0)
    assert told.result.notes["width"] == width and len(told.rounds[0]) == 4 * width


def test_a_look_ahead_reads_candidates_a_few_ode_steps_later_and_throws_these_away():
    guide = Guide("mean", 0.1)
    search = beam(7, 10, width=1, branch=2, reads=(0.4, 0.8), lookahead=3, kernel=NOISY, guide=guide)
    rewards = {"7.0.0.0.0": 1, "7.0.0.1.0": 2, "7.1.0.0.0": 4, "7.1.0.1.0": 3, "7.2.0.0": 0, "7.2.0.1": 1}
    told = driven(search, rewards.__getitem__)
    steps, looks = told.rounds[0::2], told.rounds[1::2]
    assert [m.to for moves in steps for m in moves] == [4, 4, 8, 8, 10, 10]
    assert [[m.score for m in moves] for moves in steps] == [[False] * 2, [False] * 2, [True] * 2]
    assert [(m.parent, m.to, m.kernel, m.guide) for moves in looks for m in moves] == [
        ("7.0.0.0", 7, ODE, guide), ("7.0.0.1", 7, ODE, guide), ("7.1.0.0", 10, ODE, guide), ("7.1.0.1", 10, ODE, guide)
    ]  # fmt: skip
    assert told.parents(2) == ["7.0.0.1"] * 2 and told.parents(4) == ["7.1.0.0"] * 2
    assert told.notes[0]["rounds"] == 5 and told.result.best == 1


@pytest.mark.parametrize(("lookahead", "each"), [(0, 3 * 3 + 3 * 2 + 3 * 4 + 1 * 1), (1, 28 + 3 * 3 * 1)])
def test_a_budget_counts_children_and_looks(lookahead, each):
    """Each candidate evaluates what it makes, unless that is finished, and not the state that it starts from."""
    options = {"branch": 3, "reads": (0.2, 0.4, 0.8), "kernel": Kernel("ddim_eta", 1.0, (0.0, 0.7))}
    for budget, width in ((10 * each, 10), (10 * each - 1, 9)):
        told = driven(beam(0, 10, budget=budget, lookahead=lookahead, **options), lambda key: 0.0)
        assert told.result.notes["width"] == width and told.notes[0]["nfe"] == width * each
