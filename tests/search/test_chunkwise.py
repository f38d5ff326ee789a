"""Search over chunks: against exact answers of an autoregressive Gaussian video, and Move by Move."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from raysearch.errors import UsageError
from raysearch.moves import Cost, Kernel, Outcome
from raysearch.search import strategy
from raysearch.search.common import nfe

CHUNKS, STEPS, PULL = 3, 12, 0.8
ENDS = (1 / 3, 2 / 3)
NOISY = Kernel("ddim_eta", 0.7, (0.0, 1.0))


class Film:
    """A video of three numbers, x_c = PULL x_(c-1) + z_c, a chunk each; the reward of frames is their mean.

    A state holds the noise of all chunks and its step, as a chunked generator's latents do; `mutate` = 1 draws that of
    chunks that are not finished anew.
    """

    def __init__(self, rng):
        self.rng, self.states, self.views, self.moves = rng, {}, [], []

    def run(self, move):
        z, step = (self.rng.standard_normal(CHUNKS), 0) if move.parent is None else self.states[move.parent]
        z = z.copy()
        if move.mutate:
            assert move.mutate == 1.0
            done = step * CHUNKS // STEPS
            z[done:] = self.rng.standard_normal(CHUNKS - done)
        key = str(len(self.states))
        self.states[key] = z, move.to
        self.moves.append(move)
        x = np.array(list(itertools.accumulate(z, lambda past, new: PULL * past + new)))
        done = move.to * CHUNKS // STEPS
        first, end = (0, done) if move.chunks is None else move.chunks
        return Outcome(key, float(x[max(first, 0) : end].mean()), cost=Cost(nfe=move.to - step))


def drive(search, film):
    round_, rounds = next(search), []
    while True:
        rounds.append(round_)
        try:
            round_ = search.send([film.run(move) for move in round_.moves])
        except StopIteration as end:
            return end.value, rounds


def run(film=None, seed=0, **options):
    film = film or Film(np.random.default_rng(seed))
    return *drive(strategy("chunkwise")(seed, STEPS, ends=ENDS, **options), film), film


def tilted():
    """Mean and variance of the reward of a video, the mean of its chunks: a linear form of three normals."""
    share = np.array([sum(PULL**j for j in range(CHUNKS - c)) for c in range(CHUNKS)]) / CHUNKS
    return 0.0, float(share @ share)


def highest(n, draws=200_000):
    """The mean of the largest of n standard normals."""
    return float(np.random.default_rng(1).standard_normal((draws, n)).max(1).mean())


def test_best_of_n_keeps_the_highest_chunk_each_time():
    """With the chunk alone scored, each adds the largest of n normals to its pull, whatever came before."""
    n, found = 4, []
    for i in range(800):
        result, _, film = run(seed=i, n=n, context=0)
        z, _ = film.states[result.winner.key]
        found.append(z)
    mean = np.mean(found, 0)
    assert mean == pytest.approx([highest(n)] * CHUNKS, abs=4 * 0.7 / math.sqrt(800))


def test_the_estimate_of_z_is_unbiased_and_the_weights_are_right():
    lam, runs = 1.0, 800
    _, variance = tilted()
    z, first = [], []
    for i in range(runs):
        result, *_ = run(seed=i, over="smc", n=4, lam=lam, threshold=1.0)
        z.append(math.exp(result.log_z))
        w = np.exp(result.log_weights)
        first.append(z[-1] * float(w @ [o.reward for o in result.finals]))
    exact = math.exp(lam * lam * variance / 2)
    assert abs(np.mean(z) - exact) < 4 * np.std(z) / math.sqrt(runs)
    assert abs(np.mean(first) - exact * lam * variance) < 4 * np.std(first) / math.sqrt(runs)


def test_the_budget_may_fall_from_chunk_to_chunk():
    result, rounds, _ = run(n=8, last=2)
    assert [len(r.moves) for r in rounds] == [8, 4, 2] and result.notes["sizes"] == [8, 4, 2]
    with_budget = strategy("chunkwise")(0, STEPS, ends=ENDS, last=2, budget=rounds[0].note["nfe"])
    assert len(next(with_budget).moves) == 8


@pytest.mark.parametrize("over", ["best_of_n", "beam", "smc"])
def test_the_cost_is_known_before_the_first_reward(over):
    _, rounds, film = run(over=over, n=4)
    at = {key: step for key, (_, step) in film.states.items()}
    assert rounds[0].note == {"rounds": 3, "nfe": sum(nfe(r.moves, at, STEPS) for r in rounds)}


def test_each_chunk_is_scored_with_its_past_and_the_last_with_the_whole():
    _, rounds, _ = run(n=2)
    assert [r.moves[0].chunks for r in rounds] == [(-1, 1), (0, 2), None]
    _, rounds, _ = run(n=2, context=0)
    assert [r.moves[0].chunks for r in rounds] == [(0, 1), (1, 2), None]
    assert [r.moves[1].to for r in rounds] == [4, 8, 12]
    assert [r.moves[1].mutate for r in rounds] == [0.0, 1.0, 1.0]


def test_a_beam_keeps_the_highest_mean_of_its_chunks():
    film = Film(np.random.default_rng(3))
    result, rounds, _ = run(film, over="beam", n=6, width=2, context=0)
    kept = [{move.parent for move in r.moves} for r in rounds[1:]]
    assert [len(k) for k in kept] == [2, 2]
    x0 = {m: film.states[str(m)][0][0] for m in range(6)}
    assert kept[0] == {str(m) for m in sorted(x0, key=x0.get)[-2:]}

    def total(key):
        z = film.states[key][0]
        return z[0] + PULL * z[0] + z[1]

    assert kept[1] == set(sorted(map(str, range(6, 12)), key=total)[-2:])
    assert result.notes["ancestors"][0] == [int(k) for k in sorted(kept[0], key=lambda k: -x0[int(k)])]


def test_one_candidate_is_one_video():
    result, _, film = run(n=1)
    assert len(film.moves) == CHUNKS and len(result.finals) == 1


def test_a_beam_of_width_one_is_best_of_n():
    assert run(n=3, over="beam", width=1, seed=5)[0].digest() == run(n=3, seed=5)[0].digest()


def test_searches_within_a_chunk_take_the_place_of_draws():
    _, rounds, film = run(n=4, inside={"name": "halving", "reads": [0.5], "keep": 0.5})
    assert [[m.to for m in r.moves] for r in rounds] == [[2] * 4, [4] * 2, [6] * 4, [8] * 2, [10] * 4, [12] * 2]
    starts = [r.moves for r in rounds[2::2]]
    assert all(m.mutate == 1.0 for moves in starts for m in moves)
    assert [r.moves[0].chunks for r in rounds] == [(-1, 1)] * 2 + [(0, 2)] * 2 + [None] * 2
    assert len({m.seed for m in film.moves}) == len(film.moves)


def test_two_kept_states_are_searched_side_by_side():
    _, rounds, _ = run(n=4, over="beam", width=2, inside={"name": "best_of_n"})
    assert [len(r.moves) for r in rounds] == [4, 4, 4]
    assert len({m.parent for m in rounds[1].moves}) == 2


@pytest.mark.parametrize(("options", "words"), [
    ({"over": "smc", "inside": {"name": "halving"}}, "the weights of smc cannot correct it"),
    ({"inside": {"name": "smc"}}, r"search.inside.name: search 'smc' is unknown; .*There are: best_of_n"),
    ({"inside": {"name": "halving", "keeep": 1}}, "search.inside: option of halving 'keeep' is unknown"),
    ({"over": "beem"}, "did you mean 'beam'"),
])  # fmt: skip
def test_what_cannot_be_meant_is_refused(options, words):
    with pytest.raises(UsageError, match=words):
        run(**options)


def test_chunks_that_overlap_in_time_need_noise_for_smc():
    """Four chunks in flight: when one is finished the next are begun, and new noise for them would not be the prior."""
    ends = (8 / 12, 10 / 12)
    with pytest.raises(UsageError, match="deterministic"):
        next(strategy("chunkwise")(0, 12, over="smc", ends=ends))
    search = strategy("chunkwise")(0, 12, over="smc", ends=ends, kernel=NOISY, n=2)
    next(search)
    second = search.send([Outcome("a", 1.0), Outcome("b", 0.9)])
    assert [m.mutate for m in second.moves] == [0.0, 0.0] and second.moves[0].to == 10


def test_a_first_chunk_that_nobody_can_score_ends_the_search_with_the_reason():
    search = strategy("chunkwise")(0, STEPS, ends=ENDS, n=2)
    next(search)
    with pytest.raises(UsageError, match=r"no candidate of chunk 1 could be scored \(too short\)"):
        search.send([Outcome(str(i), why="too short") for i in range(2)])
