"""The verdicts in words, the power that the number of prompts promises, and false alarms among many verifiers."""

import math

import numpy as np
import pytest

from raysearch.evals.calibrate import statistics, verdicts
from raysearch.evals.calibrate.statistics import Interval, Ranking
from raysearch.evals.calibrate.verdicts import ABOVE, CHANCE, FEW
from tests.evals.calibrate.test_statistics import names, share_above


def of_ranks(r: float, n: int) -> float:
    """The expected rank correlation of n normal pairs of correlation r (Kendall & Gibbons 1990, 9.11)."""
    return 6 / math.pi * (math.asin(r / 2) * (n - 2) + math.asin(r)) / (n + 1)


@pytest.mark.parametrize(("rho", "tau", "n"), [(0.3, 0.0, 8), (0.3, 0.2, 16), (0.4, 0.2, 8)])
def test_so_many_prompts_have_a_power_of_80_percent(rho, tau, n):
    prompts = verdicts.prompts_needed(of_ranks(rho, n), n, of_ranks(tau, n))
    assert 0.7 < share_above(150, prompts, n, rho, tau) < 0.92
    assert verdicts.detectable(prompts, n, of_ranks(tau, n)) == pytest.approx(of_ranks(rho, n), abs=0.03)


def test_prompts_needed_are_those_of_the_table():
    table = {(0.1, 0.0, 16): 47, (0.2, 0.2, 8): 34, (0.3, 0.2, 4): 37, (0.3, 0.2, 32): 7}  # measured with t
    for (rho, tau, n), measured in table.items():
        assert 0.9 < verdicts.prompts_needed(of_ranks(rho, n), n, of_ranks(tau, n)) / measured < 1.2


def test_the_best_of_many_coins_is_above_chance_in_five_of_a_hundred():
    rng, alone, together = np.random.default_rng(7), 0, 0
    for k in range(40):
        y = list(rng.normal(size=(10, 6)))
        coins = {f"coin {i}": list(rng.normal(size=(10, 6))) for i in range(8)}
        p = statistics.family(coins, y, names(10), k)
        each = [statistics.ranking(s, y, names(10), p[name]) for name, s in coins.items()]
        alone += any(r.rho.above for r in each)
        together += any(verdicts.verdict(r)[0] == ABOVE for r in each)
    assert alone / 40 > 0.15 and together / 40 <= 0.1


def ranked(value: float, low: float, high: float, p: float = 0.001, n: float = 8) -> Ranking:
    return Ranking(Interval(value, low, high, 12), 0.2, n, 12, 0, p)


def test_the_three_verdicts():
    assert verdicts.verdict(ranked(0.4, 0.2, 0.6))[0] == ABOVE
    few, why = verdicts.verdict(ranked(0.4, 0.2, 0.6, p=0.2))
    assert few == FEW and "best of several" in why
    chance, why = verdicts.verdict(ranked(0.05, -0.15, 0.25))
    assert chance == CHANCE and "0.3 or more is ruled out" in why
    below, why = verdicts.verdict(ranked(-0.4, -0.6, -0.2))
    assert below == CHANCE and "below chance" in why
    few, why = verdicts.verdict(ranked(0.2, -0.1, 0.5))
    assert few == FEW and f"about {verdicts.prompts_needed(0.2, 8, 0.2)} prompts of 8 candidates" in why
    assert verdicts.verdict(ranked(0.2, -0.1, 0.25), useful=0.2)[0] == FEW
    assert verdicts.verdict(ranked(0.05, -0.1, 0.19), useful=0.2)[0] == CHANCE
    alone = statistics.ranking([np.arange(4.0)], [np.arange(4.0)], ["one"])
    assert verdicts.verdict(alone)[0] == FEW
    assert verdicts.verdict(statistics.ranking([], [], []))[0] == FEW


def test_random_scores_are_no_better_than_chance_and_never_above_too_often():
    rng, given = np.random.default_rng(11), []
    for k in range(100):
        y = list(rng.normal(size=(24, 10)))
        s = list(rng.normal(size=(24, 10)))
        p = statistics.family({"coin": s}, y, names(24), k)["coin"] if k < 3 else math.nan
        given.append(verdicts.verdict(statistics.ranking(s, y, names(24), p))[0])
    assert given.count(ABOVE) <= 10 and given.count(CHANCE) > 75
