"""How far a run is and how long it will take, on a clock that only work moves; how it looks in any window."""

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from raysearch.observe import Lines, Screen
from raysearch.observe.progress import Progress, spell
from tests.observe.case import NFE_S, NOISY, STEPS, Clock, Ticking, Watch, drive, searches

ROOT = Path(__file__).parents[2]


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
    assert view.ledger.recalled == 9 * 6 * 5 and view.finished == 12
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


def picture(view, width, height):
    console = Console(width=width, height=height, force_terminal=True, color_system=None, file=io.StringIO())
    console.print(view)
    return console.file.getvalue().splitlines()


@pytest.fixture(scope="module")
def midway(tmp_path_factory):
    """Pictures in windows of several sizes, by size, from the middle of a run of 200 searches of which one fails."""
    view, found = Screen(200, clock=Clock()), {}
    tasks = searches(200, "smc", n=6, kernel=NOISY)
    for task in tasks:
        task.name = f"search=smc-n=6-kernel.eta=0.7/{task.name}"

    def shoot(ledger):
        if ledger.executed == 3000:
            for size in ((120, 40), (80, 24), (50, 16), (30, 12), (28, 8)):
                found[size] = picture(view, *size)

    extra = {"restarts": 2, "retries": 3, "hedges": 1, "draining": 0, "mismatches": 1}
    executor = Ticking(view.clock, capacity=7, extra=extra, poison=[(6, 1, 2)])
    drive(tmp_path_factory.mktemp("run"), executor, tasks, view, Watch(shoot))
    return found


def test_the_table_names_what_is_in_work_first_and_counts_the_rest(midway):
    lines = midway[80, 24]
    rows = lines[next(i for i, line in enumerate(lines) if line.startswith("search ")) + 1 : -1]
    assert rows[0].split()[1] in {f"{k}/5" for k in range(1, 6)}
    states = ["done" if "done" in r else "failed" if "failed: poison" in r else "work" for r in rows]
    assert states == sorted(states, key=["work", "failed", "done"].index) and states.count("failed") == 1
    assert all(r.split()[0].startswith("search=") and "/p" in r.split()[0] for r in rows)
    shown, finished = len(rows), int(lines[0].split("/200")[0].split()[-1])
    waiting = 200 - finished - states.count("work")
    assert lines[-1] == f"… and {200 - shown} more: {finished - states.count('done') - 1} done, {waiting} waiting"
    assert "1 failed" in lines[0] and "about" in lines[2] and "NFE/s" in lines[2]


def test_pools_show_what_befell_them(midway):
    head, generators = (next(r.split() for r in midway[120, 40] if r.startswith(w)) for w in ("pool", "generators"))
    shown = dict(zip(head, generators, strict=False))
    assert (
        shown | {"restarts": "2", "retries": "3", "hedges": "1", "mismatches": "1", "alive": "2/2"} == shown
        and "draining" not in head
    )
    assert generators[-2:] == ["50", "%"]  # two replicas, and one Move at a time


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (50, 16), (30, 12), (28, 8)])
def test_no_window_breaks_the_table(midway, size):
    width, height = size
    lines = midway[size]
    assert all(len(line) <= width for line in lines)
    assert len(lines) <= max(height, 13)
    assert sum("/5" in line for line in lines) >= 3


def test_lines_tell_the_same(tmp_path, capsys):
    view = Lines(3, clock=Clock())
    drive(tmp_path, Ticking(view.clock, extra={"hedges": 2}), searches(3, "smc", n=6, kernel=NOISY), view)
    out = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("[") and "best reward" in line for line in out) == 3
    between = [line for line in out if line.startswith("  ") and "searches" in line]
    assert len(between) == pytest.approx(3 * 6 * STEPS * NFE_S / 10, abs=3)
    assert "NFE at 2/s, about 0:0" in between[1] and "1/2 generators busy" in between[1] and "(2 hedges)" in between[1]
    assert any("round 3/5, ESS " in line for line in out)


def test_replicas_that_load_are_told_as_such(tmp_path, capsys):
    view, seen = Screen(2, clock=Clock()), []
    look = Watch(lambda ledger: seen.append((ledger.executed, *(picture(view, w, 24) for w in (120, 50)))))
    drive(tmp_path / "screen", Ticking(view.clock, load_s=3.0), searches(2, n=2), view, look)
    loads = "; generators: 1 loading, 1 to load next; rewards: 1 loading, 1 to load next"
    assert [loads in wide[2] for _, wide, _ in seen] == [True] * 2 + [False] * (len(seen) - 2)
    assert all(len(line) <= 50 for *_, narrow in seen for line in narrow) and len(seen) > 4
    view = Lines(2, clock=Clock())
    drive(tmp_path / "lines", Ticking(view.clock, load_s=12.0), searches(2, n=2), view)
    first, *later = [line for line in capsys.readouterr().out.splitlines() if " generators " in line]
    assert (
        "0/2 generators ready, queue 3 (1 loading, 1 to load next); 0/2 rewards ready" in first and "busy" not in first
    )
    assert later and all("1/2 generators busy" in line and "load" not in line for line in later)


def test_spelling():
    assert [spell(s) for s in (None, 0.4, 185, 3600 * 25)] == ["-", "0:00:00", "0:03:05", "1 day, 1:00:00"]


def test_a_run_on_a_terminal_draws_the_table_and_leaves_it_whole(tmp_path):
    """A real pseudo-terminal of 50 columns."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "tests.observe.terminal", str(tmp_path)]
    env = os.environ | {"COLUMNS": "50", "LINES": "14", "TERM": "xterm"}
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=theirs, stderr=subprocess.STDOUT)
    os.close(theirs)
    out = b""
    while chunk := _read(ours):
        out += chunk
    assert process.wait(60) == 0
    text = out.decode()
    assert text.count("\x1b[1A") > 3 and "\x1b[?25l" in text and "\x1b[?25h" in text  # drawn in place, cursor back
    last = text[text.rindex("searches") :]
    assert "6/6" in last and "p000" in last and last.count("done") == 6 and last.rstrip().endswith("after it")


def _read(terminal):
    try:
        return os.read(terminal, 65536)
    except OSError:  # the other side is closed
        return b""
