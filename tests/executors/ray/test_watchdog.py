"""A driver that is killed takes with it what it has marked, whoever started it, and nothing else."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from raysearch.executors.ray import watchdog
from tests.waiting import until

SLEEP = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"]
DRIVER = f"""
import json, subprocess, sys, time
from raysearch.executors.ray.watchdog import Watchdog
SLEEP = {SLEEP!r}
STARTS = "import subprocess, sys; print(subprocess.Popen(sys.argv[1:], env={{}}).pid, flush=True)"
watch = Watchdog()
with watch.marking():
    marked = subprocess.Popen(SLEEP)
    parent = subprocess.Popen([sys.executable, "-c", STARTS + "; sys.stdin.read()", *SLEEP], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
other = subprocess.Popen(SLEEP)
print(json.dumps([watch._process.pid, other.pid, marked.pid, parent.pid, int(parent.stdout.readline())]), flush=True)
sys.stdin.readline()
parent.kill()
parent.wait()
print("orphaned", flush=True)
sys.stdin.readline()
"""


def runs(pid: int) -> bool:
    return pid in dict(watchdog._running())


@pytest.fixture
def driver(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    pids = json.loads(process.stdout.readline())
    yield process, pids
    process.kill()
    process.wait()
    for pid in pids:
        if runs(pid):
            os.kill(pid, signal.SIGKILL)


def test_what_is_marked_ends_with_the_driver_and_nothing_else(driver):
    process, (watching, other, *marked) = driver
    assert all(map(runs, [watching, other, *marked]))
    time.sleep(3 * watchdog.LOOK_S)  # the grandchild has no mark, and loses its parent with the driver
    process.kill()
    process.wait()
    until(lambda: not any(map(runs, [watching, *marked])))
    assert runs(other)


def test_what_has_neither_mark_nor_parent_any_more_is_remembered(driver):
    process, (_, _, marked, parent, grandchild) = driver
    family = watchdog.Family("none")
    family.members = {parent: dict(watchdog._running())[parent][0]}
    family.look()
    assert grandchild in family.members and marked not in family.members
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.stdout.readline() == "orphaned\n"
    family.look()
    assert grandchild in family.members and parent not in family.members


def test_ending_waits_until_all_are_gone():
    watch = watchdog.Watchdog()
    with watch.marking():
        child = subprocess.Popen(SLEEP)
    assert watchdog.MARK not in os.environ
    os.kill(watch._process.pid, signal.SIGTERM)  # to all processes of the job; the pipe alone decides
    watch.end()
    assert child.wait(timeout=60) == -signal.SIGKILL and watch._process.returncode == 0
