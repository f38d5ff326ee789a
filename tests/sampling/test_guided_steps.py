"""Guided steps by hand: a network and a reward that are linear, so that every shift is known in closed form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from raysearch.moves import Guide, Kernel
from raysearch.sampling import guidance, kernels
from raysearch.sampling.guidance import GuidedStep, acts

NOISY, ODE, STEPS, SLOPE = Kernel("ddim_eta", 0.8), Kernel("ode"), 5, 0.7
W = torch.linspace(-1.0, 2.0, 12).reshape(1, 3, 2, 2)  # the gradient of the reward
SEEDS = {"call": 1, "step": 2, "step 1": 3, "travel": 4, "guide": 5}
HELD = torch.tensor([True, False]).expand(1, 3, 2, 2)


class Linear:
    """x0_hat = 0.7 x + 0.1; decoded as it is; where it holds its latents, x0_hat is x itself."""

    steps = STEPS

    def __init__(self, held: bool = False, path=None):
        self.held, self.calls, self._path = held, 0, path

    def denoise(self, x, k, noise, grad=False):
        self.calls += 1
        return torch.where(HELD, x, SLOPE * x + 0.1) if self.held else SLOPE * x + 0.1

    def decode(self, x0, noise, grad=False):
        return 1.0 * x0

    def path(self, k):
        return self._path or (k / 5, 1 - k / 5, (k + 1) / 5, 1 - (k + 1) / 5)


def critic(view: np.ndarray) -> tuple[float, np.ndarray]:
    return float((W.numpy() * view).sum()), W.numpy()


def noise(purpose: str) -> torch.Generator:
    return torch.Generator().manual_seed(SEEDS[purpose])


def site(guide: Guide, kernel: Kernel = NOISY, k: int = 2, generator=None) -> GuidedStep:
    return GuidedStep(generator or Linear(), guide, kernel, critic, None, k, noise)


X = torch.randn(1, 3, 2, 2, generator=torch.Generator().manual_seed(0))
X0 = SLOPE * X + 0.1
Z = torch.randn(X.shape, generator=noise("step"))


def coefficients(kernel: Kernel = NOISY, k: int = 2) -> list[float]:
    return [float(c) for c in kernels.coefficients(kernel, Linear().path(k), k / 4)]


def check(found, x, x0, target, preview, nfe, d=None, kernel=NOISY, atol=1e-5):
    """A step from x with this target; d is the shift of the mean in sd, by which log p - log q is known."""
    cx, c0, sd = coefficients(kernel)
    assert torch.allclose(found.x, cx * x + c0 * target + sd * Z, atol=atol)
    assert torch.allclose(found.preview, preview, atol=atol) and found.nfe == nfe
    d = (cx * (x - X) + c0 * (target - x0)) / sd if d is None and sd else d
    ratio = 0.0 if d is None else -float((Z * d + d * d / 2).sum())
    assert found.log_ratio == pytest.approx(ratio, abs=1e-4)


def test_variance_moves_the_mean_by_scale_times_the_variance_along_the_gradient():
    _, c0, sd = coefficients()
    for name, slope in (("mean", 1.0), ("full", SLOPE)):  # full goes on through the network to x
        found = guidance.step(site(Guide(name, 0.3, norm="variance")), X)
        shift = 0.3 * sd**2 * slope * W
        check(found, X, X0, X0 + shift / c0, X0, 1, d=shift / sd)


def test_variance_guides_nothing_where_there_is_no_noise():
    guide = Guide("mean", 0.3, norm="variance")
    assert acts(guide, NOISY, Linear().path(2), 2, STEPS) and not acts(guide, ODE, Linear().path(2), 2, STEPS)
    assert not acts(guide, NOISY, Linear().path(4), 4, STEPS)  # the last step lands on the data


def test_who_acts_where():
    path = Linear().path(2)
    assert acts(Guide("mean", 0.3), ODE, path, 2, STEPS) and not acts(
        Guide("mean", 0.3, strict=True), ODE, path, 2, STEPS
    )
    assert acts(Guide("mean", 0.3, strict=True), NOISY, path, 2, STEPS)
    windowed = replace(NOISY, window=(0.0, 0.4))  # step 2 of 5 is at one half
    assert not acts(Guide("mean", 0.3, strict=True), windowed, path, 2, STEPS)
    assert not acts(Guide("mean", 0.3, (0.0, 0.4)), NOISY, path, 2, STEPS) and not acts(None, NOISY, path, 2, STEPS)


@pytest.mark.parametrize("kernel", [NOISY, ODE], ids=str)
@pytest.mark.parametrize("inner", [1, 2])
def test_plain_steps_by_hand(kernel, inner):
    found = guidance.step(site(Guide("mean", 0.3, norm="plain", inner=inner), kernel), X)
    target = X0 + inner * 0.3 * W
    check(found, X, X0, target, target, 1, kernel=kernel)
    found = guidance.step(site(Guide("full", 0.3, norm="plain", inner=inner), kernel), X)
    moved = X + inner * 0.3 * SLOPE * W
    target = SLOPE * moved + 0.1
    check(found, moved, X0, target, target, inner + 1, kernel=kernel)


def test_relative_steps_are_a_share_of_what_is_moved():
    found = guidance.step(site(Guide("mean", 0.3, norm="relative", inner=2)), X)
    once = X0 + 0.3 * X0.norm() * W / W.norm()
    target = once + 0.3 * once.norm() * W / W.norm()
    check(found, X, X0, target, target, 1)
    found = guidance.step(site(Guide("full", 0.3, norm="relative")), X)
    moved = X + 0.3 * X.norm() * W / W.norm()
    check(found, moved, X0, SLOPE * moved + 0.1, SLOPE * moved + 0.1, 2)


@pytest.mark.parametrize(
    ("name", "norm"), [("mean", "plain"), ("mean", "variance"), ("full", "plain"), ("full", "variance")]
)
def test_a_clipped_shift_has_the_same_direction_and_at_most_that_length(name, norm):
    cx, c0, sd = coefficients()
    free = guidance.step(site(Guide(name, 5.0, norm=norm)), X)
    d = (free.x - (cx * X + c0 * X0 + sd * Z)) / sd
    clipped = guidance.step(site(Guide(name, 5.0, norm=norm, clip=0.4)), X)
    shift = d * 0.4 / d.norm()
    assert torch.allclose(clipped.x, cx * X + c0 * X0 + sd * (Z + shift), atol=1e-5)
    assert clipped.log_ratio == pytest.approx(-float((Z * shift).sum() + 0.08), abs=1e-4)
    share = float(0.4 / d.norm())
    kept = X0 if norm == "variance" else X0 + share * (free.preview - X0)
    assert torch.allclose(clipped.preview, kept, atol=1e-5)
    loose = guidance.step(site(Guide(name, 5.0, norm=norm, clip=1e6)), X)
    assert torch.equal(loose.x, free.x) and loose.log_ratio == free.log_ratio


@pytest.mark.parametrize("name", ["mean", "full"])
@pytest.mark.parametrize("norm", ["plain", "relative", "variance"])
def test_held_positions_are_neither_moved_nor_counted(name, norm):
    generator = Linear(held=True)
    x0 = torch.where(HELD, X, X0)
    found = guidance.step(site(Guide(name, 0.3, norm=norm), generator=generator), X)
    assert torch.equal(found.x[HELD], X[HELD]) and torch.equal(found.preview[HELD], X[HELD])
    g, size = torch.where(HELD, 0.0, W), torch.where(HELD, 0.0, X0 if name == "mean" else X).norm()
    _, c0, sd = coefficients()
    length = {
        "plain": 0.3,
        "relative": 0.3 * size / g.norm() / (1 if name == "mean" else SLOPE),
        "variance": 0.3 * sd**2 / c0,
    }[norm]
    if name == "mean" or norm == "variance":
        x, target = X, x0 + length * g * (1 if name == "mean" else SLOPE)
    else:
        x = X + length * SLOPE * g
        target = torch.where(HELD, X, SLOPE * x + 0.1)
    cx, c0, sd = coefficients()
    assert torch.allclose(found.x[~HELD], (cx * x + c0 * target + sd * Z)[~HELD], atol=1e-5)
    d = torch.where(HELD, 0.0, (cx * (x - X) + c0 * (target - x0)) / sd)
    assert found.log_ratio == pytest.approx(-float((Z * d + d * d / 2).sum()), abs=1e-4)


def test_a_strict_guide_moves_only_what_gets_noise():
    """Two columns of latents, of which the second lands on the data in this step."""
    path = tuple(torch.tensor(v) for v in ([0.4, 0.6], [0.6, 0.4], [0.6, 1.0], [0.4, 0.0]))
    generator = Linear(path=path)
    for strict in (True, False):
        found = guidance.step(site(Guide("mean", 0.3, norm="plain", strict=strict), generator=generator), X)
        moved = found.preview != X0
        assert moved[..., 0].all() and moved[..., 1].any() != strict
    other = guidance.step(site(Guide("mean", 0.3, norm="variance"), generator=generator), X)
    assert torch.allclose(other.x[..., 1], X0[..., 1]) and other.log_ratio != 0


def test_a_strict_guide_leaves_what_is_held():
    found = guidance.step(site(Guide("mean", 0.3, norm="plain", strict=True), generator=Linear(held=True)), X)
    assert torch.equal(found.preview[HELD], X[HELD]) and (found.preview != X0)[~HELD].all()


def test_travel_undoes_a_step_with_noise_of_its_own_and_takes_it_again():
    generator = Linear()
    guide = Guide("mean", 0.3, norm="plain", travel=1)
    found = guidance.step(site(guide, generator=generator), X)
    assert found.log_ratio == 0.0 and found.nfe == generator.calls == 2
    cx, c0, sd = coefficients()
    first = cx * X + c0 * (X0 + 0.3 * W) + sd * Z
    a, s, a1, s1 = Linear().path(2)
    spread = (s**2 - (a / a1 * s1) ** 2) ** 0.5
    back = a / a1 * first + spread * torch.randn(X.shape, generator=noise("travel"))
    target = SLOPE * back + 0.1 + 0.3 * W
    again = torch.randn(X.shape, generator=noise("step 1"))
    assert torch.allclose(found.x, cx * back + c0 * target + sd * again, atol=1e-5)
    assert torch.allclose(found.preview, target, atol=1e-5)


def test_a_video_that_is_not_finite_is_left_alone_and_a_flat_reward_moves_nothing():
    class Broken(Linear):
        def decode(self, x0, noise, grad=False):
            return torch.where(HELD, float("nan"), x0)

    found = guidance.step(site(Guide("mean", 0.3), generator=Broken()), X)
    check(found, X, X0, X0, X0, 1, d=torch.zeros_like(X))
    flat = replace(site(Guide("mean", 0.3)), critic=lambda view: (0.0, np.zeros_like(view)))
    check(guidance.step(flat, X), X, X0, X0, X0, 1, d=torch.zeros_like(X))


def test_the_view_is_resized_only_where_a_size_is_given():
    frames = torch.rand(2, 3, 8, 8, dtype=torch.float64)
    assert guidance.view(frames, None).dtype == torch.float32 and guidance.view(frames, None).shape == (2, 3, 8, 8)
    assert guidance.view(frames, 4).shape == (2, 3, 4, 4)
