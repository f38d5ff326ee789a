"""Rollover budget forcing by hand: waves, the record, what is saved and where it is spent."""

import math

import pytest

from raysearch.moves import Guide, Kernel
from raysearch.search import strategy
from tests.search.scripted import driven

rbf = strategy("rbf")
NOISY = Kernel("ddim_eta", 1.0)
FIRST = {"7.0.0": 1.0, "7.0.1": 5.0, "7.0.2": math.nan, "7.0.3": 2.0}


def run(rewards: dict, reads=(0.2, 0.4, 0.6, 0.8), n=4, wave=2, kernel=NOISY, **options):
    search = rbf(7, 10, n=n, wave=wave, reads=reads, kernel=kernel, **options)
    return driven(search, lambda key: (FIRST | rewards).get(key, 0.0))


def test_a_success_ends_its_read_and_what_it_saves_is_spent_at_the_next():
    guide = Guide("mean", 0.1)
    told = run({"7.1.0": 5.0, "7.1.1": 6.0, "7.2.5": 3.0, "7.3.0": 4.0, "7.4.3": 9.0}, guide=guide)
    slots = [[m.seed[2] for m in moves] for moves in told.rounds]
    assert slots == [
        [0, 1, 2, 3],
        [0, 1],  # 6 beats 5; 5 itself would not
        [0, 1], [2, 3], [4, 5],  # two more than four; none beats 6, the best is 3
        [0, 1], [2, 3],  # 4 is better than 3, but no record
        [0, 1, 2, 3],  # the last stretch has nothing to save for
    ]  # fmt: skip
    assert [told.parents(k)[0] for k in range(1, 8)] == ["7.0.1", *["7.1.1"] * 3, *["7.2.5"] * 2, "7.3.0"]
    assert [moves[0].to for moves in told.rounds] == [2, 4, 6, 6, 6, 8, 8, 10]
    assert {(m.kernel, m.guide) for moves in told.rounds for m in moves} == {(NOISY, guide)}
    assert told.result.winner.key == "7.4.3" and len(told.result.finals) == 4
    assert told.result.notes == {"n": 4, "proposed": [4, 2, 6, 4, 4], "roots": 1}


def test_the_first_success_of_a_wave_wins_not_the_best():
    told = run({"7.1.0": 4.0, "7.1.1": 6.0, "7.1.2": 7.0, "7.1.3": 9.0}, wave=4)
    assert told.parents(2)[0] == "7.1.1"


def test_where_no_noise_parts_proposals_there_is_one_and_nothing_is_spent():
    kernel = Kernel("ddim_eta", 1.0, (0.0, 0.35))  # noise at the steps 0 to 3
    told = run({"7.1.1": 3.0}, kernel=kernel)
    assert [len(moves) for moves in told.rounds] == [4, 4, 1, 1, 1]  # the last stretch with noise spends all
    gap = Kernel("ddim_eta", 1.0, (0.44, 0.9))  # noise at the steps 4 to 8
    told = run({"7.1.0": 6.0}, kernel=gap)
    assert [len(moves) for moves in told.rounds] == [4, 1, 2, 2, 2, 2, 4]
    told = run({"7.2.0": 6.0}, kernel=gap)
    assert told.result.notes["proposed"] == [4, 1, 2, 6, 4]


def test_savings_are_counted_in_steps():
    told = run({"7.1.0": 6.0}, reads=(0.2, 0.6, 0.8), wave=1)
    assert told.result.notes["proposed"] == [4, 1, 10, 4]  # three proposals of 4 steps are six of 2


def test_a_search_without_reads_is_best_of_n():
    told = run({}, reads=(1.0,), kernel=Kernel("ode"))
    assert told.result.winner.key == "7.0.1" and told.result.notes["roots"] == 4


@pytest.mark.parametrize("wave", [1, 3])
def test_nothing_beats_a_record_by_being_no_number(wave):
    told = run({f"7.{k}.{i}": math.nan for k in range(1, 4) for i in range(1, 40)}, wave=wave)
    assert told.result.notes["proposed"] == [4, 4, 4, 4, 4] and told.parents(len(told.rounds) - 1)[0] == "7.3.0"
