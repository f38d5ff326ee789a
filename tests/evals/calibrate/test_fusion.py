"""Fusion: what is fitted is judged on scenes left out, and what is written can be pasted and does the same."""

import numpy as np
import pytest

from raysearch import rewards
from raysearch.evals.calibrate import fusion, statistics
from raysearch.moves import Outcome, Result
from raysearch.search.choose import check, choose


def world(prompts: int = 24, n: int = 12, seed: int = 0, strength: float = 0.6):
    """Truth, two verifiers whose errors cancel in part, a coin, and motion without which the truth is low."""
    rng = np.random.default_rng(seed)
    y, shared = rng.normal(size=(2, prompts, n))
    good = strength * y + shared + 0.2 * rng.normal(size=y.shape)
    foil = shared + 0.3 * rng.normal(size=y.shape)
    return {"good": list(good), "foil": list(foil), "coin": list(rng.normal(size=y.shape))}, list(y)


def names(count: int) -> list[str]:
    return [f"s{k}" for k in range(count)]


def test_ridge_uses_a_verifier_that_knows_nothing_of_the_truth_but_of_the_error():
    scores, y = world()
    found = {f.name: f for f in fusion.fusions(scores, y, names(24), "good", None)}
    best = found["ridge"]
    assert best.weights["good"] > 0 > best.weights["foil"] and abs(best.weights["coin"]) < 0.1
    assert best.more.above and fusion.recommended(list(found.values())) is best
    assert best.share.value > statistics.worth(scores["good"], y, names(24)).share.value + 0.1


def test_nothing_is_fitted_below_six_scenes_and_luck_is_not_recommended():
    scores, y = world(prompts=10)
    assert fusion.fusions(scores, y, [f"s{k // 2}" for k in range(10)], "good", None) == []  # five scenes
    rng = np.random.default_rng(1)
    coins = {f"coin {k}": list(rng.normal(size=(8, 6))) for k in range(5)}
    truth = list(rng.normal(size=(8, 6)))
    assert fusion.recommended(fusion.fusions(coins, truth, names(8), "coin 0", None)) is None


def test_a_gate_leaves_out_candidates_that_move_too_little():
    rng = np.random.default_rng(2)
    motion = rng.uniform(0.2, 2, size=(20, 8))
    y = np.where(motion < 0.9 * np.median(motion, 1, keepdims=True), -3, 0) + rng.normal(size=(20, 8))
    liked = (
        y - 6 * (motion > 0.9 * np.median(motion, 1, keepdims=True)) + 0.3 * rng.normal(size=y.shape)
    )  # likes stills
    found = fusion.fusions({"liked": list(liked)}, list(y), names(20), "liked", list(motion))
    gated = next(f for f in found if f.gate == fusion.GATE)
    assert gated.name.startswith("liked, gated") and gated.more.above and gated.share.value > 0.5
    assert gated.choose == {"how": "normal", "parts": [{"name": "liked", "weight": 1.0}],
                            "at_least_of_median": {"motion": 0.9}}  # fmt: skip


def test_equal_rank_sums_are_offered_of_those_above_chance_alone():
    scores, y = world()
    ways = [f.name for f in fusion.fusions(scores, y, names(24), "good", None, above=["good"])]
    assert ways == ["ridge"]
    both = fusion.fusions(scores, y, names(24), "good", None, above=["good", "coin"])
    assert [f.name for f in both] == ["ridge", "equal rank-sum"] and both[1].weights == {"good": 1.0, "coin": 1.0}


def test_the_pasted_choice_chooses_what_was_judged():
    scores, y = world(prompts=12, n=7)
    found = fusion.fusions(scores, y, names(12), "good", None)[0]
    check(found.choose, list(scores))
    for p in range(12):
        finals = tuple(Outcome(f"k{i}", 0.0, {n: float(s[p][i]) for n, s in scores.items()}) for i in range(7))
        total = sum(w * statistics.normal_scores(scores[n][p]) for n, w in found.weights.items())
        assert choose(Result(finals, 0), found.choose).best == int(np.argmax(total))


def test_the_pasted_reward_is_one_that_a_job_takes():
    scores, y = world()
    scores["motion"] = list(np.random.default_rng(3).uniform(1, 2, size=(24, 12)))
    specs = {"good": {"name": "smoothness"}, "foil": {"name": "flicker"}, "coin": {"name": "geometry"},
             "motion": {"name": "motion"}}  # fmt: skip
    gated = fusion.fusions(scores, y, names(24), "good", scores["motion"], specs=specs)[-1]
    rewards.check(gated.fuse, "reward")
    assert gated.fuse["at_least"]["motion"] == pytest.approx(0.9 * 1.5, abs=0.1)
    assert [len(p["quantiles"]) for p in gated.fuse["parts"] if p["weight"]] == [fusion.QUANTILES] * 4
    assert fusion.fusions(scores, y, names(24), "good", None)[0].fuse == {}  # what a job writes for them is not known
