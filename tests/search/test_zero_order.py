"""Zero-order search by hand: the pivot moves to a better neighbour and to no other."""

from raysearch.moves import Guide, Kernel
from raysearch.search import strategy
from tests.search.scripted import driven

zero_order = strategy("zero_order")


def run(gains: str, patience: int, rounds: int = 9, **options):
    """A search whose second neighbour is better than all before (+) or as good as the best (=), round by round."""
    best, rewards = 0, {"7.0.0.1": 0.0}
    for k, sign in enumerate(gains, start=1):
        best += sign == "+"
        rewards |= {f"7.{k}.0.1": best - 0.5, f"7.{k}.1.1": float(best)}
    return driven(zero_order(7, 8, n=2, rounds=rounds, patience=patience, **options), rewards.__getitem__)


def test_the_pivot_is_the_noise_of_the_best_video():
    kernel, guide = Kernel("cps", 0.5), Guide("mean", 0.1)
    told = run("=++==", 2, beta=0.25, kernel=kernel, guide=guide)
    assert [told.parents(k)[0] for k in range(2, 12, 2)] == ["7.0.0.0", "7.0.0.0", "7.2.1.0", "7.3.1.0", "7.3.1.0"]
    assert all(len(set(told.parents(k))) == 1 for k in range(2, 12, 2))
    assert told.parents(3) == ["7.1.0.0", "7.1.1.0"] and told.parents(1) == ["7.0.0.0"] and told.parents(0) == [None]
    noises, videos = told.rounds[0::2], told.rounds[1::2]
    assert {(m.to, m.score) for moves in noises for m in moves} == {(0, False)}
    assert {m.mutate for moves in noises[1:] for m in moves} == {0.25} and noises[0][0].mutate == 0
    assert {(m.to, m.kernel, m.guide, m.mutate) for moves in videos for m in moves} == {(8, kernel, guide, 0.0)}
    assert told.result.notes == {"n": 2, "rounds": 5, "gains": [False, True, True, False, False], "roots": 1}
    assert told.result.winner.key == "7.3.1.1" and told.result.best == 0  # it is the best since


def test_it_ends_after_rounds_without_a_gain_in_a_row_and_after_all_rounds():
    assert run("==", 2).result.notes["rounds"] == 2
    assert run("=+=+==", 2).result.notes["rounds"] == 6  # a gain begins the count anew
    assert run("=", 1).result.notes["rounds"] == 1
    assert run("=+=", 2, rounds=3).result.notes["gains"] == [False, True, False]
    assert run("=+=", 2, rounds=3).notes[0]["rounds"] == 2 + 2 * 3
