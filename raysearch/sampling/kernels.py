"""One step of denoising, x -> x', on any path x = a*x0 + s*eps: flow (1-s, s), VP (a^2 + s^2 = 1), EDM (1, s).

All kernels are affine, x' = cx*x + c0*x0_hat + sd*noise, so one table of (cx, c0, sd) holds them all and the Gaussian
log-density is exact: summed over dimensions (an importance weight), never averaged (which is only good for PPO ratios).

Invariants: pure, the caller brings the noise; eta = 0 is the ode bit for bit; s' = 0 adds no noise; (a', s') = (a, s)
is the identity; positions where x0_hat == x (held clean by the pipeline as conditions) stay still. Coefficients are
computed in fp64 and applied in the dtype of x.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from raysearch.moves import Kernel
from raysearch.names import lookup

Level = float | Tensor
Path = Sequence[Level]  # (a, s, a', s'); floats, or tensors that broadcast against x (per latent frame)
Scale = Callable[[Tensor, Tensor, Tensor, Tensor, float], tuple[Tensor, Tensor]]


def ode(a: Tensor, s: Tensor, a1: Tensor, s1: Tensor, eta: float) -> tuple[Tensor, Tensor]:
    """First-order probability-flow step, DDIM at eta = 0 (2010.02502) and Euler on the flow path: eps_hat is kept."""
    return s1, torch.zeros_like(s1)


def ddim_eta(a: Tensor, s: Tensor, a1: Tensor, s1: Tensor, eta: float) -> tuple[Tensor, Tensor]:
    """DDIM with eta in [0, 1] (Song et al. 2021, eq. 16) on any path; eta = 1 is the DDPM posterior."""
    r = torch.where(a > 0, a * s1 / (a1 * s), 0.0)
    sd = eta * s1 * (1 - r * r).clamp(min=0).sqrt()
    return (s1 * s1 - sd * sd).clamp(min=0).sqrt(), sd


def flow_sde(a: Tensor, s: Tensor, a1: Tensor, s1: Tensor, eta: float) -> tuple[Tensor, Tensor]:
    """Euler-Maruyama on the marginal-preserving SDE with g = eta*sqrt(sigma/(1-sigma)) (Flow-GRPO, 2505.05470).

    Any path is a rescaled flow path with sigma = s/(a+s), where the step is taken; on the flow path nothing changes.
    At sigma = 1, where g is infinite, 1-sigma is taken at the next step, as Flow-GRPO does; near there Euler's error
    (eta^4 / 4 of the variance in the first step) does not fall with the number of steps, later steps contract it.
    """
    sigma, sigma1, scale = s / (a + s), s1 / (a1 + s1), a1 + s1
    gap = torch.where(1 - sigma > 1e-6, 1 - sigma, 1 - sigma1)
    variance = eta**2 * sigma / gap * (sigma - sigma1).clamp(min=0)
    return s1 - scale * variance / (2 * sigma), scale * variance.sqrt()


def cps(a: Tensor, s: Tensor, a1: Tensor, s1: Tensor, eta: float) -> tuple[Tensor, Tensor]:
    """Coefficients-preserving sampling (2509.05952): a share sin(eta*pi/2) of the noise is fresh at every step."""
    return s1 * math.cos(eta * math.pi / 2), s1 * math.sin(eta * math.pi / 2)


def fresh(a: Tensor, s: Tensor, a1: Tensor, s1: Tensor, eta: float) -> tuple[Tensor, Tensor]:
    """Full re-noise of x0_hat at every step, whatever eta."""
    return torch.zeros_like(s1), s1


# name -> (coefficient of eps_hat, standard deviation of the fresh noise)
KERNELS: dict[str, Scale] = {
    "ode": ode, "2m": ode, "ddim_eta": ddim_eta, "flow_sde": flow_sde, "cps": cps, "renoise": fresh
}  # fmt: skip


def step(
    kernel: Kernel,
    x: Tensor,
    x0: Tensor,
    path: Path,
    noise: Tensor | None,
    fraction: float,
    history: tuple[Tensor, Path] | None = None,
) -> tuple[Tensor, Tensor | float]:
    """One step of `kernel` from x (batch first) with the preview x0 (= x0_hat), both fp32 and of one shape.

    path:     (a, s, a', s') of this step.
    noise:    standard normal like x; needed where `needs_noise` says so, else unused.
    fraction: of the steps, 0 the first and 1 the last; the kernel is the ode outside its window.
    history:  (x0_hat, path) of the step before, for `2m`; None where there is none or it was broken by noise.
    Returns (x', log q(x'|x)); the density is fp64, one per leading index, 0.0 for a deterministic step.
    Raises ValueError for an unknown kernel, an eta out of range or missing noise.
    """
    cx, c0, sd = coefficients(kernel, path, fraction)
    target = x0
    if kernel.name == "2m" and history is not None:
        target = second_order(x0, path, *history)
    y = _like(cx, x) * x + _like(c0, x) * target
    free = movable(x, x0, path)
    if not bool((sd > 0).any()):
        return torch.where(free, y, x), 0.0
    if noise is None:
        raise ValueError(f"kernel {kernel.name} (eta = {kernel.eta}) is stochastic at fraction {fraction}: pass noise")
    return torch.where(free, y + _like(sd, x) * noise, x), _log_normal(noise, sd, free)


def movable(x: Tensor, x0: Tensor, path: Path) -> Tensor:
    """Where a step moves x: not where the pipeline holds it clean (x0_hat == x), nor in frames whose level stays."""
    return (x0 != x) & ~_like(_still(path), x, torch.bool)


def needs_noise(kernel: Kernel, path: Path, fraction: float) -> bool:
    """Whether `step` will use its noise here."""
    return bool((coefficients(kernel, path, fraction)[2] > 0).any())


def coefficients(kernel: Kernel, path: Path, fraction: float) -> tuple[Tensor, Tensor, Tensor]:
    """(cx, c0, sd) of x' = cx*x + c0*x0_hat + sd*noise at this step, fp64 on the CPU, shaped like the path."""
    scale = lookup("kernel", kernel.name, KERNELS)
    bound = {"ddim_eta": 1.0, "cps": 1.0}.get(kernel.name, math.inf)
    if not 0 <= kernel.eta <= bound:
        raise ValueError(f"kernel {kernel.name}: eta = {kernel.eta} must lie in [0, {bound:g}]")
    a, s, a1, s1 = torch.broadcast_tensors(*(torch.as_tensor(v, dtype=torch.float64, device="cpu") for v in path))
    lo, hi = kernel.window
    inside = kernel.stochastic and lo <= fraction <= hi
    eps, sd = (scale if inside else ode)(a, s, a1, s1, kernel.eta)
    ends = (s1 <= 0) | (s <= 0) | ((a == a1) & (s == s1))
    eps, sd = torch.where(ends, s1, eps), torch.where(ends, 0.0, sd)
    cx = torch.where(s > 0, eps / s.clamp(min=1e-300), 0.0)
    return cx, a1 - cx * a, sd


def second_order(x0: Tensor, path: Path, last_x0: Tensor, last: Path) -> Tensor:
    """x0_hat extrapolated by DPM-Solver++(2M) (2211.01095, algorithm 2); x0 itself where a log-SNR step is infinite.

    That is first order from pure noise (a = 0), in the step after it and in the last one (s' = 0).
    """
    h, h_last = _log_snr_step(path), _log_snr_step(last)
    usable = torch.isfinite(h) & torch.isfinite(h_last) & (h_last > 0)
    half = _like(torch.where(usable, h / (2 * torch.where(usable, h_last, 1.0)), 0.0), x0)
    return torch.where(half == 0, x0, x0 + half * (x0 - last_x0))


def log_ratio(
    kernel: Kernel, x: Tensor, x0: Tensor, guided: Tensor, path: Path, noise: Tensor | None, fraction: float,
    moved: Tensor | None = None,
) -> Tensor | float:  # fmt: skip
    """log p - log q of a step taken from `moved` (x itself by default) with a guided preview instead of x0.

    In closed form, -sum of z*d + d^2/2 with d the shift of the mean in units of sd, so nothing large cancels.
    Returns fp64, one per leading index; 0.0 where the step is deterministic: no weight can correct a guide there.
    """
    d = shift(kernel, x, x0, guided, path, fraction, moved)
    if noise is None or d is None:
        return 0.0
    return -(noise.double() * d + d * d / 2).flatten(1).sum(1)


def shift(
    kernel: Kernel, x: Tensor, x0: Tensor, guided: Tensor, path: Path, fraction: float, moved: Tensor | None = None
) -> Tensor | None:
    """How far a guide moves the mean of a step, in units of its sd, fp64 like x; None where there is no noise."""
    cx, c0, sd = coefficients(kernel, path, fraction)
    if not bool((sd > 0).any()):
        return None
    noisy, free = torch.where(sd > 0, sd, 1.0), movable(x, x0, path)
    by = [(c0, guided, x0)] if moved is None else [(c0, guided, x0), (cx, moved, x)]
    scaled = (_like(torch.where(sd > 0, c / noisy, 0.0), x, torch.float64) * (to - of).double() for c, to, of in by)
    return torch.where(free, sum(scaled), 0.0)


def renoise(x: Tensor, here: Path, there: Path, noise: Tensor, x0: Tensor | None = None) -> Tensor:
    """x at level here = (a, s, ...) carried back to the noisier level there = (a', s', ...) by the forward process.

    x' = (a'/a) x + sqrt(s'^2 - (a's/a)^2) noise keeps every marginal exact. Positions with x0 == x stay still, and so
    do frames whose level is the same in both. Raises ValueError where `there` is less noisy.
    """
    a, s, a1, s1 = (torch.as_tensor(v, dtype=torch.float64, device="cpu") for v in (*here[:2], *there[:2]))
    keep = torch.where(a1 > 0, a1 / a.clamp(min=1e-300), 0.0)
    keep = torch.where((a == a1) & (s == s1), 1.0, keep)
    variance = s1 * s1 - (keep * s) ** 2
    if bool((variance < -1e-9 * s1 * s1).any()):
        raise ValueError(f"cannot re-noise from (a, s) = {here[:2]} to {there[:2]}: back must name an earlier step")
    y = _like(keep, x) * x + _like(variance.clamp(min=0).sqrt(), x) * noise
    return y if x0 is None else torch.where(x0 == x, x, y)


def mutate(x: Tensor, x0: Tensor | None, path: Path, beta: float, noise: Tensor) -> Tensor:
    """Mix a share beta in [0, 1] of fresh noise into the noise component of x, e' = sqrt(1-beta^2) e + beta*noise.

    x' = a*x0 + sqrt(1-beta^2) (x - a*x0) + s*beta*noise with (a, s) = path[:2] the level of x: x0_hat stays.
    x0 is None for pure noise (step 0), where the map preserves the prior. beta = 0 returns x itself, and so do finished
    frames (s = 0): they have no noise to mix into.
    """
    if not 0 <= beta <= 1:
        raise ValueError(f"mutate = {beta} must lie in [0, 1]")
    if beta == 0:
        return x
    a, s = (_like(torch.as_tensor(v, dtype=torch.float64, device="cpu"), x) for v in path[:2])
    clean = 0.0 if x0 is None else a * x0
    y = torch.where(s > 0, clean + math.sqrt(1 - beta * beta) * (x - clean) + s * beta * noise, x)
    return y if x0 is None else torch.where(x0 == x, x, y)


def normal(like: Tensor, noise: torch.Generator) -> Tensor:
    """Standard normal fp32 noise, drawn on the CPU whatever the device."""
    return torch.randn(like.shape, generator=noise, dtype=torch.float32).to(like.device)


def _like(coefficient: Tensor, x: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    return coefficient.to(device=x.device, dtype=dtype or x.dtype)


def _still(path: Path) -> Tensor:
    a, s, a1, s1 = (torch.as_tensor(v, dtype=torch.float64, device="cpu") for v in path)
    return (a == a1) & (s == s1)


def _log_snr_step(path: Path) -> Tensor:
    a, s, a1, s1 = (torch.as_tensor(v, dtype=torch.float64, device="cpu") for v in path)
    return (a1 / s1).log() - (a / s).log()


def _log_normal(noise: Tensor, sd: Tensor, free: Tensor) -> Tensor:
    sd64 = _like(sd, noise, torch.float64)
    term = -(noise.double() ** 2) / 2 - torch.where(sd64 > 0, sd64, 1.0).log() - math.log(2 * math.pi) / 2
    return torch.where(free & (sd64 > 0), term, 0.0).flatten(1).sum(1)
