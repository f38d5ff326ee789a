"""A run in a process of its own, killed with all its workers once it has some outcomes, and then run to its end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests.submit.conftest import environment, outcomes_in

ROOT = Path(__file__).parents[1]


def killed_and_resumed(words: list[str], run: Path, home: Path, least: int = 2) -> int:
    """Kill `raysearch run WORDS`, which writes the folder `run`, after at least so many outcomes, and run it again.

    Returns:
        How many outcomes there were when it was killed.
    """
    command = [sys.executable, "-m", "raysearch.cli", "run", *words]
    home.mkdir(exist_ok=True)
    env = environment(home) | {"PYTHONPATH": str(ROOT), "RAY_worker_niceness": "0"}
    process = subprocess.Popen(command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT)
    deadline = time.monotonic() + 240
    while outcomes_in(run) < least:
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()[0]
        time.sleep(0.02)
    all_of_it = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    for one in all_of_it:
        if one.is_running():
            os.kill(one.pid, signal.SIGKILL)
    psutil.wait_procs(all_of_it, timeout=30)
    before = outcomes_in(run)
    again = subprocess.run(command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT)
    assert again.returncode == 0, again.stdout
    return before
