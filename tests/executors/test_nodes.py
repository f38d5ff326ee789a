"""Nodes that die and leave while searches run: real raylets, fake GPUs, the bits of an undisturbed run."""

import subprocess
import sys

import pytest
import torch

pytestmark = pytest.mark.cluster
BLIND = """
import warnings
import ray, torch
from examples import clockwork
from raysearch.executors.ray.executor import RayExecutor
from raysearch.config.settings import ClusterConfig, PoolConfig

ray.init(address="local", num_cpus=2, num_gpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
cluster = ClusterConfig(generators=PoolConfig(2, 0.5, num_gpus=1.0), rewards=PoolConfig(1, 0.5))
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    executor = RayExecutor(cluster, clockwork.settings(2), [{"name": "motion"}])
    while any(r.phase != "ready" for pool in executor._pools for r in pool.replicas):
        executor.ready(0.1)
print(*(w.message for w in told if "GPU" in str(w.message)), sep="\\n")
"""
FAULTS = ["kill -9 a node", "a node is preempted"]


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_gpus_that_are_promised_and_not_seen_are_told_once():
    """In a process of its own, on a Ray that believes in two GPUs."""
    done = subprocess.run([sys.executable, "-c", BLIND], capture_output=True, text=True, timeout=120)
    (line,) = done.stdout.splitlines()
    assert line.startswith("cluster.generators: replicas were given GPUs, but their PyTorch sees none"), done.stderr
