from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch

from examples.exact.models import LinearGaussian, flow_grid
from raysearch.moves import KERNELS as NAMES
from raysearch.moves import Kernel
from raysearch.sampling.kernels import KERNELS, coefficients, log_ratio, mutate, needs_noise, renoise, shift, step
from raysearch.times import BETA

FLOW = (0.3, 0.7, 0.5, 0.5)  # (1 - sigma, sigma) of two steps
VP = (0.6, 0.8, 0.8, 0.6)
EDM = (1.0, 40.0, 1.0, 12.0)
FRAMES = tuple(  # the first frame as in FLOW, the second pauses, the third is finished
    torch.tensor(v, dtype=torch.float64).reshape(3, 1, 1)
    for v in ([0.3, 0.5, 1.0], [0.7, 0.5, 0.0], [0.5, 0.5, 1.0], [0.5, 0.5, 0.0])
)
PATHS = {"flow": FLOW, "vp": VP, "edm": EDM, "last": (0.9, 0.1, 1.0, 0.0), "first": (0.0, 1.0, 0.05, 0.95)}
NOISY = [
    Kernel(*k)
    for k in (("ddim_eta", 0.6), ("ddim_eta", 1.0), ("flow_sde", 0.7), ("cps", 0.8), ("renoise",), ("vp_sde", 3.0))
]
paths = pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
noisy = pytest.mark.parametrize("kernel", NOISY, ids=str)


@pytest.fixture
def triple():
    """x, x0, noise, (B, C, F, H, W) of two particles and three frames."""
    generator = torch.Generator().manual_seed(0)
    return tuple(torch.randn(2, 4, 3, 5, 5, generator=generator) for _ in range(3))


# final variance on data N(1, s2) with shift 3: (kernel, s2, steps) -> variance
BIAS = {
    (Kernel("ode"), 0.5): {10: 0.316, 20: 0.399, 50: 0.457, 200: 0.489},
    (Kernel("ddim_eta", 0.5), 0.5): {10: 0.303, 20: 0.384, 50: 0.447, 200: 0.485},
    (Kernel("ddim_eta", 1.0), 0.5): {10: 0.247, 20: 0.329, 50: 0.411, 200: 0.473},
    (Kernel("flow_sde", 0.7), 0.5): {20: 0.437, 50: 0.476, 200: 0.496},
    (Kernel("cps", 0.5), 0.5): {10: 0.275, 20: 0.338, 50: 0.383, 200: 0.412},
    (Kernel("cps", 0.9), 0.5): {10: 0.195, 20: 0.228, 50: 0.256, 200: 0.276},
    (Kernel("vp_sde", 3.0), 0.5): {10: 0.315, 20: 0.398, 50: 0.457, 200: 0.489},
    (Kernel("renoise"), 0.5): {10: 0.171, 20: 0.198, 50: 0.221, 200: 0.238},
    (Kernel("cps", 0.9), 0.01): {20: 0.0022, 50: 0.0038, 200: 0.0049},
    (Kernel("renoise"), 0.01): {20: 0.0021, 50: 0.0034, 200: 0.0043},
}


@pytest.mark.parametrize(("kernel", "s2"), BIAS, ids=str)
def test_moments_on_gaussian_data_and_known_biases(kernel, s2):
    for steps, variance in BIAS[kernel, s2].items():
        mean, found = LinearGaussian(kernel, steps, s2=s2).moments()
        assert mean == pytest.approx(1.0, abs=1e-12)
        assert found == pytest.approx(variance, abs=0.6 * 10 ** -(3 if s2 == 0.5 else 4))


@pytest.mark.parametrize("kernel", [Kernel("ode"), Kernel("ddim_eta", 0.5), Kernel("ddim_eta", 1.0)], ids=str)
def test_variance_converges_at_first_order(kernel):
    errors = [abs(LinearGaussian(kernel, steps).moments()[1] - 0.5) for steps in (200, 400, 800)]
    for coarse, fine in pairwise(errors):
        assert coarse / fine == pytest.approx(2, abs=0.25)


@pytest.mark.parametrize("eta", [0.3, 0.7, 1.0])
def test_flow_sde_comes_close_though_its_noise_is_singular_at_the_start(eta):
    assert abs(LinearGaussian(Kernel("flow_sde", eta), 1600).moments()[1] - 0.5) < 1e-3


@pytest.mark.parametrize("kernel", [Kernel("cps", 0.9), Kernel("renoise")], ids=str)
def test_replacing_noise_loses_posterior_variance_however_many_steps(kernel):
    assert LinearGaussian(kernel, 2000).moments()[1] < 0.3


@noisy
def test_steps_on_samples_have_the_moments_of_the_recursion(kernel):
    model, generator = LinearGaussian(kernel, 10), torch.Generator().manual_seed(1)
    count, grid = 40_000, flow_grid(10)
    x = torch.randn(count, 1, generator=generator)
    for k in range(10):
        s, s1 = grid[k], grid[k + 1]
        gain = model._gain(s)
        x0 = model.mu + gain * (x - (1 - s) * model.mu)
        path, fraction = (1 - s, s, 1 - s1, s1), k / 9
        noise = torch.randn(count, 1, generator=generator) if needs_noise(kernel, path, fraction) else None
        x, _ = step(kernel, x, x0, path, noise, fraction)
    mean, variance = model.moments()
    assert abs(x.mean() - mean) < 4 * math.sqrt(variance / count)
    assert abs(x.var() - variance) < 4 * variance * math.sqrt(2 / count)


def test_ddim_eta_is_the_formula_of_the_paper_in_both_forms(triple):
    x, x0, z = (v.double() for v in triple)
    a, s, a1, s1 = VP
    sd = 0.6 * math.sqrt((1 - a1**2) / (1 - a**2)) * math.sqrt(1 - a**2 / a1**2)  # DDIM eq. 16, abar = a^2
    vp = a1 * x0 + math.sqrt(1 - a1**2 - sd**2) * (x - a * x0) / s + sd * z
    assert torch.allclose(step(Kernel("ddim_eta", 0.6), x, x0, VP, z, 0.5)[0], vp, atol=1e-12)
    s, s1 = FLOW[1], FLOW[3]
    r = s1 * (1 - s) / (s * (1 - s1))
    sd = 0.6 * s1 * math.sqrt(1 - r * r)
    flow = (1 - s1) * x0 + math.sqrt(s1**2 - sd**2) * (x - (1 - s) * x0) / s + sd * z
    assert torch.allclose(step(Kernel("ddim_eta", 0.6), x, x0, FLOW, z, 0.5)[0], flow, atol=1e-12)


def test_eta_one_is_the_ddpm_posterior(triple):
    x, x0, z = (v.double() for v in triple)
    a, s, a1, s1 = VP
    alpha = a**2 / a1**2  # of this one step
    mean = a1 * (1 - alpha) / (1 - a**2) * x0 + math.sqrt(alpha) * s1**2 / s**2 * x
    sd = math.sqrt(s1**2 / s**2 * (1 - alpha))
    assert torch.allclose(step(Kernel("ddim_eta", 1.0), x, x0, VP, z, 0.5)[0], mean + sd * z, atol=1e-12)


@pytest.mark.parametrize("sigmas", [(0.7, 0.5), (1.0, 0.95)], ids=str)
def test_flow_sde_is_flow_grpo_on_the_flow_path(triple, sigmas):
    x, x0, z = (v.double() for v in triple)
    s, s1 = sigmas
    v, dt = (x - x0) / s, s1 - s
    g = 0.7 * math.sqrt(s / (1 - (s if s < 1 else s1)))
    mean = x * (1 + g**2 / (2 * s) * dt) + v * (1 + g**2 * (1 - s) / (2 * s)) * dt
    found, _ = step(Kernel("flow_sde", 0.7), x, x0, (1 - s, s, 1 - s1, s1), z, 0.5)
    assert torch.allclose(found, mean + g * math.sqrt(-dt) * z, atol=1e-12)


def test_vp_sde_by_hand(triple):
    """From r = .8 to .7: T = 9.95 r^2 + .1 r, a = exp(-T / 2), g = 3 r^2; the previews are held and e relaxes."""
    x, x0, z = (v.double() for v in triple)
    (a, s), (a1, s1) = ((math.exp(-t / 2), math.sqrt(1 - math.exp(-t))) for t in (6.448, 4.9455))
    relaxed = math.exp(-((3 * 0.8**2) ** 2) * 0.1 / (2 * s * s))
    mean = a1 * x0 + s1 * relaxed * (x - a * x0) / s
    found, _ = step(Kernel("vp_sde", 3.0), x, x0, (a, s, a1, s1), z, 0.5)
    assert torch.allclose(found, mean + s1 * math.sqrt(1 - relaxed**2) * z, atol=1e-12)


def test_vp_sde_is_the_euler_step_of_rbf_in_the_limit_of_small_steps(triple):
    """x' = x - u dr + g^2 / 2 score dr + g sqrt(dr) z, with u the velocity of the VP path (2503.19385, equation 6)."""
    x, x0, z = (v.double() for v in triple)
    gaps = []
    for dr in (1e-3, 5e-4):
        r, (b, big) = 0.6, BETA
        (a, s), (a1, s1) = (vp_level(t) for t in (r, r - dr))
        e = (x - a * x0) / s
        rate = (b + (big - b) * r) / 2
        u, g = -rate * a * x0 + rate * a * a / s * e, 2.0 * r * r
        euler = x - u * dr - g * g / 2 * e / s * dr + g * math.sqrt(dr) * z
        gaps.append(float((step(Kernel("vp_sde", 2.0), x, x0, (a, s, a1, s1), z, 0.5)[0] - euler).abs().max()))
    assert gaps[0] < 2e-4 and 1.8 < gaps[0] / gaps[1] < 4.2


def vp_level(r):
    b, big = BETA
    t = (big - b) * r * r / 2 + b * r
    return math.exp(-t / 2), math.sqrt(1 - math.exp(-t))


@noisy
def test_a_rescaled_path_gives_the_rescaled_step(kernel, triple):
    x, x0, z = (v.double() for v in triple)
    here, there = 1.7, 0.4
    scaled = (here * FLOW[0], here * FLOW[1], there * FLOW[2], there * FLOW[3])
    one, _ = step(kernel, x, x0, FLOW, z, 0.5)
    other, _ = step(kernel, here * x, x0, scaled, z, 0.5)
    assert torch.allclose(other, there * one, atol=1e-12)


@paths
def test_eta_zero_and_outside_the_window_are_the_ode_bit_for_bit(path, triple):
    x, x0, z = triple
    ode, density = step(Kernel("ode"), x, x0, path, None, 0.5)
    assert density == 0.0
    for name in KERNELS:
        if name != "renoise":
            assert torch.equal(step(Kernel(name, 0.0), x, x0, path, z, 0.5)[0], ode)
        late = Kernel(name, 0.0 if name in ("ode", "2m", "unipc") else 0.8, (0.2, 0.4))
        found, density = step(late, x, x0, path, None, 0.5)
        assert torch.equal(found, ode) and density == 0.0
        assert not needs_noise(late, path, 0.5)


def test_window_includes_both_ends():
    kernel = Kernel("ddim_eta", 1.0, (0.2, 0.8))
    assert [needs_noise(kernel, FLOW, f) for f in (0.19, 0.2, 0.8, 0.81)] == [False, True, True, False]


@noisy
def test_landing_on_the_data_takes_no_noise(kernel, triple):
    x, x0, _ = triple
    found, density = step(kernel, x, x0, PATHS["last"], None, 1.0)
    assert torch.equal(found, x0) and density == 0.0


@noisy
@pytest.mark.parametrize("path", [FLOW, VP, EDM, PATHS["first"]], ids=["flow", "vp", "edm", "first"])
def test_log_density_is_the_normal_density_summed_over_dimensions(kernel, path, triple):
    x, x0, z = (v.double() for v in triple)
    found, density = step(kernel, x, x0, path, z, 0.5)
    cx, c0, sd = coefficients(kernel, path, 0.5)
    expected = torch.distributions.Normal(cx * x + c0 * x0, sd).log_prob(found).flatten(1).sum(1)
    assert density.shape == (2,) and density.dtype == torch.float64
    assert torch.allclose(density, expected, rtol=1e-9)


@noisy
def test_log_ratio_is_the_difference_of_the_two_densities(kernel, triple):
    x, x0, z = (v.double() for v in triple)
    guided = x0 + 0.01 * x.flip(0)
    found, log_q = step(kernel, x, guided, FLOW, z, 0.5)
    cx, c0, sd = coefficients(kernel, FLOW, 0.5)
    log_p = torch.distributions.Normal(cx * x + c0 * x0, sd).log_prob(found).flatten(1).sum(1)
    assert torch.allclose(log_ratio(kernel, x, x0, guided, FLOW, z, 0.5), log_p - log_q, atol=1e-9)
    assert log_ratio(kernel, x, x0, x0, FLOW, z, 0.5).tolist() == [0.0, 0.0]
    assert log_ratio(Kernel("ode"), x, x0, guided, FLOW, None, 0.5) == 0.0


@noisy
def test_each_particle_moves_alone(kernel, triple):
    x, x0, z = triple
    both, density = step(kernel, x, x0, FLOW, z, 0.5)
    for i in range(2):
        one, alone = step(kernel, x[i : i + 1], x0[i : i + 1], FLOW, z[i : i + 1], 0.5)
        assert torch.equal(one[0], both[i]) and torch.allclose(alone[0], density[i], rtol=1e-12)


@pytest.mark.parametrize("kernel", [Kernel("ode"), *NOISY], ids=str)
def test_held_positions_and_finished_frames_stay_still(kernel, triple):
    x, x0, z = triple
    x0 = torch.where(torch.arange(5) < 2, x, x0)  # the pipeline holds two columns clean
    found, density = step(kernel, x, x0, FRAMES, z, 0.5)
    assert torch.equal(found[..., :2], x[..., :2])
    assert torch.equal(found[:, :, 1:], x[:, :, 1:])  # frames at (a', s') = (a, s), and clean ones
    flow, alone = step(kernel, x[:, :, :1], x0[:, :, :1], FLOW, z[:, :, :1], 0.5)
    assert torch.equal(found[:, :, :1], flow)  # a tensor path is the float path, frame by frame
    assert torch.isfinite(found).all()
    if kernel.stochastic:
        assert torch.allclose(density, alone) and not torch.equal(found[:, :, 0, :, 2:], x[:, :, 0, :, 2:])
        _, dense = step(kernel, x[:, :, :1, :, 2:], x0[:, :, :1, :, 2:], FLOW, z[:, :, :1, :, 2:], 0.5)
        assert torch.allclose(dense, density)  # what is held has no density


def exact_run(kernel, steps, lo=0.02):
    """End of the ode on Gaussian data from x = 1 at sigma = 1, where the exact flow keeps the standardised x."""
    model, x, history = LinearGaussian(s2=0.5, mu=1.0), torch.ones(1, 1, dtype=torch.float64), None
    grid = torch.linspace(1, lo, steps + 1, dtype=torch.float64).tolist()
    for k, (s, s1) in enumerate(pairwise(grid)):
        path = (1 - s, s, 1 - s1, s1)
        x0 = model.mu + model._gain(s) * (x - (1 - s) * model.mu)
        x, _ = step(kernel, x, x0, path, None, k / (steps - 1), history)
        history = (x0, path)
    return abs(float(x) - ((1 - lo) * model.mu + math.sqrt((1 - lo) ** 2 * model.s2 + lo**2)))


def test_2m_is_second_order_and_the_ode_first():
    for kernel, ratio in ((Kernel("ode"), 2), (Kernel("2m"), 4)):
        coarse, fine = exact_run(kernel, 100), exact_run(kernel, 200)
        assert coarse / fine == pytest.approx(ratio, rel=0.2)
    assert exact_run(Kernel("2m"), 20) < exact_run(Kernel("ode"), 20) / 3


def test_2m_is_first_order_where_history_is_of_no_use(triple):
    x, x0, last = triple
    ode, twice = Kernel("ode"), Kernel("2m")
    first, second = (0.0, 1.0, 0.3, 0.7), FLOW
    for path, history in ((first, None), (FLOW, None), (second, (last, first)), (PATHS["last"], (last, FLOW))):
        assert torch.equal(step(twice, x, x0, path, None, 0.5, history)[0], step(ode, x, x0, path, None, 0.5)[0])
    moved, _ = step(twice, x, x0, (0.5, 0.5, 0.6, 0.4), None, 0.5, (last, FLOW))
    assert not torch.equal(moved, step(ode, x, x0, (0.5, 0.5, 0.6, 0.4), None, 0.5)[0])
    frames, _ = step(twice, x, x0, FRAMES, None, 0.5, (last, FRAMES))
    assert torch.isfinite(frames).all() and torch.equal(frames[:, :, 1:], x[:, :, 1:])


@pytest.mark.parametrize(
    ("here", "there"),
    [((0.5, 0.5), (0.2, 0.8)), ((1.0, 0.0), (0.6, 0.8)), ((1.0, 3.0), (1.0, 40.0)), ((0.5, 0.5), (0.0, 1.0))],
)
def test_renoise_keeps_the_marginals(here, there):
    generator = torch.Generator().manual_seed(2)
    data, count = 1 + 0.5 * torch.randn(50_000, 1, generator=generator), 50_000
    x = here[0] * data + here[1] * torch.randn(count, 1, generator=generator)
    back = renoise(x, here, there, torch.randn(count, 1, generator=generator))
    variance = there[0] ** 2 * 0.25 + there[1] ** 2
    assert abs(back.mean() - there[0]) < 4 * math.sqrt(variance / count)
    assert abs(back.var() - variance) < 4 * variance * math.sqrt(2 / count)


def test_renoise_refuses_to_go_forth_and_holds_what_is_held(triple):
    x, x0, z = triple
    with pytest.raises(ValueError, match="back must name an earlier step"):
        renoise(x, (0.5, 0.5), (0.8, 0.2), z)
    x0 = torch.where(torch.arange(5) < 2, x, x0)
    assert torch.equal(renoise(x, (0.5, 0.5), (0.2, 0.8), z, x0)[..., :2], x[..., :2])


@pytest.mark.parametrize("beta", [0.2, 0.7, 1.0])
def test_mutation_keeps_the_preview_and_the_size_of_the_noise(beta):
    generator = torch.Generator().manual_seed(3)
    x0, e, z = (torch.randn(50_000, 1, generator=generator) for _ in range(3))
    a, s = FLOW[:2]
    mutated = (mutate(a * x0 + s * e, x0, FLOW, beta, z) - a * x0) / s
    assert torch.allclose(mutated, math.sqrt(1 - beta**2) * e + beta * z, atol=1e-5)
    pure = mutate(40.0 * e, None, EDM, beta, z) / 40.0  # step 0: the state is noise alone, at any scale
    assert abs(pure.var() - 1) < 4 * math.sqrt(2 / 50_000)
    assert abs((pure * e).mean() - math.sqrt(1 - beta**2)) < 4 / math.sqrt(50_000)


def test_mutation_of_nothing_and_beyond(triple):
    x, x0, z = triple
    assert mutate(x, x0, FLOW, 0.0, z) is x
    assert torch.equal(mutate(x, torch.where(x > 0, x, x0), FLOW, 0.5, z)[x > 0], x[x > 0])
    with pytest.raises(ValueError, match=r"mutate = 1.5 must lie in \[0, 1\]"):
        mutate(x, x0, FLOW, 1.5, z)


def test_coefficients_by_hand():
    """(cx, c0, sd) of each kernel on one step of the flow path, from s = .7 to .5."""
    for kernel, eps, sd in (
        (Kernel("ode"), 0.5, 0.0),
        (Kernel("ddim_eta", 0.6), math.sqrt(0.25 - 0.09 * (1 - (3 / 7) ** 2)), 0.3 * math.sqrt(1 - (3 / 7) ** 2)),
        (Kernel("flow_sde", 0.6), 0.5 - 0.36 * 7 / 3 * 0.2 / 1.4, 0.6 * math.sqrt(7 / 3 * 0.2)),
        (Kernel("cps", 0.5), 0.5 * math.sqrt(0.5), 0.5 * math.sqrt(0.5)),
        (Kernel("renoise"), 0.0, 0.5),
    ):
        found = [float(c) for c in coefficients(kernel, FLOW, 0.5)]
        assert found == pytest.approx([eps / 0.7, 0.5 - eps / 0.7 * 0.3, sd], abs=1e-12), kernel.name
        assert not needs_noise(kernel, (0.5, 0.5, 0.5, 0.5), 0.5)  # a frame that pauses
        assert [float(c) for c in coefficients(kernel, (1.0, 0.0, 1.0, 0.0), 0.5)] == [0.0, 1.0, 0.0]  # a finished one
    first = [float(c) for c in coefficients(Kernel("flow_sde", 0.6), PATHS["first"], 0.0)]
    assert first[2] == pytest.approx(0.6) and math.isfinite(first[0])  # .36 / .05 * .05
    doubled = [float(c) for c in coefficients(Kernel("flow_sde", 0.6), [2 * v for v in FLOW], 0.5)]
    assert doubled[2] == pytest.approx(2 * 0.6 * math.sqrt(7 / 3 * 0.2))


def test_maps_of_a_particle_by_hand():
    x, x0 = torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([[0.5, 2.0, 1.0]])  # the second position is held
    z = torch.tensor([[0.2, 0.4, -0.6]])
    guided = x0 + torch.tensor([[0.1, 0.7, -0.2]])
    cx, c0, sd = (float(c) for c in coefficients(Kernel("cps", 0.5), FLOW, 0.5))
    d = c0 / sd * torch.tensor([[0.1, 0.0, -0.2]])
    assert torch.allclose(shift(Kernel("cps", 0.5), x, x0, guided, FLOW, 0.5), d.double())
    moved = x + torch.tensor([[0.3, 0.0, 0.0]])
    d = d + cx / sd * (moved - x)
    assert torch.allclose(shift(Kernel("cps", 0.5), x, x0, guided, FLOW, 0.5, moved), d.double())
    ratio = log_ratio(Kernel("cps", 0.5), x, x0, guided, FLOW, z, 0.5, moved)
    assert float(ratio) == pytest.approx(-float((z * d + d * d / 2).sum()))
    found, density = step(Kernel("cps", 0.5), x, x0, FLOW, z, 0.5)
    assert found[0, 1] == 2.0 and float(density) == pytest.approx(
        sum(-v * v / 2 - math.log(sd) - math.log(2 * math.pi) / 2 for v in (0.2, -0.6))
    )
    back = renoise(x, FLOW, (0.1, 0.9), z, x0)[0]
    keep = 0.1 / 0.3
    assert back[1] == 2.0 and float(back[2]) == pytest.approx(3 * keep - 0.6 * math.sqrt(0.81 - (keep * 0.7) ** 2))
    assert torch.equal(renoise(x, FLOW, FLOW, z), x) and torch.equal(renoise(x, (0.0, 1.0), (0.0, 1.0), z), x)
    mixed = mutate(x, x0, FLOW, 0.6, z)[0]
    assert mixed[1] == 2.0 and float(mixed[0]) == pytest.approx(0.15 + 0.8 * 0.85 + 0.7 * 0.6 * 0.2)
    assert torch.equal(mutate(x, x0, (1.0, 0.0), 0.6, z), x)  # a finished frame has no noise
    twice, _ = step(Kernel("2m"), x, x0, VP, None, 0.5, (x0 - 1, (0.3, math.sqrt(0.91), 0.6, 0.8)))
    h, before = math.log(0.8 / 0.6) - math.log(0.6 / 0.8), math.log(0.6 / 0.8) - math.log(0.3 / math.sqrt(0.91))
    cx, c0, _ = (float(c) for c in coefficients(Kernel("ode"), VP, 0.5))
    assert float(twice[0, 2]) == pytest.approx(3 * cx + c0 * (1 + h / (2 * before)))
    plain, _ = step(Kernel("ode"), x, x0, VP, None, 0.5, (x0 - 1, FLOW))
    assert float(plain[0, 2]) == pytest.approx(3 * cx + c0)


def test_errors(triple):
    x, x0, _ = triple
    with pytest.raises(ValueError, match="kernel 'dim_eta' is unknown; did you mean 'ddim_eta'"):
        step(Kernel("dim_eta", 1.0), x, x0, FLOW, None, 0.5)
    with pytest.raises(ValueError, match=r"kernel.eta=1.2 of \w+: give a number in \[0, 1\]"):
        step(Kernel("cps", 1.2), x, x0, FLOW, None, 0.5)
    with pytest.raises(ValueError, match="pass noise"):
        step(Kernel("cps", 0.5), x, x0, FLOW, None, 0.5)


def test_the_names_a_job_may_use_are_the_kernels_there_are():
    assert set(NAMES) == set(KERNELS)
