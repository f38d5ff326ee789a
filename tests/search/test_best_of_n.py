from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from examples.exact.drivers import Toy, drive
from raysearch.moves import Guide, Kernel, Move
from raysearch.search import strategy
from raysearch.search.best_of_n import expected_best
from tests.search.scripted import driven


def test_estimator_is_the_mean_over_all_subsets():
    rewards = [0.3, -1.0, 2.0, 2.0, 0.1, -0.5]
    held_out = [5.0, 1.0, 2.0, 7.0, 3.0, 4.0]
    for n in range(1, 7):
        subsets = list(itertools.combinations(range(6), n))
        best = [max(s, key=lambda i: (rewards[i], -i)) for s in subsets]
        assert expected_best(rewards, n) == pytest.approx(np.mean([rewards[i] for i in best]), abs=1e-12)
        assert expected_best(rewards, n, held_out) == pytest.approx(np.mean([held_out[i] for i in best]), abs=1e-12)


def test_estimator_ends_at_mean_and_maximum_and_leaves_nan_last():
    assert expected_best([1.0, 2.0, 6.0], 1) == 3.0
    assert expected_best([1.0, 2.0, 6.0], 3) == 6.0
    with pytest.raises(ValueError, match="best of n = 4 needs a pool of at least 4 draws, there are 3"):
        expected_best([1.0, 2.0, 6.0], 4)
    with pytest.raises(ValueError, match="at least 1 draws"):
        expected_best([1.0], 0)
    assert expected_best([1.0, math.nan, 3.0, -math.inf], 3) == (3.0 + 1.0 + 3.0 + 3.0) / 4
    assert math.isnan(expected_best([1.0, math.nan, 3.0], 1))


def test_n_videos_of_noises_of_their_own():
    kernel, guide = Kernel("cps", 0.5), Guide("mean", 0.1)
    told = driven(
        strategy("best_of_n")(7, 20, n=3, kernel=kernel, guide=guide), {"7.0.0": 1, "7.0.1": 3, "7.0.2": 2}.get
    )
    assert told.rounds == [tuple(Move(None, (7, 0, i), 20, kernel, guide) for i in range(3))]
    assert told.result.best == 1 and told.result.notes == {"n": 3, "roots": 3}
    assert told.notes == [{"rounds": 1, "nfe": 60}]
    assert len(driven(strategy("best_of_n")(7, 20, budget=99), lambda key: 0.0).rounds[0]) == 4


def test_draws_that_cannot_be_the_best_of_n_leave_the_estimate_finite():
    pool = [1.0, -math.inf, 2.0, math.nan, 6.0]
    assert expected_best(pool, 3) == pytest.approx(
        (6 * 6 + 3 * 2 + 1) / 10
    )  # the two worst never are the best of three
    assert expected_best(pool[:3], 1) == -math.inf
    assert expected_best(pool[:3], 2) == pytest.approx((2 * 2 + 1) / 3)


@pytest.mark.parametrize(("n", "truth"), [(2, 0.5642), (4, 1.0294), (8, 1.4236), (16, 1.7660)])
def test_estimator_gives_the_order_statistics_of_a_normal(n, truth):
    rng = np.random.default_rng(n)
    estimates = [expected_best(rng.standard_normal(32).tolist(), n) for _ in range(400)]
    assert abs(np.mean(estimates) - truth) < 4 * np.std(estimates) / math.sqrt(400)


def test_the_best_is_the_argmax_of_the_pool_and_grows_with_n():
    pool, _ = drive(strategy("best_of_n")(0, 20, n=16), Toy().run)
    rewards = [o.reward for o in pool.finals]
    for n in (1, 4, 16):
        result, _ = drive(strategy("best_of_n")(0, 20, n=n), Toy().run)
        assert result.finals == pool.finals[:n]
        assert result.winner.reward == max(rewards[:n])
