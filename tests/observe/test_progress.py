"""How far a run is and how long it will take, on a clock that only work moves."""

import pytest

from raysearch.observe.progress import Progress, spell
from tests.observe.case import NFE_S, NOISY, STEPS, Clock, Ticking, Watch, drive, searches


def watched(folder, tasks, view, **options):
    """(progress, clock) after every wait of a run over this view."""
    seen = []
    drive(folder, Ticking(view.clock, **options), tasks, view, Watch(lambda ledger: seen.append(look(view))))
    return seen


def look(view):
    return {"now": view.clock(), "left": view.left(), "rate": view.rate, "nfe": view.nfe, "planned": view.planned}


def test_time_left_is_true_from_the_first_outcome_on(tmp_path):
    seen = watched(tmp_path, searches(12, n=4), Progress(12, Clock()))
    end = seen[-1]["now"]
    told = [s for s in seen if s["left"] is not None]
    assert len(told) >= len(seen) - 1
    for s in told:
        assert s["left"] == pytest.approx(end - s["now"], abs=0.01) and s["planned"] == 12 * 4 * STEPS
    assert {round(s["rate"], 6) for s in told} == {1 / NFE_S}


def test_loading_models_is_no_slow_work(tmp_path):
    seen = watched(tmp_path, searches(4, n=4), Progress(4, Clock()), load_s=500.0)
    assert all(s["left"] is None for s in seen[:500])
    later = seen[504]  # the clock started between two waits
    assert later["left"] == pytest.approx(seen[-1]["now"] - later["now"], rel=0.1)


def test_recalled_moves_do_not_make_the_rest_look_fast(tmp_path):
    """Three quarters come from the journal at once; the time left is that of the last quarter at the executed rate."""
    drive(tmp_path, Ticking(Clock()), searches(9, "smc", n=6, kernel=NOISY))
    view = Progress(12, Clock())
    seen = watched(tmp_path, searches(12, "smc", n=6, kernel=NOISY), view)
    assert view.ledger.recalled == 9 * 6 * 4 and view.finished == 12
    assert seen[0]["nfe"] > 9 * 6 * STEPS and seen[0]["rate"] == pytest.approx(1 / NFE_S)
    for s in seen[:-1]:
        assert s["left"] == pytest.approx(seen[-1]["now"] - s["now"], abs=0.01)


def test_a_sweep_whose_searches_share_moves_does_not_count_them_twice(tmp_path):
    """Each prompt with n = 1, 2, 4, 8: of 15 Moves asked for 8 are executed. Known once a prompt or two are done."""
    tasks = []
    for k, prompt in enumerate(searches(20)):
        for n in (1, 2, 4, 8):
            (task,) = [t for t in searches(k + 1, n=n) if t.name == prompt.name]
            task.name = f"n{n}/{task.name}"
            tasks.append(task)
    view = Progress(len(tasks), Clock())
    seen = watched(tmp_path, tasks, view, capacity=4)
    assert view.ledger.executed == 20 * 8 and view.answered == 20 * 15
    half = seen[len(seen) // 2]
    assert half["left"] == pytest.approx(seen[-1]["now"] - half["now"], rel=0.15)


def test_a_stall_makes_the_time_left_grow(tmp_path):
    clock = Clock()
    view, left = Progress(4, clock), []

    def stall(ledger):
        if ledger.executed == 8 and not left:
            left.append(view.left())
            clock.now += 400.0
            left.append(view.left())

    drive(tmp_path, Ticking(clock), searches(4, n=4), view, Watch(stall))
    assert left[1] > 3 * left[0] > 0


def test_the_rate_forgets_how_slow_it_was_long_ago(tmp_path):
    """Ten times faster since the pool has grown: two minutes later the estimate is near what is true now."""
    clock = Clock()
    view, rates = Progress(60, clock), []
    executor = Ticking(clock, pace=lambda done: 10.0 if done < 8 else 1.0)
    drive(tmp_path, executor, searches(60, n=8), view, Watch(lambda ledger: rates.append(view.rate)))
    assert rates[7] == pytest.approx(0.1 / NFE_S) and rates[-1] == pytest.approx(1 / NFE_S, rel=0.05)


def test_left_of_one_search_is_never_more_than_of_all(tmp_path):
    view, told = Progress(6, Clock()), []

    def each(ledger):
        whole = view.left()
        told.extend((view.left_of(s, whole), whole) for s in view.seen.values())

    drive(tmp_path, Ticking(view.clock), searches(6, "smc", n=6, kernel=NOISY), view, Watch(each))
    known = [(own, whole) for own, whole in told if own is not None]
    assert len(known) > 50 and all(0 <= own <= whole for own, whole in known)


def test_a_search_that_says_nothing_of_itself_has_no_time_left(tmp_path):
    from raysearch.moves import Move, Result, Round

    def silent(k):
        outcomes = yield Round(tuple(Move(None, (k, i), STEPS) for i in range(3)))
        return Result.of_best(outcomes)

    tasks = searches(2)
    for k, task in enumerate(tasks):
        task.search = silent(k)
    view = Progress(2, Clock())
    seen = watched(tmp_path, tasks, view)
    assert seen[0]["left"] is None and seen[0]["planned"] is None and view.seen["p000"].round == "1"
    assert seen[4]["left"] is not None  # the first is done: the other counts as much


def test_spelling():
    assert [spell(s) for s in (None, 0.4, 185, 3600 * 25)] == ["-", "0:00:00", "0:03:05", "1 day, 1:00:00"]
