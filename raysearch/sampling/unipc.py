"""One step of UniPC at order 2 (Zhao et al. 2023, 2302.04867; B2(h), prediction of x0), the stock sampler of Wan.

It predicts the next state from the last two previews, and corrects the state itself once its preview is known, which
costs no evaluation. The correction is linear in that preview, c + d * x0_hat; so the memory that a particle carries is
[x0_hat of the state before, c], and d follows from the path. Levels are fp64; the state keeps its dtype.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from raysearch.sampling.kernels import Path, movable


def step(
    x: Tensor, x0: Tensor, path: Path, last: bool, memory: Tensor | None, before: Sequence[Path]
) -> tuple[Tensor, Tensor]:
    """One step.

    Args:
        x: the state [1, ...], as it was predicted.
        x0: its preview.
        path: (a, s, a', s') of this step.
        last: whether it is the last step, which is of first order.
        memory: what the step before returned; None at the first step, and after a step of another kind.
        before: the paths of the step before and of the one before that, as far as there are.

    Returns:
        The next state, and the memory: [2, ...], or [1, ...] without a correction, where the memory was lost.
    """
    corrected, earlier = x, None
    if memory is not None:
        earlier = None if last else _earlier(path, before)
        if len(memory) == 2:
            _, weight = _correction(before[0], _earlier(before[0], before[1:]))
            corrected = torch.where(x0 == x, x, memory[1:] + _like(weight, x) * x0)
    keep, gain, _ = _terms(path)
    base = _like(keep, x) * corrected + _like(gain, x) * x0
    first, weight = _correction(path, earlier)
    y, rest = base, base - _like(weight, x) * x0
    if memory is not None and earlier is not None:
        slope = (memory[:1] - x0) / _like(_ratio(path, earlier), x)
        y, rest = base + _like(gain / 2, x) * slope, rest + _like(first, x) * slope
    y = torch.where(movable(x, x0, path), y, x)
    return y, x0 if memory is None and before else torch.cat([x0, rest])


def _terms(path: Path) -> tuple[Tensor, Tensor, Tensor]:
    """(s'/s, a' (1 - exp(-h)), h) with h the step of the log-SNR."""
    a, s, a1, s1 = (torch.as_tensor(v, dtype=torch.float64, device="cpu") for v in path)
    h = (a1 / s1).log() - (a / s).log()
    return s1 / s, -a1 * torch.expm1(-h), h


def _ratio(path: Path, earlier: Path) -> Tensor:
    """The step before in units of this one, negative: it lies behind."""
    return -_terms(earlier)[2] / _terms(path)[2]


def _earlier(path: Path, before: Sequence[Path]) -> Path | None:
    """The step before, if the second order is defined: both steps move every frame, and by a finite step."""
    if not before:
        return None
    steps = _terms(path)[2], _terms(before[0])[2]
    return before[0] if all(bool((torch.isfinite(h) & (h > 0)).all()) for h in steps) else None


def _correction(path: Path, earlier: Path | None) -> tuple[Tensor, Tensor]:
    """Weights in the correction after a step: of the slope to the preview before, and of the new preview.

    At order 1 the new preview has 1/2. At order 2 the weights (r1, r2) solve r1 + r2 = b1, k r1 + r2 = b2, where k is
    the ratio of the steps and b the integrals of the paper's equation 9. All carry the factor a' (1 - exp(-h)).
    """
    _, gain, h = _terms(path)
    if earlier is None:
        half = torch.where(torch.isfinite(h), gain / 2, 0.0)
        return torch.zeros_like(half), half
    k, phi1 = _ratio(path, earlier), torch.expm1(-h)
    phi2 = phi1 / -h - 1
    phi3 = phi2 / -h - 0.5
    b1, b2 = phi2 / phi1, 2 * phi3 / phi1
    first = (b1 - b2) / (1 - k)
    return gain * first, gain * (b1 - first)


def _like(coefficient: Tensor, x: Tensor) -> Tensor:
    return coefficient.to(device=x.device, dtype=x.dtype)
