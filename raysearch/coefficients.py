"""The kernels by name: how much of the state, of the preview and of fresh noise one denoising step takes.

Paths are x = a*x0 + s*eps: flow (1-s, s), variance preserving (a^2 + s^2 = 1), EDM (1, s). A kernel is given by the
coefficient of the predicted noise eps_hat and the standard deviation of the fresh noise; all kernels are then affine,
x' = a'*x0_hat + eps*eps_hat + sd*noise. A kernel is one entry of KERNELS, with its range of eta; the step itself is
taken in raysearch.sampling.kernels. Levels are torch fp64 tensors, but torch is not imported: jobs are checked by this
table where torch is not loaded.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from raysearch.names import find
from raysearch.times import BETA

if TYPE_CHECKING:
    from torch import Tensor

    Coefficients = Callable[[Tensor, Tensor, Tensor, Tensor, float], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class KernelKind:
    """One kernel.

    Attributes:
        coefficients: (a, s, a', s', eta) -> (coefficient of eps_hat, standard deviation of the noise), fp64 tensors.
        largest_eta: eta lies in [0, largest_eta]; 0 for a kernel without noise.
        always_noisy: whether it brings noise whatever eta is.
    """

    coefficients: Coefficients
    largest_eta: float = math.inf
    always_noisy: bool = False


def ode(a: Tensor, s: Tensor, a1: Tensor, s1: Tensor, eta: float) -> tuple[Tensor, Tensor]:
    """First-order probability-flow step: DDIM at eta = 0 (Song et al. 2021, 2010.02502), Euler on the flow path."""
    return s1, s1.new_zeros(s1.shape)


def ddim_eta(a: Tensor, s: Tensor, a1: Tensor, s1: Tensor, eta: float) -> tuple[Tensor, Tensor]:
    """DDIM with eta in [0, 1] (Song et al. 2021, equation 16) on any path; eta = 1 is the DDPM posterior."""
    r = (a * s1 / (a1 * s)).where(a > 0, 0.0)
    sd = eta * s1 * (1 - r * r).clamp(min=0).sqrt()
    return (s1 * s1 - sd * sd).clamp(min=0).sqrt(), sd


def flow_sde(a: Tensor, s: Tensor, a1: Tensor, s1: Tensor, eta: float) -> tuple[Tensor, Tensor]:
    """Euler-Maruyama on the marginal-preserving SDE with g = eta*sqrt(sigma/(1-sigma)) (Flow-GRPO, 2505.05470).

    Any path is a rescaled flow path with sigma = s/(a+s), on which the step is taken. At sigma = 1, where g is
    infinite, 1-sigma of the next step is used, as Flow-GRPO does. Near there Euler's error (eta^4 / 4 of the variance
    in the first step) does not fall with the number of steps; later steps contract it.
    """
    sigma, sigma1, scale = s / (a + s), s1 / (a1 + s1), a1 + s1
    gap = (1 - sigma).where(1 - sigma > 1e-6, 1 - sigma1)
    variance = eta**2 * sigma / gap * (sigma - sigma1).clamp(min=0)
    return s1 - scale * variance / (2 * sigma), scale * variance.sqrt()


def cps(a: Tensor, s: Tensor, a1: Tensor, s1: Tensor, eta: float) -> tuple[Tensor, Tensor]:
    """Coefficients-preserving sampling (2509.05952): a share sin(eta*pi/2) of the noise is fresh at every step."""
    return s1 * math.cos(eta * math.pi / 2), s1 * math.sin(eta * math.pi / 2)


def renoise(a: Tensor, s: Tensor, a1: Tensor, s1: Tensor, eta: float) -> tuple[Tensor, Tensor]:
    """The preview noised afresh at every step, whatever eta."""
    return s1.new_zeros(s1.shape), s1


def vp_sde(a: Tensor, s: Tensor, a1: Tensor, s1: Tensor, eta: float) -> tuple[Tensor, Tensor]:
    """The marginal-preserving SDE on the variance-preserving path with g = eta*r^2 at its time r (RBF, 2503.19385).

    Any path is a rescaled VP path (raysearch.times), at whose r the step is taken. With the preview held the SDE is
    solved exactly, so s'^2 remains the variance of all noise; RBF's code takes Euler steps and eta = 3.
    """
    r, r1 = _vp_time(a, s), _vp_time(a1, s1)
    circle = s / (a * a + s * s).sqrt()
    keep = (-((eta * r * r) ** 2) * (r - r1).clamp(min=0) / (2 * circle**2)).exp()
    return s1 * keep, s1 * (1 - keep * keep).clamp(min=0).sqrt()


def _vp_time(a: Tensor, s: Tensor) -> Tensor:
    """Time r of the VP path with the signal-to-noise ratio a / s, at most 1."""
    (b, big), scaled = BETA, a / (a * a + s * s).sqrt()
    t = (-2 * scaled.clamp(max=1).log()).clamp(max=(big + b) / 2)
    return ((b * b + 2 * (big - b) * t).sqrt() - b) / (big - b)


KERNELS: dict[str, KernelKind] = {
    "ode": KernelKind(ode, 0.0),
    "2m": KernelKind(ode, 0.0),  # second order: it extrapolates the preview, see sampling.kernels.second_order
    "unipc": KernelKind(ode, 0.0),  # second order with a correction, see sampling.unipc; with a guide, the ode
    "ddim_eta": KernelKind(ddim_eta, 1.0),
    "flow_sde": KernelKind(flow_sde),
    "cps": KernelKind(cps, 1.0),
    "renoise": KernelKind(renoise, always_noisy=True),
    "vp_sde": KernelKind(vp_sde),
}


def kernel_kind(name: str) -> KernelKind:
    """The kernel of that name, or a custom one named as `package.module:NAME`, which must be a KernelKind.

    Raises:
        UsageError: if there is none; it names the nearest.
    """
    return find("kernel", name, KERNELS)
