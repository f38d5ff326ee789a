"""The statistics against closed forms, against the power formula, and for false alarms, by seeded simulation."""

import itertools
import math

import numpy as np
import pytest

from raysearch.evals.calibrate import statistics


def pairs(rng: np.random.Generator, prompts: int, n: int, rho: float, tau: float = 0.0):
    """Scores and truth of prompts whose correlation is drawn around rho."""
    true = np.clip(rho + tau * rng.normal(size=prompts), -0.95, 0.95)[:, None]
    y = rng.normal(size=(prompts, n))
    return list(true * y + np.sqrt(1 - true**2) * rng.normal(size=(prompts, n))), list(y)


def names(count: int, views: int = 1) -> list[str]:
    return [f"scene {k // views}" for k in range(count)]


def share_above(tries: int, prompts: int, n: int, rho: float, tau: float, seed: int = 0) -> float:
    rng = np.random.default_rng(seed)
    made = (pairs(rng, prompts, n, rho, tau) for _ in range(tries))
    return float(np.mean([statistics.ranking(s, y, names(prompts)).rho.above for s, y in made]))


def test_quantiles_of_student_are_those_of_the_tables():
    table = {1: 6.3138, 2: 2.9200, 3: 2.3534, 4: 2.1318, 9: 1.8331, 10: 1.8125, 23: 1.7139, 120: 1.6577}
    for df, value in table.items():
        assert statistics.student(df) == pytest.approx(value, abs=5e-5)


def test_a_mean_and_a_ratio_by_hand():
    found = statistics.mean(np.array([1.0, 2.0, 6.0, math.nan]))
    half = 2.9200 * math.sqrt(7) / math.sqrt(3)
    assert (found.value, found.scenes) == (3, 3)
    assert (found.low, found.high) == pytest.approx((3 - half, 3 + half), abs=1e-3)
    share = statistics.ratio(np.array([1.0, 2.0, 0.0]), np.array([2.0, 3.0, 1.0]))
    off = np.array([1.0, 2.0, 0.0]) - 0.5 * np.array([2.0, 3.0, 1.0])
    assert share.value == 0.5 and share.high - 0.5 == pytest.approx(2.92 * off.std(ddof=1) / math.sqrt(3) / 2, abs=1e-4)


def test_ranks_ties_and_normal_scores():
    assert statistics.ranks(np.array([3.0, 1.0, 3.0, math.nan])).tolist() == [2.5, 1.0, 2.5, 0.0]
    assert statistics.normal_scores(np.array([1.0, 2.0])) == pytest.approx([-0.67449, 0.67449], abs=1e-5)
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 9))
    distance = ((statistics.ranks(a) - statistics.ranks(b)) ** 2).sum()
    assert statistics.spearman(a, b) == pytest.approx(1 - 6 * distance / (9 * 80))
    assert statistics.spearman(a, np.ones(9)) == 0 and math.isnan(statistics.spearman(a[:1], b[:1]))


def test_candidates_without_truth_are_left_out_and_those_without_score_are_last():
    scores = [np.array([1.0, math.nan, 3.0, 9.0]), np.array([1.0, 2.0])]
    truth = [np.array([1.0, 0.0, 2.0, math.nan]), np.array([1.0, math.nan])]
    found = statistics.ranking(scores, truth, names(2))
    assert (found.rho.value, found.prompts, found.candidates) == pytest.approx((1.0, 1, 3.0))
    constant = statistics.ranking([np.ones(4), np.arange(4.0)], [np.arange(4.0)] * 2, names(2))
    assert (constant.rho.value, constant.constant) == pytest.approx((0.5, 1))


def test_what_choosing_is_worth_by_hand():
    scores = [np.array([1.0, 2.0, 2.0]), np.array([math.nan, 5.0, 1.0])]
    truth = [np.array([0.0, 3.0, 6.0]), np.array([6.0, 0.0, 0.0])]
    found = statistics.worth(scores, truth, names(2))
    assert (found.random, found.chosen, found.oracle) == (2.5, 2.25, 6.0)  # ties are drawn at random
    assert (found.gain.value, found.regret.value) == (-0.25, 3.75)
    assert found.share.value == pytest.approx(-0.25 / 3.5)


@pytest.mark.parametrize(("prompts", "n", "tau"), [(6, 16, 0.3), (12, 8, 0.2), (24, 4, 0.0)])
def test_false_alarms_are_five_in_a_hundred_where_prompts_differ(prompts, n, tau):
    assert share_above(300, prompts, n, 0.0, tau) < 0.05 + 2.3 * math.sqrt(0.05 * 0.95 / 300)


def test_views_of_a_scene_are_no_independent_prompts():
    rng, seen = np.random.default_rng(3), {3: 0, 1: 0}
    for _ in range(150):
        true = np.repeat(np.clip(0.3 * rng.normal(size=12), -0.95, 0.95), 3)[:, None]
        y = rng.normal(size=(36, 12))
        scores = list(true * y + np.sqrt(1 - true**2) * rng.normal(size=(36, 12)))
        for views in seen:
            seen[views] += statistics.ranking(scores, list(y), names(36, views)).rho.above
    assert seen[3] / 150 < 0.09 and seen[1] / 150 > 0.1  # 5 %, and the 13 to 15 % of treating views as prompts


def test_the_spread_of_correlations_over_scenes_is_found():
    rng = np.random.default_rng(5)
    found = [statistics.ranking(*pairs(rng, 60, 16, 0.2, tau), names(60)).tau for tau in (0.0, 0.3) for _ in range(8)]
    assert np.mean(found[:8]) < 0.12 and 0.22 < np.mean(found[8:]) < 0.36


def test_the_p_of_one_verifier_is_its_own_and_a_true_one_is_found_among_coins():
    rng = np.random.default_rng(9)
    s, y = pairs(rng, 12, 8, 0.6)
    coins = {f"coin {i}": list(rng.normal(size=(12, 8))) for i in range(5)}
    p = statistics.family({"true": s, **coins}, y, names(12))
    assert p["true"] < 0.001 and min(p[c] for c in coins) > 0.01
    tiny = [np.array([0.0, 1.0, 2.0])]
    exact = statistics.family({"only": tiny}, tiny, names(1))["only"]
    orders = list(itertools.permutations(range(3)))
    as_good = sum(statistics.spearman(tiny[0], tiny[0][list(o)]) > 0.999 for o in orders) / len(orders)
    assert exact == pytest.approx(as_good, abs=0.02)
