"""UniPC on an exactly known path: it converges faster than first order, and starts anew where its memory is lost."""

import torch

from raysearch.moves import Kernel
from raysearch.sampling import kernels, unipc


def path(k, steps):
    s, s1 = ((steps - j) / steps * 0.98 for j in (k, k + 1))
    return (1 - s, s, 1 - s1, s1)


def x0_hat(x, a, s):
    """Of data with variance 0.25 around 1 under x = a x0 + s eps."""
    gain = a * 0.25 / (a * a * 0.25 + s * s)
    return 1 + gain * (x - a)


def sampled(steps, kernel, lose=None):
    x, memory = torch.full((1, 2), 0.7, dtype=torch.float64), None
    for k in range(steps):
        here = path(k, steps)
        x0 = x0_hat(x, *here[:2])
        if kernel == "ode":
            x, _ = kernels.step(Kernel(), x, x0, here, None, k / (steps - 1))
            continue
        before = [path(j, steps) for j in (k - 1, k - 2) if j >= 0]
        x, memory = unipc.step(x, x0, here, k == steps - 1, None if k == lose else memory, before)
    return x


def test_it_converges_faster_than_the_first_order():
    exact = sampled(1000, "ode")
    assert (sampled(16, "unipc") - exact).abs().max() < 0.2 * (sampled(16, "ode") - exact).abs().max()


def test_a_lost_memory_costs_accuracy_and_nothing_else():
    exact = sampled(1000, "ode")
    lost = sampled(16, "unipc", lose=8)
    assert (lost != sampled(16, "unipc")).any()
    assert (lost - exact).abs().max() < (sampled(16, "ode") - exact).abs().max()


def test_what_is_held_stays():
    x = torch.tensor([[1.0, 0.3]])
    x0 = torch.tensor([[1.0, 0.5]])
    first, memory = unipc.step(x, x0, path(0, 4), False, None, [])
    again, _ = unipc.step(first, torch.cat([first[:, :1], x0[:, 1:]], 1), path(1, 4), False, memory, [path(0, 4)])
    assert first[0, 0] == again[0, 0] == 1 and first[0, 1] != 0.3 and again[0, 1] != first[0, 1]


def test_frames_that_pause_stay_and_bring_no_nan():
    still = tuple(torch.tensor([u, v]).view(1, 2) for u, v in zip(path(1, 4), (0.5, 0.5, 0.5, 0.5), strict=True))
    moving = tuple(torch.tensor([v, v]).view(1, 2) for v in path(2, 4))
    x, memory = unipc.step(torch.ones(1, 2), torch.zeros(1, 2), still, False, None, [])
    assert x[0, 1] == 1 and x[0, 0] != 1
    x, _ = unipc.step(x, torch.zeros(1, 2), moving, False, memory, [still])
    assert bool(torch.isfinite(x).all())
