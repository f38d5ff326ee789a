"""How a run looks on a terminal, in any window."""

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from raysearch.observe import Lines, Screen
from tests.observe.case import NOISY, Clock, Ticking, Watch, drive, searches

ROOT = Path(__file__).parents[2]


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
    assert rows[0].split()[1] in {f"{k}/4" for k in range(1, 5)}
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
    assert sum("/4" in line for line in lines) >= 3


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
