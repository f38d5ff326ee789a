"""SIGTERM ends a run in order: its event, one line, exit code 143, no process left; inline and on a Ray of its own."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from raysearch.stopping import Terminated, orderly
from tests.submit.conftest import ROOT, environment, outcomes_in

DEMO = str(ROOT / "jobs/demo.yaml")


def test_the_signal_becomes_an_exception_once_and_the_handler_comes_back():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Terminated), orderly():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)  # while it closes: no second exception
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_library_that_raises_another_interrupt_in_its_place_is_seen_through():
    with pytest.raises(Terminated), orderly():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        except Terminated:
            raise KeyboardInterrupt from None
    with pytest.raises(KeyboardInterrupt) as raised, orderly():
        raise KeyboardInterrupt
    assert raised.type is KeyboardInterrupt


def started(tmp_path, executor):
    """A run that has some Outcomes, and all its processes."""
    (tmp_path / "home").mkdir()
    words = [DEMO, "prompts.heldout=2", "search.n=24", f"cluster.executor={executor}", f"run={tmp_path / 'run'}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "raysearch.cli", "run", *words], env=environment(tmp_path / "home"), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    deadline = time.monotonic() + 240
    while outcomes_in(tmp_path / "run") < 3:
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()[1]
        time.sleep(0.05)
    return process, psutil.Process(process.pid).children(recursive=True)


@pytest.mark.parametrize("executor", ["inline", pytest.param("ray", marks=[pytest.mark.slow, pytest.mark.cluster])])
def test_sigterm_ends_a_run_in_order(tmp_path, executor):
    process, children = started(tmp_path, executor)
    listening = [c for child in children for c in child.net_connections(kind="inet") if c.status == "LISTEN"]
    assert all(c.laddr.ip.removeprefix("::ffff:") == "127.0.0.1" for c in listening)
    assert bool(listening) == (executor == "ray")
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 143
    assert error.splitlines()[-1:] == ["raysearch: stopped by SIGTERM; give the same command again to resume"]
    assert "Traceback" not in error and "stack" not in error.lower(), error
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive
    events = [json.loads(line) for line in (tmp_path / "run/events.jsonl").read_text().splitlines()]
    assert events[-1]["event"] == "interrupted"


@pytest.mark.slow
@pytest.mark.cluster
@pytest.mark.parametrize("victim", ["driver", "gcs_server"])
def test_a_ray_of_its_own_is_gone_soon_after_the_driver_or_its_head_was_killed(tmp_path, victim):
    process, children = started(tmp_path, "ray")
    hit = [process] if victim == "driver" else [child for child in children if child.name() == victim]
    for each in hit:
        each.kill()
    _, error = process.communicate(timeout=60)
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive
    assert process.returncode == (-signal.SIGKILL if victim == "driver" else 2), error
    if victim != "driver":
        (line,) = [line for line in error.splitlines() if line.startswith("raysearch: ")]
        assert "the head of the Ray cluster" in line and "Traceback" not in error, error
