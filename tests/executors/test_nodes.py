"""Nodes that die and leave while searches run: real raylets, fake GPUs, the bits of an undisturbed run."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.cluster
FAULTS = ["kill -9 a node", "a node is preempted"]


def test_nodes_come_and_go():
    """In a process of its own: Ray takes one cluster at a time."""
    command = [sys.executable, "-m", "benchmarks.chaos", "--kills", "0", "--faults", *FAULTS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    rows = {line[:34].strip(): line[34:].split() for line in done.stdout.splitlines()[1:]}
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert [rows[fault][:2] for fault in FAULTS] == [["yes", "0"]] * len(
        FAULTS
    )  # the same result, nothing executed again
    assert int(rows["kill -9 a node"][3]) >= 1 and int(rows["a node is preempted"][3]) >= 1  # replicas replaced
