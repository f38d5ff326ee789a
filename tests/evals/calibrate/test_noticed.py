"""Shares by corruption, and what a judge is called that sees, does not see, or only looks at brightness."""

import numpy as np

from raysearch.evals.calibrate import noticed
from raysearch.evals.calibrate.corruptions import CORRUPTIONS, corrupted
from raysearch.evals.calibrate.scoring import Pair
from raysearch.evals.calibrate.verdicts import CHANCE, FEW
from raysearch.rewards import load
from tests.evals.calibrate.case import ball


def pairs(better: dict[str, float], prompts: int = 30, default: float = 0.5, seed: int = 0) -> list[Pair]:
    """better: by corruption, how often the clean clip has the higher score."""
    rng = np.random.default_rng(seed)
    wins = {(k, n): rng.uniform() < better.get(n, default) for k in range(prompts) for n in CORRUPTIONS}
    return [Pair(k, n, float(won), 1 - float(won)) for (k, n), won in wins.items()]


def test_a_judge_of_physics_sees_and_a_coin_does_not():
    violations = {n: 0.95 for n, (group, _) in CORRUPTIONS.items() if group == "violation"}
    found = noticed.noticed(pairs(violations | {"still": 1.0}))
    assert found.verdict == noticed.SEES and found.why == ""
    assert found.by["frozen"].share.low > 0.2 and found.by["mirror"].clips == 30
    assert noticed.noticed(pairs({"still": 1.0})).verdict == CHANCE
    assert noticed.noticed(pairs({"still": 1.0}, prompts=4, seed=3)).verdict in (FEW, CHANCE)
    assert noticed.noticed([]) is None
    assert noticed.noticed([Pair(0, "frozen", 1.0, np.nan)]) is None


def test_a_judge_of_contrast_and_one_that_likes_stills_are_told():
    seen = {n: 0.8 for n, (group, _) in CORRUPTIONS.items() if group == "violation"}
    why = noticed.noticed(pairs(seen | {"dimmer": 0.0, "still": 0.1})).why
    assert "harmless change (dimmer)" in why and "prefers a still picture" in why


def test_smoothness_prefers_what_stands_still():
    judge, made = load({"name": "smoothness"}), []
    for k in range(6):
        clip = ball(0.6 + 0.2 * k)
        clean = judge.score(clip, None).value
        made += [Pair(k, n, clean, judge.score(c, None).value) for n, c in corrupted(clip).items()]
    found = noticed.noticed(made)
    assert found.by["still"].share.value == -0.5 and "gate it by motion" in found.why
    assert found.by["reversed"].share.value == 0 and found.by["dimmer"].share.value == -0.5
