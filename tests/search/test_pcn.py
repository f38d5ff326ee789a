"""pCN by hand: what is accepted, from where chains propose, what is reported."""

import math

import pytest

from raysearch.moves import Guide, Kernel
from raysearch.search import strategy
from raysearch.search.common import stream
from tests.search.scripted import driven

pcn = strategy("pcn")
LAM = 2.0


def run(accept: dict, first: tuple[float, ...] = (0.0, 0.0), **options):
    """Two chains whose proposals (k, i) are just accepted or just refused, by the uniform of their own address."""
    now, rewards = list(first), {f"7.0.{i}.1": r for i, r in enumerate(first)}
    for (k, i), yes in sorted(accept.items()):
        proposed = now[i] + (math.log(stream("7.0.0.0", 7, k, i).random()) + (1e-9 if yes else -1e-9)) / LAM
        rewards[f"7.{k}.{i}.1"] = proposed
        now[i] = proposed if yes else now[i]
    return driven(pcn(7, 8, n=2, rounds=len(accept) // 2, lam=LAM, **options), rewards.__getitem__), rewards


def test_each_proposal_is_accepted_by_a_uniform_of_its_own():
    kernel, guide = Kernel("cps", 0.5), Guide("mean", 0.1)
    accept = {(1, 0): True, (1, 1): False, (2, 0): False, (2, 1): True, (3, 0): True, (3, 1): True}
    told, rewards = run(accept, beta=0.25, kernel=kernel, guide=guide)
    assert told.parents(2) == ["7.0.0.0", "7.0.1.0"]
    assert told.parents(4) == ["7.1.0.0", "7.0.1.0"]  # the noise of what was accepted, else of what is left
    assert told.parents(6) == ["7.1.0.0", "7.2.1.0"]
    assert told.parents(3) == ["7.1.0.0", "7.1.1.0"] and told.parents(1) == ["7.0.0.0", "7.0.1.0"]
    noises, videos = told.rounds[0::2], told.rounds[1::2]
    assert {(m.to, m.score, m.mutate) for moves in noises[1:] for m in moves} == {(0, False, 0.25)}
    assert {(m.parent, m.score, m.mutate) for m in noises[0]} == {(None, False, 0.0)}
    assert {(m.to, m.kernel, m.guide, m.mutate) for moves in videos for m in moves} == {(8, kernel, guide, 0.0)}
    result = told.result
    assert [o.key for o in result.finals[:2]] == ["7.3.0.1", "7.3.1.1"]
    assert result.notes == {"n": 2, "lambda": LAM, "acceptance": 4 / 6, "roots": 2} and result.log_z is None
    top = max(rewards.values())
    assert result.winner.reward == top == 0.0 and result.log_weights == (-math.log(2), -math.log(2), -math.inf)
    assert told.notes[0]["rounds"] == 8 and told.notes[0]["nfe"] == 2 * 8 * 4


def test_the_best_seen_is_added_only_if_its_chain_has_left_it():
    told, _ = run({(1, 0): False, (1, 1): False}, first=(3.0, 1.0))
    assert told.result.best == 0 and len(told.result.finals) == len(told.result.log_weights) == 2
    told, _ = run({(1, 0): True, (1, 1): True}, first=(3.0, 1.0))
    assert told.result.best == 2 and told.result.winner.key == "7.0.0.1"
    later, _ = run({(1, 0): True, (1, 1): True, (2, 0): False, (2, 1): False}, first=(3.0, 1.0))
    assert later.result.winner.key == "7.0.0.1"


@pytest.mark.parametrize(
    ("state", "proposal", "kept"), [(math.nan, 0.0, True), (0.0, math.nan, False), (math.nan, math.nan, False)]
)
def test_a_state_without_reward_is_left_for_any_that_has_one(state, proposal, kept):
    rewards = {"7.0.0.1": state, "7.1.0.1": proposal, "7.0.1.1": -5.0, "7.1.1.1": -math.inf}
    told = driven(pcn(7, 8, n=2, rounds=1, lam=0.0), rewards.__getitem__)
    assert (told.result.finals[0].key == "7.1.0.1") == kept
    assert told.result.notes["acceptance"] == kept / 2  # 0 * inf is no number, so that -inf is refused
