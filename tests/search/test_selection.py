"""What each of the other strategies decides, step by step."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from examples.exact.drivers import Toy, drive
from examples.exact.models import DDPM, LinearGaussian
from raysearch.moves import Kernel, Move, argbest
from raysearch.search import strategy

ODE = Kernel("ode")
STOPS = (4, 8, 12, 16, 20)


def test_beam_of_one_is_greedy():
    toy, parent = Toy(), None
    for k, stop in enumerate(STOPS):
        children = [toy.run(Move(parent, (0, k, 0, j), stop, DDPM)) for j in range(5)]
        parent = children[argbest([c.reward for c in children])].key
    result, _ = drive(strategy("beam")(0, 20, width=1, branch=5, kernel=DDPM), Toy().run)
    assert result.winner.key == parent


def test_beam_keeps_the_best_and_lookahead_changes_only_the_reading():
    toy = Toy()
    result, rounds = drive(strategy("beam")(0, 20, width=2, branch=3, kernel=DDPM), toy.run)
    assert [len(r) for r in rounds] == [6] * 5
    for kept, outcomes in zip(result.notes["ancestors"], rounds[:-1], strict=True):
        assert kept == sorted(range(6), key=lambda i: -outcomes[i].reward)[:2]
    looked, ahead = drive(strategy("beam")(0, 20, width=2, branch=3, lookahead=3, kernel=DDPM), Toy().run)
    assert [len(r) for r in ahead] == [6] * 9
    assert all(math.isnan(o.reward) for o in ahead[0])
    assert looked.notes["ancestors"][0] == sorted(range(6), key=lambda i: -ahead[1][i].reward)[:2]


def test_beam_per_parent_keeps_the_best_child_of_each():
    toy = Toy()
    result, rounds = drive(strategy("beam")(0, 20, width=3, branch=2, per_parent=True, kernel=DDPM), toy.run)
    assert [len(r) for r in rounds] == [6] * 5
    for kept, outcomes in zip(result.notes["ancestors"], rounds[:-1], strict=True):
        r = [o.reward for o in outcomes]
        assert kept == [max((i, i + 1), key=lambda j: r[j]) for i in (0, 2, 4)]
    assert result.notes["roots"] == 3
    alone, _ = drive(strategy("beam")(0, 20, width=1, branch=2, kernel=DDPM), Toy().run)  # the first line by itself
    assert list(alone.finals) == rounds[-1][:2]


def test_pruned_beam_is_halving_of_the_same_population():
    beam, _ = drive(strategy("beam")(0, 20, width=2, branch=4, prune=True, reads=(0.5,), kernel=ODE), Toy().run)
    toy = Toy()
    states = [toy.run(Move(None, (0, 0, i, j), 10)) for i in range(2) for j in range(4)]
    best = sorted(states, key=lambda o: -o.reward)[:2]
    ends = [toy.run(Move(o.key, (0, 1, i, 0), 20)) for i, o in enumerate(best)]
    assert list(beam.finals) == ends


def test_halving_drops_the_worse_half_at_each_read():
    result, rounds = drive(strategy("halving")(0, 20, n=12), Toy().run)
    assert [len(r) for r in rounds] == [12, 6, 3]
    first = [o.reward for o in rounds[0]]
    assert result.notes["survivors"][0] == sorted(sorted(range(12), key=lambda i: -first[i])[:6])
    whole, _ = drive(strategy("halving")(0, 20, n=12, keep=1.0), Toy().run)  # dropping nothing is best-of-n
    best, _ = drive(strategy("best_of_n")(0, 20, n=12), Toy().run)
    assert [o.reward for o in whole.finals] == pytest.approx([o.reward for o in best.finals], rel=1e-12)


def test_paths_go_back_and_forth():
    legs = []

    def run(move, toy=Toy()):  # noqa: B008
        legs.append((move.back, move.to))
        return toy.run(move)

    result, rounds = drive(strategy("paths")(0, 20, n=4, keep=2), run)
    assert legs[::4] == [(None, 4), (0, 8), (4, 12), (8, 16), (12, 20)]
    assert len({o.reward for r in rounds for o in r}) == 20  # copies of one parent differ, under the ode
    assert result.winner.reward == max(o.reward for o in rounds[-1])


def test_zero_order_climbs_and_stops_without_gain():
    result, rounds = drive(strategy("zero_order")(0, 20, n=4, rounds=6, patience=6), Toy().run)
    complete = [r for r in rounds if not math.isnan(r[0].reward)]
    best = -math.inf
    for outcomes, gain in zip(complete, [True, *result.notes["gains"]], strict=True):
        top = max(o.reward for o in outcomes)
        assert (top > best) == gain
        best = max(best, top)
    assert result.winner.reward == best

    def flat(move, toy=Toy()):  # noqa: B008
        return replace(toy.run(move), reward=0.0)

    stale, _ = drive(strategy("zero_order")(0, 20, patience=3, rounds=9), flat)
    assert stale.notes["gains"] == [False] * 3 and stale.best == 0


def test_pcn_samples_the_tilted_law_of_the_ode():
    model = LinearGaussian(kernel=ODE)
    toy = Toy(model)
    result, _ = drive(strategy("pcn")(0, 20, n=400, rounds=12, lam=1.0, beta=0.6), toy.run)
    x = np.array([toy.states[o.key][0] for o in result.finals[:400]])
    _, mean, variance = model.exact()
    assert abs(x.mean() - mean) < 4 * math.sqrt(variance / 400)
    assert abs(x.var() - variance) < 4 * variance * math.sqrt(2 / 400)
    start = model.moments()[0]
    assert abs(start - mean) > 10 * math.sqrt(variance / 400)  # where the chains began would fail
    assert 0.2 < result.notes["acceptance"] < 0.8


def test_pcn_without_reward_accepts_everything_and_keeps_the_best_seen():
    free, _ = drive(strategy("pcn")(0, 20, lam=0.0), Toy().run)
    assert free.notes["acceptance"] == 1.0
    seen = []
    result, rounds = drive(strategy("pcn")(0, 20, n=3, lam=0.0), Toy().run)
    seen = [o.reward for r in rounds for o in r if not math.isnan(o.reward)]
    assert result.winner.reward == max(seen)
    assert math.fsum(math.exp(w) for w in result.log_weights) == pytest.approx(1.0)
    assert len(result.finals) == 3 or result.log_weights[3] == -math.inf


def test_evolution_never_loses_its_elite_nor_denoises_it_twice():
    tops = []
    toy = Toy()
    result, rounds = drive(strategy("evolutionary")(0, 20, n=8, elites=2), toy.run)
    for outcomes in rounds:
        if not math.isnan(outcomes[0].reward):
            tops.append(max(o.reward for o in outcomes))
    assert result.winner.reward == max(tops)
    keys = [o.key for r in rounds for o in r]
    assert len(keys) == len(set(keys))
    assert len(tops) == 5 and len(result.finals) == 6  # four generations of four children, and two elites


def test_tournaments_prefer_the_fitter():
    result, rounds = drive(strategy("evolutionary")(0, 20, n=64, tournament=4, reads=(0.0,)), Toy().run)
    first = [o.reward for o in rounds[1]]
    chosen = [first[w] for w in result.notes["ancestors"][0]]
    assert np.mean(chosen) > np.mean(first) + 0.5 * np.std(first)


def rbf_by_hand(toy, n, stops):
    """The algorithm of the paper, one proposal at a time."""
    seen = [toy.run(Move(None, (0, 0, i), stops[0], DDPM)) for i in range(n)]
    best = seen[argbest([o.reward for o in seen])]
    record, saved = best.reward, 0
    for k, (start, stop) in enumerate(pairwise(stops), start=1):
        quota, seen, found = (n * (stop - start) + saved) // (stop - start), [], False
        for i in range(quota):
            seen.append(toy.run(Move(best.key, (0, k, i), stop, DDPM)))
            if seen[-1].reward > record and stop < stops[-1]:  # at the end there is nothing left to save for
                found = True
                break
        best = seen[-1] if found else seen[argbest([o.reward for o in seen])]
        record = max(record, best.reward)
        saved = n * (stop - start) + saved - len(seen) * (stop - start)
    return best


def test_rbf_one_by_one_is_the_paper():
    reads = (0.2, 0.4, 0.6, 0.8)
    result, _ = drive(strategy("rbf")(0, 20, n=4, wave=1, reads=reads, kernel=DDPM), Toy().run)
    assert result.winner == rbf_by_hand(Toy(), 4, STOPS)


def test_rbf_in_waves_takes_the_lowest_winner_and_rolls_the_rest_over():
    result, rounds = drive(strategy("rbf")(0, 20, n=6, wave=3, kernel=DDPM), Toy().run)
    proposed = result.notes["proposed"]
    assert sum(proposed) == sum(len(r) for r in rounds)
    assert max(proposed[1:]) > 6  # saved earlier, spent here
    assert all(len(r) <= 3 for r in rounds[1:-1]) and len(rounds[-1]) == proposed[-1]
