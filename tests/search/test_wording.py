"""One budget over wordings x seeds: what each round asks for, who goes on, and what is noted."""

from __future__ import annotations

import math

import numpy as np
import pytest

from raysearch.errors import UsageError
from raysearch.moves import Move, Outcome
from raysearch.search import strategy
from raysearch.search.wording import differing

VARIANTS = (None, "one", "two", "three")


def driven(search, reward):
    """(rounds of Moves, notes of the rounds, Result); reward is given a Move."""
    rounds, notes, round_ = [], [], next(search)
    while True:
        rounds.append(round_.moves)
        notes.append(round_.note)
        outcomes = [Outcome(m.key("w"), reward(m)) for m in round_.moves]
        try:
            round_ = search.send(outcomes)
        except StopIteration as end:
            return rounds, notes, end.value


def quality(means, noise=0.0):
    """Rewards by wording, with noise that follows from the Move."""
    return lambda move: means[VARIANTS.index(move.variant)] + noise * int(move.key("n")[:8], 16) / 2**32


@pytest.mark.parametrize(
    "count, n, pulls",
    [(4, 16, [[2] * 4, [4] * 2]), (8, 24, [[1] * 8, [2] * 4, [4] * 2]), (3, 10, [[1] * 3, [4, 3]]), (1, 5, [[5]]),
     (2, 5, [[3, 2]]), (4, 4, [[1] * 4]), (4, 5, [[1] * 4, [1]])],
)  # fmt: skip
def test_every_round_spends_its_share_on_the_wordings_that_are_left(count, n, pulls):
    variants = [None, *(f"v{k}" for k in range(1, count))]
    rounds, notes, result = driven(
        strategy("wording")(3, 4, n=n, variants=variants), lambda m: -variants.index(m.variant)
    )
    asked = [[sum(m.variant == v for m in moves) for v in dict.fromkeys(m.variant for m in moves)] for moves in rounds]
    assert asked == pulls and sum(map(len, rounds)) == n == len(result.finals)
    assert notes[0] == {"rounds": max(1, math.ceil(math.log2(count))), "nfe": 4 * n}


def test_the_better_half_goes_on_and_earlier_videos_count():
    means = [0.0, 3.0, 1.0, 2.0]
    rounds, notes, result = driven(strategy("wording")(3, 4, n=16, variants=VARIANTS), quality(means, 0.5))
    assert {m.variant for m in rounds[1]} == {"one", "three"} and notes[1]["wordings"] == [1, 3]
    note = result.notes["wordings"]
    assert note["rounds"] == [[1, 3], [1]] and note["nfe"] == [8, 24, 8, 24]
    assert [VARIANTS[k] for k in note["of"]] == [m.variant for moves in rounds for m in moves]
    assert note["of"][result.best] == 1
    # one lucky video in the second round does not outweigh the first one's
    lucky = driven(
        strategy("wording")(3, 4, n=16, variants=VARIANTS),
        lambda m: quality(means)(m) + 3.5 * (m.variant == "three" and m.seed[-1] == 5),
    )[2]
    assert lucky.notes["wordings"]["rounds"][-1] == [1] and lucky.notes["wordings"]["of"][lucky.best] == 3


def test_the_original_has_the_videos_of_best_of_n_and_every_wording_its_own_noise():
    plain = driven(strategy("best_of_n")(3, 4, n=6), lambda m: 0.0)[0][0]
    rounds, _, _ = driven(strategy("wording")(3, 4, n=16, variants=VARIANTS), quality([3.0, 0.0, 1.0, 2.0]))
    moves = [m for round_ in rounds for m in round_]
    assert [m.key("w") for m in moves if m.variant is None] == [m.key("w") for m in plain]
    assert len({m.seed for m in moves}) == len(moves)


def test_a_move_without_a_variant_keeps_its_key_and_another_wording_is_another_state():
    move = Move(None, (1, 0, 2), 6)
    assert move.key("scope") == Move(None, (1, 0, 2), 6, variant=None).key("scope")
    assert len({Move(None, (1, 0, 2), 6, variant=v).key("scope") for v in (None, "a ball", "two balls")}) == 3


def test_wordings_without_rewards_come_last_and_none_at_all_is_refused():
    means = [math.nan, 1.0, 0.0, math.nan]
    _, _, result = driven(strategy("wording")(3, 4, n=16, variants=VARIANTS), quality(means))
    assert result.notes["wordings"]["rounds"] == [[1, 2], [1]]
    with pytest.raises(ValueError, match="no candidate has a reward"):
        driven(strategy("wording")(3, 4, n=16, variants=VARIANTS), lambda m: math.nan)


def test_too_few_videos_are_refused_before_the_first():
    with pytest.raises(UsageError, match=r"n = 3 videos for 4 wordings .* give at least 4 videos, which take 16 NFE"):
        next(strategy("wording")(3, 4, n=3, variants=VARIANTS))
    with pytest.raises(UsageError, match="option of wording 'variants' is unknown"):
        from raysearch.search import options_of

        options_of({"name": "wording", "variants": ["a"]})


def test_what_wordings_and_seeds_contribute_is_estimated_without_bias():
    rng, found = np.random.default_rng(0), []
    for _ in range(3000):
        rewards = (0.7 * rng.normal(size=(4, 1)) + rng.normal(size=(4, 3))).tolist()
        found.append(differing(rewards, rewards))
    assert np.mean(found, axis=0) == pytest.approx([0.49, 1.0], abs=0.05)
    assert differing([[1.0]], [[1.0, 2.0]]) is None and differing([[1.0], [2.0]], [[1.0], [2.0]]) is None
    assert differing([[1.0, 1.0], [math.nan, 1.0]], [[1.0, 1.0], [math.nan, 1.0]]) == [0.0, 0.0]


def test_the_best_wording_gets_most_of_the_budget():
    shares = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        means = {None: 0.0, "one": -2.0, "two": 1.5, "three": -2.0}
        _, _, result = driven(
            strategy("wording")(seed, 4, n=16, variants=VARIANTS), lambda m, r=rng, q=means: q[m.variant] + r.normal()
        )
        nfe = result.notes["wordings"]["nfe"]
        shares.append([each / sum(nfe) for each in nfe])
    original, one, two, three = np.mean(shares, axis=0)
    assert two > 0.35 and original > 0.3 and one < 0.15 and three < 0.15


def test_the_answer_depends_neither_on_replicas_nor_on_the_order_of_arrival(tmp_path):
    from raysearch.engine.coordinator import Coordinator
    from raysearch.engine.journal import Journal
    from raysearch.engine.task import Task
    from tests.toy import PROMPTS, Toy

    found = set()
    for shuffle, capacity in ((0, 1), (1, 3), (2, 7)):
        tasks = [Task(p.id, p, strategy("wording")(7, 4, n=16, variants=VARIANTS), p.id) for p in PROMPTS]
        ended = Coordinator(Toy(shuffle, capacity, lose=0.1), Journal.forgetful()).run(tasks)
        found.add(tuple(end.result.digest() for end in ended))
    assert len(found) == 1
