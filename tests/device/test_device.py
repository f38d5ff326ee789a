"""Whatever is put on a device stays there: proven on a second device that is made of Python, for want of a GPU."""

import json
import subprocess
import sys

import pytest

from tests.device import check

ROUNDING = {"bf16": 0.3, "qwen": 0.05}  # bf16: every op rounds, and the kernels are others; the rest is fp32
NAMES = [name for name, _ in check.checks()]
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


@pytest.fixture(scope="module")
def found():
    """Every check, in a process of its own: one with a second device is no place for other tests."""
    done = subprocess.run([sys.executable, "-m", "tests.device.check"], capture_output=True, text=True, timeout=900)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert done.returncode == 0, done.stderr[-2000:]
    return {line["name"]: line for line in lines}


def test_the_device_is_one_that_refuses_what_a_gpu_refuses():
    done = subprocess.run([sys.executable, "-c", MIXED], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_it_keeps_to_its_device_and_gives_what_the_cpu_gives(found, name):
    assert "error" not in found[name], found[name]["error"]
    bound = next((b for mark, b in ROUNDING.items() if mark in name), 1e-4)
    assert found[name]["apart"] and max(found[name]["apart"]) <= bound
