"""A search within a chunk acts on its own stretch of the steps."""

import pytest

from raysearch.moves import Guide, Kernel, Outcome
from raysearch.search.common import stochastic_steps
from raysearch.search.schedules import guided
from raysearch.search.within import inner, within

NOISY = Kernel("ddim_eta", 0.7, (0.2, 0.8))


@pytest.mark.parametrize("stretch", [(0, 10, 30), (10, 20, 30), (20, 30, 30), (0, 30, 30)])
def test_windows_are_those_of_the_chunk(stretch):
    start, end, steps = stretch
    begin = inner({"name": "best_of_n"}, NOISY, Guide("mean", 0.1, (0.3, 0.7)))
    search = within(begin, ["kept"], 2, 0, 1, stretch, (0, 2))
    move = next(search).moves[0]
    assert (move.parent, move.to, move.mutate, move.chunks) == ("kept", end, 1.0, (0, 2))
    noisy = [k for k in stochastic_steps(move.kernel, steps) if start <= k < end]
    wanted = [start + k for k in stochastic_steps(NOISY, end - start)]
    assert noisy == wanted
    steered = [k for k in guided(move.guide, steps) if start <= k < end]
    assert steered == [start + k for k in guided(Guide("mean", 0.1, (0.3, 0.7)), end - start)]


def test_going_back_stays_within_the_chunk():
    begin = inner({"name": "paths", "keep": 1}, NOISY, None)
    search = within(begin, ["kept"], 2, 0, 1, (10, 20, 30), None)
    round_ = next(search)
    second = search.send([Outcome(str(i), float(i)) for i in range(len(round_.moves))])
    assert all(m.parent == "1" and 10 <= m.back < m.to <= 20 for m in second.moves)
