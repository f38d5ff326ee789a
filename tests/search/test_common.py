"""What the strategies share, by hand."""

import math

import numpy as np
import pytest

from raysearch.errors import UsageError
from raysearch.moves import Kernel, Outcome
from raysearch.search import common
from raysearch.search.common import afford, at_least, moves_to, proper, ranked, refuse_copies, stochastic_steps, stream


def test_streams_differ_in_every_part_of_their_address_and_in_nothing_else():
    addresses = [(1, 2, 3), (1, 2, 4), (1, 3, 3), (2, 2, 3), (1, 2), ("a", 2, 3), ("b", 2, 3)]
    assert len({stream(*a).random() for a in addresses}) == len(addresses)
    assert stream("a", 2, 3).random() == stream("a", 2, 3).random()


def test_rewards_are_in_slot_order_and_lose_no_bit():
    values = [0.1, math.nan, -math.inf, 1 / 3]
    found = common.rewards([Outcome(str(k), v) for k, v in enumerate(values)])
    assert found.dtype == np.float64 and found.tolist()[0::2] == values[0::2] and found[3] == 1 / 3
    assert math.isnan(found[1])


def test_ranked_by_hand():
    assert ranked([1.0, math.nan, 3.0, 3.0, -math.inf, -1.0, math.nan]) == [2, 3, 0, 5, 4, 1, 6]
    assert ranked([-1.0, math.nan, -2.0]) == [0, 2, 1]


def test_steps_that_bring_noise():
    assert stochastic_steps(Kernel("cps", 0.5), 5) == [0, 1, 2, 3]  # never the last
    assert stochastic_steps(Kernel("cps", 0.5, (0.25, 0.75)), 9) == [2, 3, 4, 5, 6]
    assert stochastic_steps(Kernel("ode"), 5) == stochastic_steps(Kernel("cps", 0.0), 5) == []
    assert stochastic_steps(common.NOISY, 11) == [2, 3, 4, 5, 6, 7, 8] and common.NOISY.eta == 0.7


def test_copies_are_refused_from_the_last_noise_on():
    kernel = Kernel("cps", 0.5, (0.0, 0.5))  # noise at the steps 0 to 2 of 5
    refuse_copies(kernel, 5, 2)
    with pytest.raises(UsageError, match="deterministic from step 3 of 5"):
        refuse_copies(kernel, 5, 3)


def test_what_a_budget_affords():
    assert afford(3, None, lambda m: 10 * m) == 3
    for budget in range(10, 70):
        assert afford(1, budget, lambda m: 10 * m) == budget // 10
    assert afford(1, 30, lambda m: 5 + 5 * (m // 2)) == 11  # the largest whose cost is within it
    with pytest.raises(UsageError, match="budget = 9 NFE is less than the smallest search here takes: raise it to 10"):
        afford(1, 9, lambda m: 10 * m)
    with pytest.raises(UsageError, match="n = 0 must be at least 1"):
        afford(0, None, lambda m: m)


def test_bounds_of_options():
    proper(a=1.0, b=0.01)
    at_least(1, a=1, b=2)
    for value in (0.0, 1.5, math.nan):
        with pytest.raises(UsageError, match=r"b = .* must lie in \(0, 1\]"):
            proper(a=1.0, b=value)
    with pytest.raises(UsageError, match="b = 0 must be at least 1"):
        at_least(1, a=1, b=0)


def test_one_move_for_every_parent_and_seed():
    found = moves_to(4, ["a", None], [(0,), (1,)], Kernel("ode"), None, mutate=0.5)
    assert [(m.parent, m.seed, m.to, m.mutate) for m in found] == [("a", (0,), 4, 0.5), (None, (1,), 4, 0.5)]
