"""Any strategy over all wordings: the searches are those without variants, and the best video of all is kept."""

from __future__ import annotations

import math

import numpy as np
import pytest

from raysearch.moves import Kernel, Outcome, Result, Round
from raysearch.search import of, options_of, strategy
from raysearch.search.across import across
from tests.search.test_wording import driven

VARIANTS = (None, "one", "two")
NOISY = {"kernel": Kernel("ddim_eta", 0.7, (0.0, 1.0))}


def begin(name, **options):
    return lambda seed, wordings: strategy(name)(seed, 8, **options)


@pytest.mark.parametrize(
    "name, options", [("best_of_n", {"n": 3}), ("halving", {"n": 4}), ("smc", {"n": 4, **NOISY}), ("rbf", NOISY)]
)
def test_the_search_of_the_original_asks_for_the_moves_that_it_asks_for_alone(name, options):
    def reward(move):
        return int(move.key("r")[:8], 16) / 2**32

    alone, _, single = driven(strategy(name)(5, 8, **options), reward)
    rounds, notes, result = driven(across(begin(name, **options), 5, 8, VARIANTS), reward)
    mine = [[m for m in moves if m.variant is None] for moves in rounds]
    assert [m.key("w") for moves in mine for m in moves] == [m.key("w") for moves in alone for m in moves]
    assert len(rounds) >= len(alone) and {m.variant for moves in rounds for m in moves} == set(VARIANTS)
    seeds = [m.seed for moves in rounds for m in moves if m.parent is None]
    assert len(set(seeds)) == len(seeds)
    note = result.notes["wordings"]
    assert len(note["of"]) == len(result.finals) and note["of"] == sorted(note["of"])
    assert sum(note["nfe"]) >= 3 * note["nfe"][0] * 0.5 and dict(single.notes) == result.notes["each"][0]
    if name == "best_of_n":
        assert note["nfe"] == [24, 24, 24] and notes[0] == {"rounds": 1, "nfe": 72}
        assert result.winner.reward == max(o.reward for o in result.finals)


def fixed(result):
    def search(seed, wordings):
        yield Round(())
        if isinstance(result[wordings[0]], Exception):
            raise result[wordings[0]]
        return result[wordings[0]]

    return search


def sample(log_z, weights, rewards):
    finals = tuple(Outcome(f"{log_z}-{k}", r) for k, r in enumerate(rewards))
    return Result(finals, int(np.argmax(rewards)), tuple(np.log(weights)), log_z)


def test_samplers_are_mixed_by_their_z():
    of_each = {None: sample(0.0, [0.5, 0.5], [1.0, 2.0]), "one": sample(math.log(3), [0.25, 0.75], [5.0, 0.0])}
    result = driven(across(fixed(of_each), 0, 8, (None, "one")), None)[2]
    assert np.exp(result.log_weights) == pytest.approx([0.125, 0.125, 0.1875, 0.5625])
    assert math.exp(result.log_z) == pytest.approx(2.0) and result.best == 2
    weightless = {None: Result.of_best([Outcome("a", 1.0)]), "one": sample(0.0, [1.0], [0.0])}
    mixed = driven(across(fixed(weightless), 0, 8, (None, "one")), None)[2]
    assert mixed.log_weights is None and mixed.log_z is None and mixed.best == 0


def test_a_wording_without_any_reward_is_left_out_and_all_of_them_are_an_error():
    some = {None: ValueError("all NaN"), "one": sample(0.0, [1.0], [2.0])}
    result = driven(across(fixed(some), 0, 8, (None, "one")), None)[2]
    assert result.winner.reward == 2.0 and result.notes["wordings"]["of"] == [1] and result.notes["each"][0] is None
    with pytest.raises(ValueError, match="all NaN"):
        driven(across(fixed({None: ValueError("all NaN")}), 0, 8, (None,)), None)


def test_every_strategy_takes_it_but_the_one_that_chooses_itself():
    assert "across" in of("smc").options and "across" not in of("wording").options
    assert options_of({"name": "smc", "across": "variants"})[1] == {"across": "variants"}
    for wrong in ("texts", True):
        with pytest.raises(ValueError, match=r"search\.across"):
            options_of({"name": "smc", "across": wrong})
    with pytest.raises(ValueError, match="option of wording 'across' is unknown"):
        options_of({"name": "wording", "across": "variants"})
