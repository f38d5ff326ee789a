"""One step of denoising, x -> x', on any path x = a*x0 + s*eps, and the other maps of a particle: re-noise, mutate.

All kernels are affine, x' = cx*x + c0*x0_hat + sd*noise, with (cx, c0, sd) from the table in raysearch.coefficients; so
the Gaussian log-density is exact. It is summed over dimensions, because it serves as an importance weight.

Invariants: pure, the caller brings the noise; eta = 0 is the ode bit for bit; s' = 0 adds no noise; (a', s') = (a, s)
is the identity; positions where x0_hat == x (conditions that the pipeline holds clean) stay unchanged. Coefficients are
computed in fp64 and applied in the dtype of x.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from raysearch.coefficients import KERNELS, kernel_kind
from raysearch.moves import Kernel

__all__ = [
    "KERNELS", "Path", "coefficients", "log_ratio", "movable", "mutate", "needs_noise", "normal", "renoise",
    "second_order", "shift", "step",
]  # fmt: skip

Level = float | Tensor
Path = Sequence[Level]  # (a, s, a', s'); floats, or tensors that broadcast against x (per latent frame)

_broadcast: Callable[..., tuple[Tensor, ...]] = torch.broadcast_tensors  # it carries no types


def step(
    kernel: Kernel,
    x: Tensor,
    x0: Tensor,
    path: Path,
    noise: Tensor | None,
    fraction: float,
    history: tuple[Tensor, Path] | None = None,
) -> tuple[Tensor, Tensor | float]:
    """One step of a kernel.

    Args:
        kernel: its name, eta and window.
        x: the state, batch first, fp32.
        x0: the preview x0_hat of x, of the same shape.
        path: (a, s, a', s') of this step.
        noise: standard normal like x, where `needs_noise` is true; else unused.
        fraction: which of the steps it is, from 0 (first) to 1 (last); outside its window a kernel is the ode.
        history: (x0_hat, path) of the step before, for `2m`; None at the first step and after a step with noise.

    Returns:
        x' and log q(x'|x). The density is fp64, one per leading index, and 0.0 for a deterministic step.

    Raises:
        ValueError: where noise is missing.
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
    """Where a step moves x, bool: not where the pipeline holds it clean (x0_hat == x), nor in frames that pause."""
    return (x0 != x) & ~_like(_still(path), x, torch.bool)


def needs_noise(kernel: Kernel, path: Path, fraction: float) -> bool:
    """Whether `step` uses noise at this step."""
    return bool((coefficients(kernel, path, fraction)[2] > 0).any())


def coefficients(kernel: Kernel, path: Path, fraction: float) -> tuple[Tensor, Tensor, Tensor]:
    """(cx, c0, sd) of x' = cx*x + c0*x0_hat + sd*noise at this step, fp64 on the CPU, shaped like the path."""
    a, s, a1, s1 = _broadcast(*map(_level, path))
    lo, hi = kernel.window
    inside = kernel.stochastic and lo <= fraction <= hi
    kind = kernel_kind(kernel.name if inside else "ode")
    eps, sd = kind.coefficients(a, s, a1, s1, kernel.eta)
    ends = (s1 <= 0) | (s <= 0) | ((a == a1) & (s == s1))
    eps, sd = torch.where(ends, s1, eps), torch.where(ends, 0.0, sd)
    cx = torch.where(s > 0, eps / s.clamp(min=1e-300), 0.0)
    return cx, a1 - cx * a, sd


def second_order(x0: Tensor, path: Path, last_x0: Tensor, last: Path) -> Tensor:
    """x0_hat extrapolated from the last two previews by DPM-Solver++(2M) (2211.01095, algorithm 2).

    Where a step of the log-SNR is infinite it is x0 itself, first order: from pure noise (a = 0), in the step after it
    and in the last one (s' = 0).
    """
    h, h_last = _log_snr_step(path), _log_snr_step(last)
    usable = torch.isfinite(h) & torch.isfinite(h_last) & (h_last > 0)
    half = _like(torch.where(usable, h / (2 * torch.where(usable, h_last, 1.0)), 0.0), x0)
    return torch.where(half == 0, x0, x0 + half * (x0 - last_x0))


def log_ratio(
    kernel: Kernel, x: Tensor, x0: Tensor, guided: Tensor, path: Path, noise: Tensor | None, fraction: float,
    moved: Tensor | None = None,
) -> Tensor | float:  # fmt: skip
    """log p - log q of a step that was taken from `moved` with the preview `guided`, instead of from x with x0.

    Computed in closed form as -sum(z*d + d^2/2), where d is the shift of the mean in units of sd, so that nothing large
    cancels.

    Args:
        kernel: its name, eta and window.
        x: the state, batch first.
        x0: its preview without guide.
        guided: its preview with guide.
        path: (a, s, a', s') of this step.
        noise: the standard normal noise that the step used.
        fraction: which of the steps it is, from 0 to 1.
        moved: the state from which the step was taken; x by default.

    Returns:
        fp64, one per leading index; 0.0 where the step is deterministic, since no weight can correct a guide there.
    """
    d = shift(kernel, x, x0, guided, path, fraction, moved)
    if noise is None or d is None:
        return 0.0
    return -(noise.double() * d + d * d / 2).flatten(1).sum(1)


def shift(
    kernel: Kernel, x: Tensor, x0: Tensor, guided: Tensor, path: Path, fraction: float, moved: Tensor | None = None
) -> Tensor | None:
    """The shift of the mean of a step by a guide in units of its sd, fp64 like x; None where there is no noise.

    The arguments are those of `log_ratio`.
    """
    cx, c0, sd = coefficients(kernel, path, fraction)
    if not bool((sd > 0).any()):
        return None
    noisy, free = torch.where(sd > 0, sd, 1.0), movable(x, x0, path)
    by = [(c0, guided, x0)] if moved is None else [(c0, guided, x0), (cx, moved, x)]
    scaled = (_like(torch.where(sd > 0, c / noisy, 0.0), x, torch.float64) * (to - of).double() for c, to, of in by)
    return torch.where(free, sum(scaled), 0.0)


def renoise(x: Tensor, here: Path, there: Path, noise: Tensor, x0: Tensor | None = None) -> Tensor:
    """Carry x back to a noisier level by the forward process, x' = (a'/a) x + sqrt(s'^2 - (a's/a)^2) noise.

    All marginals stay exact. Positions with x0 == x stay unchanged, and so do frames whose level is the same in both.

    Args:
        x: the state.
        here: its level, (a, s, ...).
        there: the noisier level, (a', s', ...).
        noise: standard normal like x.
        x0: the preview, where positions that are held clean are to be kept.

    Raises:
        ValueError: where `there` is less noisy than `here`.
    """
    a, s, a1, s1 = map(_level, (*here[:2], *there[:2]))
    keep = torch.where(a1 > 0, a1 / a.clamp(min=1e-300), 0.0)
    keep = torch.where((a == a1) & (s == s1), 1.0, keep)
    variance = s1 * s1 - (keep * s) ** 2
    if bool((variance < -1e-9 * s1 * s1).any()):
        raise ValueError(f"cannot re-noise from (a, s) = {here[:2]} to {there[:2]}: back must name an earlier step")
    y = _like(keep, x) * x + _like(variance.clamp(min=0).sqrt(), x) * noise
    return y if x0 is None else torch.where(x0 == x, x, y)


def mutate(x: Tensor, x0: Tensor | None, path: Path, beta: float, noise: Tensor) -> Tensor:
    """Mix fresh noise into the noise component e of x, e' = sqrt(1-beta^2) e + beta*noise.

    That is x' = a*x0 + sqrt(1-beta^2) (x - a*x0) + s*beta*noise, with (a, s) the level of x; x0_hat is unchanged.
    beta = 0 returns x itself. Finished frames (s = 0) have no noise and stay as they are.

    Args:
        x: the state.
        x0: its preview; None for pure noise (step 0), where the map preserves the prior.
        path: its level, (a, s, ...).
        beta: share of fresh noise, in [0, 1].
        noise: standard normal like x.
    """
    if not 0 <= beta <= 1:
        raise ValueError(f"mutate = {beta} must lie in [0, 1]")
    if beta == 0:
        return x
    a, s = (_like(_level(v), x) for v in path[:2])
    clean = 0.0 if x0 is None else a * x0
    y = torch.where(s > 0, clean + math.sqrt(1 - beta * beta) * (x - clean) + s * beta * noise, x)
    return y if x0 is None else torch.where(x0 == x, x, y)


def normal(like: Tensor, noise: torch.Generator) -> Tensor:
    """Standard normal fp32 noise, drawn on the CPU whatever the device."""
    return torch.randn(like.shape, generator=noise, dtype=torch.float32).to(like.device)


def _like(coefficient: Tensor, x: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    return coefficient.to(device=x.device, dtype=dtype or x.dtype)


def _level(value: Level) -> Tensor:
    """A level, fp64 on the CPU."""
    return torch.as_tensor(value, dtype=torch.float64, device="cpu")


def _still(path: Path) -> Tensor:
    a, s, a1, s1 = (_level(v) for v in path)
    return (a == a1) & (s == s1)


def _log_snr_step(path: Path) -> Tensor:
    a, s, a1, s1 = (_level(v) for v in path)
    return (a1 / s1).log() - (a / s).log()


def _log_normal(noise: Tensor, sd: Tensor, free: Tensor) -> Tensor:
    sd64 = _like(sd, noise, torch.float64)
    term = -(noise.double() ** 2) / 2 - torch.where(sd64 > 0, sd64, 1.0).log() - math.log(2 * math.pi) / 2
    return torch.where(free & (sd64 > 0), term, 0.0).flatten(1).sum(1)
