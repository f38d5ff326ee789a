"""Guides: one denoising step steered up the gradient of a reward, outside the network, on any path and kernel.

`mean` differentiates the reward of the decoded x0_hat with respect to x0_hat, with no backward pass through the network
(MPGD, 2311.16424); `full` goes on through the network to x_t and runs it again there (WMReward, 2601.10553, 2.4).

Invariants: where a step has noise, the guided (and clipped) shift of its mean is the proposal q, and log p - log q is
exact; a deterministic step is not corrected. Positions that the pipeline holds, and frames that pause, are never moved.
The gradient is taken of what the reward sees, without rounding: the same decode, the same resize. A critic answers for
one view at a time, so the place where it runs changes no bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from raysearch.devices import out_of_memory
from raysearch.generators import Generator, Path
from raysearch.generators.gradient import economical
from raysearch.moves import Guide, Kernel
from raysearch.names import find, lookup
from raysearch.resize import bilinear
from raysearch.sampling import kernels
from raysearch.search.schedules import fraction, guided

# view, fp32 [T, 3, H, W] in [0, 1] -> r, dr/dview; with a second argument False, as Guide.through_context says
Critic = Callable[..., tuple[float, np.ndarray]]
Noise = Callable[[str], torch.Generator]  # the CPU generator of a purpose, within this Move and step


@dataclass(frozen=True)
class Step:
    """The result of a guided step.

    Attributes:
        x: the next state.
        preview: the x0_hat to keep beside it.
        log_ratio: log p - log q; 0 where the guide is not corrected.
        nfe: how often the network ran.
    """

    x: Tensor
    preview: Tensor
    log_ratio: float
    nfe: int


@dataclass(frozen=True)
class GuidedStep:
    """One step of one particle that is to be guided.

    Attributes:
        generator: of the prompt.
        guide: how to steer.
        kernel: how the step moves the particle.
        critic: gives the reward of a view and its gradient.
        size: side of the view; None for frames at full size.
        k: the step.
        noise: the CPU generator of a purpose, within this Move and step.
        x0: x0_hat of the state from which the step starts, where the state carries it; else None.
    """

    generator: Generator
    guide: Guide
    kernel: Kernel
    critic: Critic
    size: int | None
    k: int
    noise: Noise
    x0: Tensor | None = None

    @property
    def path(self) -> Path:
        """The path from this step to the next, (a, s, a', s')."""
        return self.generator.path(self.k)

    @property
    def at(self) -> float:
        """Where the step is among all steps, in [0, 1]."""
        return fraction(self.k, self.generator.steps)

    def preview(self, x: Tensor) -> tuple[Tensor, int]:
        """x0_hat of x, without graph, and how often the network ran for it: not at all where the state carries it."""
        if self.x0 is not None:
            return self.x0, 0
        return evaluate(self.generator, x, self.k, self.noise("call")), 1


@dataclass(frozen=True)
class Steering:
    """What a guide makes of a step.

    Attributes:
        x0: the preview without guide.
        x: the state from which the kernel takes its step.
        target: the preview with which the kernel takes its step.
        preview: the preview to keep in the state.
        nfe: how often the network ran.
    """

    x0: Tensor
    x: Tensor
    target: Tensor
    preview: Tensor
    nfe: int


def evaluate(generator: Generator, x: Tensor, k: int, noise: torch.Generator) -> Tensor:
    """x0_hat of the state x at step k, fp32 and contiguous, as a state carries it."""
    return generator.denoise(x, k, noise).float().contiguous()


def acts(guide: Guide | None, kernel: Kernel, path: Path, k: int, steps: int) -> bool:
    """Whether step k of `steps` is guided. It depends on guide, kernel and k only, so Moves can be split anywhere."""
    if guide is None or k not in guided(guide, steps):
        return False
    noisy = kernels.needs_noise(kernel, path, fraction(k, steps))
    return noisy or not (guide.strict or guide.norm == "variance")


def step(site: GuidedStep, x: Tensor) -> Step:
    """One guided step from x; with travel it is undone by re-noising and taken again that many times.

    Raises:
        UsageError: for an unknown guide.
        MemoryError: where the gradient does not fit; it names the options that need less.
    """
    try:
        return _step(site, x)
    except RuntimeError as error:
        if not out_of_memory(error):
            raise
        message = str(error).strip().splitlines()[0]
        raise MemoryError(f"guide {site.guide.name!r}: {message} {_remedy(site.guide)}") from None


def _remedy(guide: Guide) -> str:
    less = [
        option
        for option, used in (
            ("recompute=true", guide.recompute), ("chunk=2", guide.chunk is not None), ("shrink=0.5", guide.shrink < 1),
            ("name=mean, which does not go through the network", guide.name == "mean"),
        )
        if not used
    ]  # fmt: skip
    if less:
        return (
            f"Try under search.guide: {', '.join(less)}; or the preset lean, which takes the least (docs/guidance.md)"
        )
    return "These options already take the least: choose smaller videos, a smaller model, or cluster.guide_from=remote"


def _step(site: GuidedStep, x: Tensor) -> Step:
    guide, nfe, path = site.guide, 0, site.path
    for again in range(guide.travel + 1):
        steering = clipped(site, x, find("guide", guide.name, GUIDES)(site, x))
        noisy = kernels.needs_noise(site.kernel, path, site.at)
        noise = kernels.normal(x, site.noise(_numbered("step", again))) if noisy else None
        y, _ = kernels.step(site.kernel, steering.x, steering.target, path, noise, site.at)
        nfe += steering.nfe
        if again < guide.travel:
            fresh = kernels.normal(x, site.noise(_numbered("travel", again)))
            back = kernels.renoise(y, (*path[2:], *path[2:]), (*path[:2], *path[:2]), fresh)
            x, site = torch.where(kernels.movable(x, steering.x0, path), back, x), replace(site, x0=None)
    ratio: Tensor | float = 0.0
    if not guide.travel:
        ratio = kernels.log_ratio(site.kernel, x, steering.x0, steering.target, path, noise, site.at, moved=steering.x)
    return Step(y, steering.preview, float(ratio), nfe)


def mean(site: GuidedStep, x: Tensor) -> Steering:
    """Move x0_hat up the gradient of the reward of its video (MPGD).

    The network runs once and keeps no graph; it does not run where the state carries its x0_hat.
    """
    x0, nfe = site.preview(x)
    free, target = _free(site, x, x0), x0
    for _ in range(site.guide.inner):
        target = climbed(site, target, slope(site, target), free)
    return Steering(x0, x, target, _kept(site, x0, target), nfe)


def full(site: GuidedStep, x: Tensor) -> Steering:
    """Move x_t up the gradient through decoder and network; the network runs again after each step (WMReward).

    The gradient needs the graph of the network, so an x0_hat that the state carries is evaluated again.
    """
    base, free, moved = x, x, x
    for i in range(site.guide.inner):
        leaf = moved.detach().requires_grad_(True)
        with torch.enable_grad(), economical(site.generator, recompute=site.guide.recompute):
            x0 = site.generator.denoise(leaf, site.k, site.noise("call"), grad=True)
        (g,) = torch.autograd.grad(x0, leaf, slope(site, x0))
        if i == 0:
            base, free = x0.detach(), _free(site, x, x0.detach())
        if site.guide.norm == "variance":
            return Steering(base, x, climbed(site, base, g, free), base, 1)
        moved = climbed(site, moved, g, free)
    target = torch.where(free, site.generator.denoise(moved, site.k, site.noise("call")), base)
    return Steering(base, moved, target, target, site.guide.inner + 1)


GUIDES: dict[str, Callable[[GuidedStep, Tensor], Steering]] = {"mean": mean, "full": full}


def slope(site: GuidedStep, x0: Tensor) -> Tensor:
    """d reward / d x0_hat, through the decoder and the view; 0 where the video is not finite, which is scored NaN.

    Raises:
        ArithmeticError: if a finite video has a gradient that is not finite.
    """
    leaf, guide = x0.detach().requires_grad_(True), site.guide
    with torch.enable_grad(), economical(site.generator, guide.shrink, guide.chunk, guide.recompute):
        seen = view(site.generator.decode(leaf, site.noise("guide"), grad=True), site.size)
    if not bool(torch.isfinite(seen).all()):
        return torch.zeros_like(x0)
    how = () if guide.through_context else (False,)  # critics that know no context are asked as ever
    _, pull = site.critic(seen.detach().cpu().numpy(), *how)
    (g,) = torch.autograd.grad(seen, leaf, torch.from_numpy(np.array(pull)).to(seen))
    if not bool(torch.isfinite(g).all()):
        raise ArithmeticError(f"the gradient of the reward is not finite at step {site.k}: try reward.dtype=float32")
    return g


def climbed(site: GuidedStep, x: Tensor, g: Tensor, free: Tensor) -> Tensor:
    """x after one step up the gradient g where it is free to move. Raises UsageError for an unknown norm."""
    guide, g = site.guide, torch.where(free, g, 0.0)
    length = lookup("guide.norm: norm", guide.norm, NORMS)(site, x, g, free)
    return torch.where(free, x + length * g, x)


def clipped(site: GuidedStep, x: Tensor, steering: Steering) -> Steering:
    """The same direction, shifted by at most `clip` sd of the noise (norm over all dimensions), if any."""
    clip = site.guide.clip
    d = kernels.shift(site.kernel, x, steering.x0, steering.target, site.path, site.at, steering.x)
    if clip is None or d is None or (size := float(d.norm())) <= clip:
        return steering
    share = clip / size
    target = steering.x0 + share * (steering.target - steering.x0)
    return replace(steering, x=x + share * (steering.x - x), target=target, preview=_kept(site, steering.x0, target))


def view(frames_TCHW: Tensor, size: int | None) -> Tensor:
    """What a reward sees of frames [T, 3, H, W] in [0, 1]: size x size where a size is given. Differentiable."""
    frames = frames_TCHW.float()
    return frames if size is None else bilinear(frames, size, size, antialias=True)


def _relative(site: GuidedStep, x: Tensor, g: Tensor, free: Tensor) -> float:
    """scale * |x| / |g| over the free positions, as in WMReward's code; no step where the gradient is 0."""
    size = float(g.double().norm())
    return site.guide.scale * float(torch.where(free, x, 0.0).double().norm()) / size if size > 0 else 0.0


def _plain(site: GuidedStep, x: Tensor, g: Tensor, free: Tensor) -> float:
    return site.guide.scale


def _variance(site: GuidedStep, x: Tensor, g: Tensor, free: Tensor) -> Tensor:
    """The factor by which x0_hat moves so that the mean of the next state moves by scale * sd^2 (DAS, 2501.05803)."""
    _, c0, sd = kernels.coefficients(site.kernel, site.path, site.at)
    return (site.guide.scale * torch.where(c0 > 0, sd * sd / c0.clamp(min=1e-300), 0.0)).to(x)


NORMS: dict[str, Callable[[GuidedStep, Tensor, Tensor, Tensor], float | Tensor]] = {
    "relative": _relative, "plain": _plain, "variance": _variance
}  # fmt: skip


def _free(site: GuidedStep, x: Tensor, x0: Tensor) -> Tensor:
    """Where a guide may move, bool: positions that are not held and, if strict, only those that get noise."""
    free = kernels.movable(x, x0, site.path)
    if not site.guide.strict:
        return free
    sd = kernels.coefficients(site.kernel, site.path, site.at)[2]
    return free & (sd > 0).to(x.device)


def _kept(site: GuidedStep, x0: Tensor, target: Tensor) -> Tensor:
    """The preview to keep; `variance` moves the mean of the next state and leaves the preview."""
    return x0 if site.guide.norm == "variance" else target


def _numbered(purpose: str, again: int) -> str:
    return f"{purpose} {again}" if again else purpose
