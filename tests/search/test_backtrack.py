"""Backtracking over an exact chunked generator whose videos break where it says: what is kept, redrawn and paid."""

from __future__ import annotations

import numpy as np
import pytest

from raysearch.errors import UsageError
from raysearch.moves import Cost, Outcome
from raysearch.search import strategy
from raysearch.search.common import nfe

CHUNKS, EACH, FRAMES, GIVEN = 4, 3, 6, 2
STEPS, TOTAL = CHUNKS * EACH, CHUNKS * FRAMES + GIVEN
ENDS = tuple(c / CHUNKS for c in range(1, CHUNKS))


class Film:
    """A video of chunks, each whole or with a break at a frame of its own; the reward is the share of whole chunks.

    A state holds the break of every chunk (-1: none); `back` draws those that begin there or later anew.
    """

    def __init__(self, breaks=0.5, seed=0, told=True, draw=None):
        self.rng, self.breaks, self.told = np.random.default_rng(seed), breaks, told
        self.states, self.moves, self.draw = {}, [], draw or self._draw

    def _draw(self):
        return int(self.rng.integers(FRAMES)) if self.rng.random() < self.breaks else -1

    def run(self, move):
        made = [self.draw() for _ in range(CHUNKS)]
        if move.parent is not None:
            kept = move.back // EACH
            made[:kept] = self.states[move.parent][:kept]
        key = str(len(self.states))
        self.states[key] = made
        self.moves.append(move)
        reward = sum(b < 0 for b in made) / CHUNKS
        first = next((GIVEN + FRAMES * c + b for c, b in enumerate(made) if b >= 0), TOTAL)
        told = {"r.break": float(first), "r.frames": float(TOTAL), "r.above": 0.5} if self.told else {}
        told |= {f"r.frame_{t}": 1.0 if t == first else 0.1 for t in range(TOTAL)} if self.told else {}
        return Outcome(key, reward, {"r": reward, **told}, cost=Cost(nfe=move.to - (move.back or 0)))


def run(film, seed=0, **options):
    search = strategy("backtrack")(seed, STEPS, **{"ends": ENDS, "lengths": (FRAMES,) * CHUNKS, **options})
    round_, rounds = next(search), []
    while True:
        rounds.append(round_)
        try:
            round_ = search.send([film.run(move) for move in round_.moves])
        except StopIteration as end:
            return end.value, rounds


def scripted(*films):
    """Breaks of chunk after chunk of one video after the other; each Move draws all of its chunks."""
    numbers = iter([b for film in films for b in film])
    return Film(draw=lambda: next(numbers))


WHOLE = (-1, -1, -1, -1)


def test_the_longest_whole_part_is_kept_and_the_rest_drawn_again():
    film = scripted((2, -1, -1, -1), (-1, -1, 3, -1), (-1, 1, -1, -1), WHOLE, WHOLE, WHOLE)
    result, rounds = run(film, n=4, share=0.75, branch=1)
    assert [m.parent for m in rounds[0].moves] == [None] * 3
    (again,) = rounds[1].moves
    assert (again.parent, again.back, again.to) == ("1", 2 * EACH, STEPS), "video 1 is whole up to its third chunk"
    assert film.states["3"][:2] == film.states["1"][:2]
    assert result.winner.key == "3" and result.winner.reward == 1.0
    assert result.notes["backtrack"]["rounds"] == [[-1, 0, 3], [1, 2, 1], [1, 2, 1]]
    assert result.notes["backtrack"]["breaks"] == [GIVEN + 2, GIVEN + 2 * FRAMES + 3, GIVEN + FRAMES + 1]


def test_the_cut_is_a_frame_before_the_break():
    first = (-1, -1, 0, -1)  # breaks at the first frame of the third chunk, so that the second has to go too
    _, rounds = run(scripted(first, WHOLE, WHOLE), n=2, branch=1)
    assert rounds[1].moves[0].back == EACH
    _, rounds = run(scripted(first, WHOLE, WHOLE), n=2, branch=1, margin=0)
    assert rounds[1].moves[0].back == 2 * EACH


def test_among_parts_of_one_length_the_higher_reward_comes_first():
    film = scripted((-1, 3, 3, -1), (-1, 3, -1, -1), WHOLE, WHOLE, WHOLE)
    _, rounds = run(film, n=3, share=0.6, branch=1)
    assert (rounds[1].moves[0].parent, rounds[1].moves[0].back) == ("1", EACH)


def test_where_nothing_can_be_kept_the_next_videos_of_best_of_n_are_drawn():
    for first in ((3, -1, -1, -1), WHOLE):  # broken at once, and not broken at all
        _, rounds = run(scripted(*[first] * 4), n=4, branch=1)
        moves = [m for r in rounds for m in r.moves]
        best_of_n = next(strategy("best_of_n")(0, STEPS, n=4)).moves
        assert moves == list(best_of_n)


def test_a_part_that_never_gets_on_is_left_after_its_patience():
    stuck, other = (-1, -1, -1, 3), (-1, -1, 3, -1)
    film = scripted(stuck, other, *[stuck] * 20)
    _, rounds = run(film, n=4, branch=2, patience=3)
    redrawn = [(m.parent, m.back) for r in rounds[1:] for m in r.moves]
    assert [back for _, back in redrawn[:4]] == [9, 9, 9, 6], "three ends of the longest part, then the next one"
    assert redrawn[3][0] == "1"


def test_an_end_that_fails_where_its_parent_did_counts_as_the_same_part():
    stuck = (-1, -1, -1, 3)
    film = scripted(*[stuck] * 30)
    _, rounds = run(film, n=2, branch=1, patience=2, share=0.5)
    assert [m.back for r in rounds[1:] for m in r.moves] == [9, 9, *[None] * 0]


@pytest.mark.parametrize("cut", ["found", "random", "ladder"])
@pytest.mark.parametrize("seed", range(4))
def test_the_budget_is_kept_and_used(cut, seed):
    film = Film(0.6, seed)
    result, rounds = run(film, seed, n=8, cut=cut)
    at = dict.fromkeys(film.states, STEPS)
    spent = sum(nfe(r.moves, at, STEPS) for r in rounds)
    assert spent <= rounds[0].note["nfe"] == 8 * STEPS and len(rounds) <= rounds[0].note["rounds"]
    assert spent > 7 * STEPS and len(result.finals) == len(film.states)


def test_the_controls_know_nothing_of_breaks():
    """They need no reward that tells them, and cut the video of the highest reward."""
    films = {cut: Film(0.6, 1, told=False) for cut in ("random", "ladder")}
    rounds = {cut: run(film, n=8, cut=cut, lengths=())[1] for cut, film in films.items()}
    ladder = [r.moves[0].back for r in rounds["ladder"][1:]]
    assert ladder == [EACH * (1 + k % 3) for k in range(len(ladder))]
    assert {r.moves[0].back for r in rounds["random"][1:]} <= {3, 6, 9}
    for cut, film in films.items():
        seen = 0
        for r in rounds[cut]:
            if r.moves[0].parent is not None:
                rewards = [sum(b < 0 for b in film.states[str(k)]) for k in range(seen)]
                assert r.moves[0].parent == str(int(np.argmax(rewards)))
            seen += len(r.moves)


def test_it_finds_a_whole_video_far_more_often_than_best_of_n():
    """Four chunks, each broken half of the time: of eight videos .40 have a whole one among them."""

    def share(**options):
        return np.mean([run(Film(0.5, i), i, n=8, **options)[0].winner.reward == 1.0 for i in range(80)])

    alone, found, control = share(share=1.0), share(), share(cut="random")
    assert alone == pytest.approx(1 - (1 - 1 / 16) ** 8, abs=4 * 0.055)
    assert found > 0.8 and found > control > alone


def test_the_seam_is_told_in_units_of_the_threshold():
    film = scripted((-1, 3, -1, -1), (-1, 0, -1, -1), WHOLE)
    result, _ = run(film, n=2, branch=1)
    assert result.notes["backtrack"]["seams"][0] == pytest.approx(2.0), "the new end breaks at its first frame"


def test_what_cannot_be_meant_is_refused():
    with pytest.raises(UsageError, match="cut = found: no reward tells where a video breaks"):
        run(Film(told=False))
    with pytest.raises(UsageError, match=r"lengths = \[6\]: give the frames of each of the 4 chunks"):
        run(Film(), lengths=(6,))


def test_chunks_that_overlap_in_time_are_begun_again_from_where_they_began():
    """Two in flight: chunk 2 begins when chunk 0 is finished, and chunk 1 is re-noised with it."""
    search = strategy("backtrack")(0, 10, ends=(0.4, 0.6, 0.8), lengths=(6,) * 4, n=2, branch=1)
    next(search)
    told = {"r.break": 2 + 12 + 3.0, "r.frames": 26.0, "r.above": 1.0}
    (move,) = search.send([Outcome("a", 0.5, {"r": 0.5, **told})]).moves
    assert (move.parent, move.back) == ("a", 4)
