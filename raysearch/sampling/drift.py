"""Proposals in the initial noise that follow the gradient of the reward: preconditioned Crank-Nicolson Langevin (pCNL).

With z the noise, rho = sqrt(1 - beta^2) and h(z) = scale * grad r(x0_hat(z)), the reward being that of the one-step
preview of pure noise, a proposal is z' = rho z + (1 - rho) h(z) + beta*eps (Cotter et al. 2013, 1202.0709; on the noise
of a flow model: Psi-Sampler, 2506.01320). Without h it is the pCN, reversible under the prior p; with h it is corrected
by log p(z') q(z|z') - log p(z) q(z'|z), which is

    (<z - rho z', d'> - |d'|^2 / 2) / beta^2 - (<z' - rho z, d> - |d|^2 / 2) / beta^2,  d = (1 - rho) h(z), d' of z'.

Any h that is a function of z alone is corrected exactly: so are the clipped one and that of `mean`, which takes the
gradient with respect to x0_hat in place of the one with respect to z.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from raysearch.generators.gradient import economical
from raysearch.sampling.guidance import GuidedStep, slope


def propose(site: GuidedStep, x: Tensor, fresh: Tensor, beta: float, free: Tensor) -> tuple[Tensor, float]:
    """A proposal from pure noise x = s z, and the log-ratio above.

    Args:
        site: generator, critic, and as `guide` the drift: name, scale, clip (of d in units of beta, as a norm over all
            dimensions), shrink, chunk and recompute; its noise must not depend on the Move, or h were no function of z.
        x: the state at step 0, batch first, fp32.
        fresh: eps, standard normal like x.
        beta: share of fresh noise, in (0, 1].
        free: where x may move, bool; not where the pipeline holds conditions.

    Returns:
        x', and log p(z') q(z|z') - log p(z) q(z'|z) in fp64.
    """
    s = torch.as_tensor(site.path[1], dtype=torch.float64).to(x.device)
    rho, z = math.sqrt(1 - beta * beta), x.double() / s
    there = _shift(site, x, s, beta, rho, free)
    moved = torch.where(free, (s * (rho * z + there + beta * fresh.double())).to(x.dtype), x)
    back = _shift(site, moved, s, beta, rho, free)
    z1 = moved.double() / s

    def density(start: Tensor, end: Tensor, d: Tensor) -> float:
        return float((torch.where(free, end - rho * start, 0.0) * d - d * d / 2).sum()) / (beta * beta)

    return moved, density(z1, z, back) - density(z, z1, there)


def _shift(site: GuidedStep, x: Tensor, s: Tensor, beta: float, rho: float, free: Tensor) -> Tensor:
    """d of x = s z, fp64, at most clip * beta long."""
    d = torch.where(free, (1 - rho) * site.guide.scale * _gradient(site, x, s), 0.0)
    clip, size = site.guide.clip, float(d.norm())
    return d if clip is None or size <= clip * beta else d * (clip * beta / size)


def _gradient(site: GuidedStep, x: Tensor, s: Tensor) -> Tensor:
    """The gradient of the reward of x0_hat with respect to z, where x = s z, or for `mean` to x0_hat; fp64."""
    if site.guide.name == "mean":
        return slope(site, site.generator.denoise(x, site.k, site.noise("call"))).double()
    leaf = x.detach().requires_grad_(True)
    with torch.enable_grad(), economical(site.generator, recompute=site.guide.recompute):
        x0 = site.generator.denoise(leaf, site.k, site.noise("call"), grad=True)
    (g,) = torch.autograd.grad(x0, leaf, slope(site, x0))
    return s * g.double()
