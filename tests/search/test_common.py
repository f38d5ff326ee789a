"""What the strategies share, by hand: streams, ranks, budgets, lookahead, searches inside searches, acceptance."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from examples.exact.drivers import Toy, drive
from examples.exact.enumeration import STRIDE, Guided, Hmm, enumerated, expected_z, hmm_log_z
from examples.exact.models import DDPM
from raysearch.errors import UsageError
from raysearch.moves import Kernel, Move, Outcome, Result, Round
from raysearch.search import common, strategy
from raysearch.search.common import (
    accepted,
    afford,
    at_least,
    looked,
    moves_to,
    proper,
    ranked,
    refuse_copies,
    relayed,
    stochastic_steps,
    stream,
    sub_seed,
)
from raysearch.search.resampling import SCHEMES
from raysearch.search.weights import Weights

smc = strategy("smc")


def test_sub_seeds_and_streams_are_apart():
    seeds = {sub_seed(seed, part) for seed in range(50) for part in range(50)}
    assert len(seeds) == 2500 and sub_seed(7, 0) == 7 and max(seeds) < 2**63
    draws = {stream(*a).random() for a in itertools.product(range(3), range(1, 5), (1, 2))}
    assert len(draws | {stream(s, k).random() for s in range(3) for k in range(5)}) == 24 + 15


def test_accepted_is_the_rule_of_metropolis_and_hastings():
    assert accepted(0.0, 0.999) and accepted(math.inf, 0.5) and accepted(math.log(0.3), 0.0)
    assert accepted(math.log(0.3), 0.29) and not accepted(math.log(0.3), 0.31)
    assert not accepted(-math.inf, 0.0) and not accepted(math.nan, 0.0)


def test_a_relayed_search_is_watched_and_its_notes_changed():
    def inner():
        first = yield Round((Move(None, (1,), 2), Move(None, (2,), 2)), {"nfe": 4})
        second = yield Round((Move(first[1].key, (3,), 3),))
        return Result.of_best([*first, *second], n=3)

    def outer():
        return (
            yield from relayed(inner(), lambda r: Round(r.moves, {**r.note, "of": 2}), lambda *p: watched.append(p))
        )

    watched, notes, search = [], [], outer()
    round_ = next(search)
    with pytest.raises(StopIteration) as end:
        while True:
            notes.append(dict(round_.note))
            round_ = search.send([Outcome(str(m.seed[0]), float(m.seed[0])) for m in round_.moves])
    assert notes == [{"nfe": 4, "of": 2}, {"of": 2}]
    assert [[o.key for o in outcomes] for _, outcomes in watched] == [["1", "2"], ["3"]]
    assert watched[1][0].moves[0].parent == "2" and watched[0][0].note == {"nfe": 4}
    assert [o.key for o in end.value.value.finals] == ["1", "2", "3"]


def test_a_look_scores_the_ode_further_on_and_leaves_everything_else():
    toy, moves = Toy(), [Move(None, (5, 0, i), 8, DDPM) for i in range(3)]
    begun = looked(moves, 11, {"nfe": 9})
    first = next(begun)
    assert first.note == {"nfe": 9} and [m.key("x") for m in first.moves] == [m.key("x") for m in moves]
    assert not any(m.score for m in first.moves)
    states = [Outcome(toy.run(m).key, math.nan, log_ratio=float(i)) for i, m in enumerate(first.moves)]
    looks = begun.send(states)
    assert [(m.parent, m.seed, m.to, m.kernel, m.score) for m in looks.moves] == [
        (o.key, (5, 0, i, 0), 11, Kernel("ode"), True) for i, o in enumerate(states)
    ]
    scored = [toy.run(m) for m in looks.moves]
    with pytest.raises(StopIteration) as end:
        begun.send(scored)
    assert [(o.key, o.reward, o.log_ratio) for o in end.value.value] == [
        (s.key, o.reward, s.log_ratio) for s, o in zip(states, scored, strict=True)
    ]
    assert next(looked(moves, 8, {})).moves == tuple(moves)


def test_smc_with_lookahead_resamples_by_what_it_saw_and_ends_with_the_reward():
    toy = Toy()
    options = {"n": 6, "lam": 3.0, "reads": (0.5,), "threshold": 1.0, "kernel": DDPM}
    result, rounds = drive(smc(2, 20, lookahead=4, **options), toy.run)
    assert [len(r) for r in rounds] == [6, 6, 6]
    assert [toy.states[r[0].key][1] for r in rounds] == [10, 14, 20]
    seen = Weights(3.0 * np.array([o.reward for o in rounds[1]]))
    assert result.notes["ess"][0] == pytest.approx(seen.ess)
    ancestors = SCHEMES["systematic"](seen, stream(rounds[0][0].key, 2, 0))
    assert result.notes["ancestors"] == [ancestors.tolist()] and len(set(ancestors)) < 6
    finals = np.array([o.reward for o in rounds[2]])
    paid = np.array([rounds[1][a].reward for a in ancestors])
    assert result.log_z == pytest.approx(seen.log_mean + math.log(np.exp(3.0 * (finals - paid)).mean()))
    plain, _ = drive(smc(2, 20, **options), Toy().run)
    assert result.notes["ess"][0] != plain.notes["ess"][0]


@pytest.mark.parametrize("law", [Hmm, Guided], ids=["plain", "guided"])
def test_smc_with_lookahead_is_unbiased_over_all_outcomes(law, monkeypatch):
    def spawn(choices):
        monkeypatch.setitem(SCHEMES, "enumerated", enumerated("systematic", choices))
        options = {"n": 2, "lam": 1.0, "scheme": "enumerated", "threshold": 1.0, "kernel": DDPM}
        return smc(0, 2 * STRIDE, reads=(0.5,), lookahead=STRIDE, **options)

    mean, outcomes = expected_z(spawn, law)
    assert outcomes > 200 and abs(mean / math.exp(hmm_log_z(2)) - 1) < 1e-12


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
