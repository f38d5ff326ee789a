"""What is asked of PyTorch on a device; resizing with a gradient that has one order of adding up."""

import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F

from raysearch import devices
from raysearch.resize import bilinear

ASKED = """
import os, torch
from raysearch import devices
devices.reproducible("{}")
print(torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled(),
      os.environ.get("CUBLAS_WORKSPACE_CONFIG"))
"""


@pytest.mark.parametrize("device, told", [("cpu", "False False None"), ("cuda:1", "True True :4096:8")])
def test_the_same_bits_are_asked_for_where_there_is_a_choice(device, told):
    """In a process of its own, for it is a setting of the process; no GPU is needed to ask."""
    done = subprocess.run([sys.executable, "-c", ASKED.format(device)], capture_output=True, text=True)
    assert done.stdout.strip() == told, done.stderr


@pytest.mark.parametrize("there, best", [(True, "cuda"), (False, "cpu")])
def test_a_gpu_is_the_best_device_if_there_is_one(monkeypatch, there, best):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    assert devices.best() == best


SIZES = [(9, 7, 4, 5), (5, 8, 16, 11), (480, 832, 256, 256), (3, 4, 3, 9)]


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("h, w, height, width", SIZES)
def test_it_is_the_interpolation_of_torch_and_so_is_its_gradient(h, w, height, width, antialias):
    x = torch.rand(2, 3, h, w, dtype=torch.float64, requires_grad=True)
    ours, theirs = (
        f(x) for f in (lambda x: bilinear(x, height, width, antialias),
                       lambda x: F.interpolate(x, (height, width), mode="bilinear", antialias=antialias))
    )  # fmt: skip
    assert ours.shape == theirs.shape and (ours - theirs).abs().max() < 1e-12
    up = torch.rand_like(ours)
    (a,), (b,) = (torch.autograd.grad(y, x, up) for y in (ours, theirs))
    assert (a - b).abs().max() < 1e-12


def test_its_numbers_are_those_of_fp32_whatever_goes_in():
    x = torch.rand(4, 3, 50, 70)
    assert (bilinear(x, 32, 32, True) - bilinear(x.double(), 32, 32, True)).abs().max() < 1e-6
    half = x.bfloat16()
    assert bilinear(half, 32, 32).dtype == torch.bfloat16
    assert (bilinear(half, 32, 32) == bilinear(half.float(), 32, 32).bfloat16()).all()


def test_what_has_the_size_is_left_alone():
    x = torch.rand(1, 3, 8, 8)
    assert bilinear(x, 8, 8, True) is x
