"""What the strategies share: lookahead, searches inside searches, sub-seeds, acceptance."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from examples.exact.drivers import Toy, drive
from examples.exact.enumeration import STRIDE, Guided, Hmm, enumerated, expected_z, hmm_log_z
from examples.exact.models import DDPM
from raysearch.moves import Kernel, Move, Outcome, Result, Round
from raysearch.search import strategy
from raysearch.search.common import accepted, looked, relayed, stream, sub_seed
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
    ancestors = SCHEMES["systematic"](seen, stream(2, 0))
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
