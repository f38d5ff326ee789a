"""The plan of a video: who moves when, who sees whom, and how many steps that takes."""

import pytest

from raysearch.errors import UsageError
from raysearch.generators.magi1.stages import Stages, each_of, fewest, steps_of


@pytest.mark.parametrize(("stages", "steps"), [
    (Stages(5, 0, 8, 4), 16), (Stages(5, 0, 8, 1), 40), (Stages(4, 1, 8, 4), 14), (Stages(6, 12, 12, 4), 21),
])  # fmt: skip
def test_every_chunk_takes_its_own_steps_in_order(stages, steps):
    assert stages.steps == steps
    own = {}
    for k in range(steps):
        flight = stages.flight(k)
        assert 0 < len(flight) <= stages.window
        assert [c for c, _ in flight] == sorted(c for c, _ in flight)
        for c, n in flight:
            own.setdefault(c, []).append(n)
    assert own == {c: list(range(stages.each)) for c in range(stages.past, stages.chunks)}
    for i, end in enumerate(stages.ends):
        assert stages.past + i in dict(stages.flight(end - 1))
        assert stages.past + i not in dict(stages.flight(end))


def test_the_runs_of_chunks_are_the_published_ones():
    """kv_range of the cases t2v and t2v with one chunk in flight, in chunks."""
    stages = Stages(5, 0, 8, 4)
    assert [stages.since(stages.flight(k)) for k in (6, 8, 9, 10, 12, 14)] == [
        [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [1, 1, 1], [2, 2], [3]
    ]  # fmt: skip
    alone = Stages(6, 0, 8, 1)
    assert [alone.since(alone.flight(40 + n))[0] for n in range(8)] == [1, 1, 2, 2, 3, 3, 4, 4]


@pytest.mark.parametrize(("made", "each", "window"), [(4, 64, 4), (4, 64, 1), (5, 64, 4), (3, 12, 2), (7, 16, 4)])
def test_steps_of_a_job_and_of_a_chunk_belong_together(made, each, window):
    assert each_of(steps_of(made, each, window), made, window) == each


@pytest.mark.parametrize(("steps", "made", "window", "words"), [
    (100, 4, 4, "a multiple of 7 steps, so that each takes a multiple of 4; give 98, or 112 for 64 steps a chunk"),
    (10, 4, 1, "a multiple of 16 steps, so that each takes a multiple of 4; give 16, or 256"),
    (13, 4, 2, "a multiple of 10 steps"),
])  # fmt: skip
def test_steps_that_do_not_divide_are_refused_with_those_that_do(steps, made, window, words):
    with pytest.raises(UsageError, match=f"generator.steps={steps}: .*{words}"):
        each_of(steps, made, window)


@pytest.mark.parametrize(
    ("made", "window", "least", "steps"), [(1, 4, 4, 4), (2, 4, 8, 10), (4, 4, 16, 28), (3, 1, 12, 12)]
)
def test_the_fewest_steps_give_each_chunk_a_multiple_of_four(made, window, least, steps):
    assert fewest(made, window, least) == steps and each_of(steps, made, window) in (4, 8, 16)
