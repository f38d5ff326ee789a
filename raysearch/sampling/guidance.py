"""Guides: one denoising step steered up the gradient of a reward, outside the network, on any path and kernel.

`mean` differentiates the reward of the decoded x0_hat with respect to x0_hat, with no backward pass through the network
(MPGD, 2311.16424); `full` goes on through the network to x_t and runs it again there (WMReward, 2601.10553, 2.4).

Invariants: where a step has noise, the guided (and clipped) shift of its mean is the proposal q, and log p - log q is
exact; a deterministic step is not corrected. Positions that the pipeline holds, and frames that pause, are never moved.
The gradient sees what the reward sees, unrounded: the same decode, the same resize. A critic answers for one view, so
where it runs changes no bit.
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
from raysearch.names import lookup
from raysearch.resize import bilinear
from raysearch.sampling import kernels
from raysearch.search.schedules import fraction, guided

Critic = Callable[[np.ndarray], tuple[float, np.ndarray]]  # view, fp32 [T, 3, H, W] in [0, 1] -> r, dr/dview
Noise = Callable[[str], torch.Generator]  # the CPU generator of a purpose, within this Move and step


@dataclass(frozen=True)
class Step:
    """x: the next state; preview: the x0_hat to keep beside it; log_ratio: log p - log q, 0 where not corrected.

    nfe: how often the network ran.
    """

    x: Tensor
    preview: Tensor
    log_ratio: float
    nfe: int


@dataclass(frozen=True)
class Ground:
    """Where a guide stands: one step k of one generator, how to see (view size) and whom to ask."""

    generator: Generator
    guide: Guide
    kernel: Kernel
    critic: Critic
    size: int | None
    k: int
    noise: Noise

    @property
    def path(self) -> Path:
        return self.generator.path(self.k)

    @property
    def at(self) -> float:
        return fraction(self.k, self.generator.steps)


@dataclass(frozen=True)
class Steered:
    """x0: the preview without guide; x, target: what the kernel sets out from instead; preview: what is kept."""

    x0: Tensor
    x: Tensor
    target: Tensor
    preview: Tensor
    nfe: int


def acts(guide: Guide | None, kernel: Kernel, path: Path, k: int, steps: int) -> bool:
    """Whether step k of `steps` is guided: a matter of guide, kernel and k alone, so that Moves can be cut anywhere."""
    if guide is None or k not in guided(guide, steps):
        return False
    noisy = kernels.needs_noise(kernel, path, fraction(k, steps))
    return noisy or not (guide.strict or guide.norm == "variance")


def step(ground: Ground, x: Tensor) -> Step:
    """One guided step from x, gone back and taken again `travel` times.

    Raises UsageError for an unknown guide, MemoryError with the remedy where the gradient does not fit.
    """
    try:
        return _step(ground, x)
    except RuntimeError as error:
        if not out_of_memory(error):
            raise
        told = str(error).strip().splitlines()[0]
        raise MemoryError(f"guide {ground.guide.name!r}: {told} {_remedy(ground.guide)}") from None


def _remedy(guide: Guide) -> str:
    less = [
        told
        for told, done in (
            ("recompute=true", guide.recompute), ("chunk=2", guide.chunk is not None), ("shrink=0.5", guide.shrink < 1),
            ("name=mean, which does not go through the network", guide.name == "mean"),
        )
        if not done
    ]  # fmt: skip
    if less:
        return (
            f"Try under search.guide: {', '.join(less)}; or the preset lean, which takes the least (docs/guidance.md)"
        )
    return "It takes the least already: choose smaller videos or a smaller reward.model, or cluster.guide_from=remote"


def _step(ground: Ground, x: Tensor) -> Step:
    guide, nfe, path = ground.guide, 0, ground.path
    for again in range(guide.travel + 1):
        found = lookup("guide", guide.name, GUIDES)(ground, x)
        found = clipped(ground, x, found)
        noisy = kernels.needs_noise(ground.kernel, path, ground.at)
        noise = kernels.normal(x, ground.noise(_numbered("step", again))) if noisy else None
        y, _ = kernels.step(ground.kernel, found.x, found.target, path, noise, ground.at)
        nfe += found.nfe
        if again < guide.travel:
            there = kernels.normal(x, ground.noise(_numbered("travel", again)))
            back = kernels.renoise(y, (*path[2:], *path[2:]), (*path[:2], *path[:2]), there)
            x = torch.where(kernels.movable(x, found.x0, path), back, x)
    ratio: Tensor | float = 0.0
    if not guide.travel:
        ratio = kernels.log_ratio(ground.kernel, x, found.x0, found.target, path, noise, ground.at, moved=found.x)
    return Step(y, found.preview, float(ratio), nfe)


def mean(ground: Ground, x: Tensor) -> Steered:
    """Steps of x0_hat along the gradient of the reward of its video; the network runs once and keeps no graph."""
    x0 = ground.generator.denoise(x, ground.k, ground.noise("call"))
    free, target = _free(ground, x, x0), x0
    for _ in range(ground.guide.inner):
        target = climbed(ground, target, slope(ground, target), free)
    return Steered(x0, x, target, _kept(ground, x0, target), 1)


def full(ground: Ground, x: Tensor) -> Steered:
    """Steps of x_t along the gradient through decoder and network, the network run again after each."""
    base, free, here = x, x, x
    for i in range(ground.guide.inner):
        leaf = here.detach().requires_grad_(True)
        with torch.enable_grad(), economical(ground.generator, recompute=ground.guide.recompute):
            x0 = ground.generator.denoise(leaf, ground.k, ground.noise("call"), grad=True)
        (g,) = torch.autograd.grad(x0, leaf, slope(ground, x0))
        if i == 0:
            base, free = x0.detach(), _free(ground, x, x0.detach())
        if ground.guide.norm == "variance":
            return Steered(base, x, climbed(ground, base, g, free), base, 1)
        here = climbed(ground, here, g, free)
    target = torch.where(free, ground.generator.denoise(here, ground.k, ground.noise("call")), base)
    return Steered(base, here, target, target, ground.guide.inner + 1)


GUIDES: dict[str, Callable[[Ground, Tensor], Steered]] = {"mean": mean, "full": full}


def slope(ground: Ground, x0: Tensor) -> Tensor:
    """d reward / d x0_hat, by way of the decoder and the view; 0 for a broken video, which will be scored NaN.

    Raises ArithmeticError if a sound video has a gradient that is not finite.
    """
    leaf, guide = x0.detach().requires_grad_(True), ground.guide
    with torch.enable_grad(), economical(ground.generator, guide.shrink, guide.chunk, guide.recompute):
        seen = view(ground.generator.decode(leaf, ground.noise("guide"), grad=True), ground.size)
    if not bool(torch.isfinite(seen).all()):
        return torch.zeros_like(x0)
    _, pull = ground.critic(seen.detach().cpu().numpy())
    (g,) = torch.autograd.grad(seen, leaf, torch.from_numpy(np.array(pull)).to(seen))
    if not bool(torch.isfinite(g).all()):
        raise ArithmeticError(f"the gradient of the reward is not finite at step {ground.k}: try reward.dtype=float32")
    return g


def climbed(ground: Ground, x: Tensor, g: Tensor, free: Tensor) -> Tensor:
    """x after one step up the gradient, held positions excepted. Raises UsageError for an unknown norm."""
    guide, g = ground.guide, torch.where(free, g, 0.0)
    length = lookup("guide.norm: norm", guide.norm, NORMS)(ground, x, g, free)
    return torch.where(free, x + length * g, x)


def clipped(ground: Ground, x: Tensor, found: Steered) -> Steered:
    """The same direction, no further than `clip` sd of the noise (norm over all dimensions); as it is without noise."""
    clip = ground.guide.clip
    d = kernels.shift(ground.kernel, x, found.x0, found.target, ground.path, ground.at, found.x)
    if clip is None or d is None or (size := float(d.norm())) <= clip:
        return found
    share = clip / size
    target = found.x0 + share * (found.target - found.x0)
    return replace(found, x=x + share * (found.x - x), target=target, preview=_kept(ground, found.x0, target))


def view(frames_TCHW: Tensor, size: int | None) -> Tensor:
    """What a reward sees of frames in [0, 1]: squashed to size x size if a size is given. Differentiable."""
    frames = frames_TCHW.float()
    return frames if size is None else bilinear(frames, size, size, antialias=True)


def _relative(ground: Ground, x: Tensor, g: Tensor, free: Tensor) -> float:
    """scale * |x| / |g| over what is free, as in WMReward's code; no step where there is no slope."""
    size = float(g.double().norm())
    return ground.guide.scale * float(torch.where(free, x, 0.0).double().norm()) / size if size > 0 else 0.0


def _plain(ground: Ground, x: Tensor, g: Tensor, free: Tensor) -> float:
    return ground.guide.scale


def _variance(ground: Ground, x: Tensor, g: Tensor, free: Tensor) -> Tensor:
    """By so much x0_hat moves for the mean of the next state to move by scale * sd^2 (DAS, 2501.05803)."""
    _, c0, sd = kernels.coefficients(ground.kernel, ground.path, ground.at)
    return (ground.guide.scale * torch.where(c0 > 0, sd * sd / c0.clamp(min=1e-300), 0.0)).to(x)


NORMS: dict[str, Callable[[Ground, Tensor, Tensor, Tensor], float | Tensor]] = {
    "relative": _relative, "plain": _plain, "variance": _variance
}  # fmt: skip


def _free(ground: Ground, x: Tensor, x0: Tensor) -> Tensor:
    """Where a guide may move: what is not held, and (strict) only where noise makes it a proposal."""
    free = kernels.movable(x, x0, ground.path)
    if not ground.guide.strict:
        return free
    sd = kernels.coefficients(ground.kernel, ground.path, ground.at)[2]
    return free & (sd > 0).to(x.device)


def _kept(ground: Ground, x0: Tensor, target: Tensor) -> Tensor:
    """The preview to keep: `variance` moves the next state, not what the video is thought to be."""
    return x0 if ground.guide.norm == "variance" else target


def _numbered(purpose: str, again: int) -> str:
    return f"{purpose} {again}" if again else purpose
