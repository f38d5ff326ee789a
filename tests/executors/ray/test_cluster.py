"""Heads of clusters that die: the driver ends in time with one line of ours, not with an abort of Ray."""

import subprocess
import sys

import pytest

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
HEAD_DIES = """
import os, signal, sys, time
import psutil, ray
from ray.cluster_utils import Cluster
from examples import clockwork
from raysearch.config.settings import ClusterConfig, PoolConfig
from raysearch.errors import UsageError
from raysearch.executors.contract import Request
from raysearch.executors.ray import cluster as watched
from raysearch.executors.ray.executor import RayExecutor
from raysearch.moves import Move
from raysearch.prompts import Prompt

watched.HEAD_S = 3.0
nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 4, "include_dashboard": False})
config = ClusterConfig(address=nodes.address, generators=PoolConfig(1, 0.5), rewards=PoolConfig(1, 0.5))
executor = RayExecutor(config, clockwork.settings(4, seconds=0.2), [{"name": "motion"}])
for k in range(100):
    executor.submit(Request(f"m{k}", Prompt("p", "a ball"), Move(None, (0, 0, k), 4)))
while not executor.ready(0.5):
    pass
for child in psutil.Process().children(recursive=True):
    if "gcs_server" in child.name():
        child.kill()
killed = time.monotonic()
try:
    while time.monotonic() < killed + 60:
        executor.ready(0.5)
except UsageError as error:
    print(f"{time.monotonic() - killed:.0f} s: {error}", flush=True)
executor.close()
print("closed", flush=True)
sys.exit(2)
"""


def test_a_head_that_dies_is_reported_in_one_line():
    done = subprocess.run([sys.executable, "-c", HEAD_DIES], capture_output=True, text=True, timeout=180)
    line, closed = done.stdout.splitlines()[-2:]
    assert "s: the head of the Ray cluster at" in line and "give the same command again" in line, done.stderr
    assert int(line.split()[0]) < 20 and closed == "closed"
    assert done.returncode == 2, done.stderr
