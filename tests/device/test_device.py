"""Whatever is put on a device stays there: proven on a second device that is made of Python, for want of a GPU."""

import json
import subprocess
import sys

import pytest

from tests.device import check

# bf16: every op rounds, and the kernels are others; workers: a guided chain divides by the norm of a gradient, which
# magnifies rounding (4e-5 on one processor, above 1e-4 on another); the rest is fp32.
ROUNDING = {"bf16": 0.3, "qwen": 0.05, "workers": 2e-3}
NAMES = [name for name, _ in check.checks()]
# What every run goes through; pipelines are many and take long, and so are with the slow tests.
USUAL = ["reward vjepa2", "reward fuse", "workers"]
MIXED = """
import torch
from tests.device import far
near, there = torch.ones(3), torch.ones(3).to("far")
assert there.device.type == "far" and (there + 1).sum().item() == 6 and near[there.cpu().long()].device.type == "cpu"
for mixed in (lambda: near + there, lambda: torch.cat([near, there]), lambda: there @ near, lambda: there.numpy()):
    try:
        mixed()
    except (RuntimeError, TypeError):
        continue
    raise SystemExit("devices were mixed")
"""


def checked(*names):
    """In a process of its own: one with a second device is no place for other tests."""
    command = [sys.executable, "-m", "tests.device.check", *names]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert done.returncode == 0, done.stderr[-2000:]
    return {line["name"]: line for line in lines}


@pytest.fixture(scope="module")
def found():
    return checked(*USUAL)


def kept_to_its_device(line, name):
    assert "error" not in line, line["error"]
    bound = next((b for mark, b in ROUNDING.items() if mark in name), 1e-4)
    assert line["apart"] and max(line["apart"]) <= bound


def test_the_device_is_one_that_refuses_what_a_gpu_refuses():
    done = subprocess.run([sys.executable, "-c", MIXED], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", USUAL)
def test_it_keeps_to_its_device_and_gives_what_the_cpu_gives(found, name):
    kept_to_its_device(found[name], name)


@pytest.mark.slow
def test_so_does_everything_else():
    others = sorted(set(NAMES) - set(USUAL))
    found = checked(*others)
    assert set(found) == set(others)
    for name in others:
        kept_to_its_device(found[name], name)
