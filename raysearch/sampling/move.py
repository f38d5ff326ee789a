"""Carry a particle through a Move, on any generator; the same code in every executor.

Noise is addressed: every draw comes from a CPU generator seeded by (prompt, Move.seed, purpose, step), in fp32. So a
Move gives the same bits wherever and whenever it runs.
"""

from __future__ import annotations

import weakref
from functools import partial
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch

from raysearch.errors import UsageError
from raysearch.generators import Generator
from raysearch.moves import Move, digest
from raysearch.prompts import Prompt
from raysearch.sampling import drift, guidance, kernels
from raysearch.sampling.guidance import Critic
from raysearch.sampling.kernels import normal
from raysearch.sampling.state import State
from raysearch.search.schedules import fraction

_HELD: dict[int, torch.Tensor] = {}  # by id of a living generator, which belongs to one prompt and one replica


@runtime_checkable
class Holding(Protocol):
    """What a generator may offer beyond the Generator protocol: to say which positions of its latents are held."""

    def held(self) -> torch.Tensor:
        """Where the pipeline holds conditions, bool, of the shape of the latents."""
        ...


def run_move(
    generator: Generator, move: Move, prompt: Prompt, parent: State | None, device: torch.device,
    critic: Critic | None = None, size: int | None = None,
) -> tuple[State, float, int]:  # fmt: skip
    """Carry a particle through a Move.

    Args:
        generator: of the prompt.
        move: what to do.
        prompt: its id addresses the noise.
        parent: the state of `move.parent`; None where the Move draws fresh noise.
        device: of the generator.
        critic: gives a guide the gradient of the reward.
        size: side of the square view that the critic sees; None for frames at full size.

    Returns:
        The new state, log p - log q, and the number of network function evaluations.

    Raises:
        UsageError: for a Move to a step that the generator does not have, and for a guide without a critic.
    """
    if move.drift is not None:
        return _drifted(generator, move, prompt, parent, device, critic, size)
    x, x0, step, smooth = _start(generator, move, prompt, parent, device)
    if not step <= move.to <= generator.steps:
        raise UsageError(
            f"a Move goes from step {step} to {move.to}, but the generator has steps 0 to {generator.steps}"
        )
    last = (x0, generator.path(step - 1)) if smooth and x0 is not None and step > 0 else None
    log_ratio, nfe = 0.0, 0
    for k in range(step, move.to):
        path, at = generator.path(k), fraction(k, generator.steps)
        if guidance.acts(move.guide, move.kernel, path, k, generator.steps):
            guided = guidance.step(_guided_step(generator, move, prompt, k, critic, size), x)
            x, x0, last, smooth = guided.x, guided.preview, None, False
            log_ratio, nfe = log_ratio + guided.log_ratio, nfe + guided.nfe
            continue
        preview = generator.denoise(x, k, address(prompt, move.seed, "call", k))
        noisy = kernels.needs_noise(move.kernel, path, at)
        noise = normal(x, address(prompt, move.seed, "step", k)) if noisy else None
        x, _ = kernels.step(move.kernel, x, preview, path, noise, at, last)
        x0, last, smooth, nfe = preview, None if noisy else (preview, path), not noisy, nfe + 1
    return State(_numpy(x), move.to, None if x0 is None else _numpy(x0), smooth), log_ratio, nfe


def _guided_step(
    generator: Generator, move: Move, prompt: Prompt, k: int, critic: Critic | None, size: int | None
) -> guidance.GuidedStep:
    assert move.guide is not None
    if critic is None:
        raise UsageError(f"guide {move.guide.name!r}: there is no reward here to ask for a gradient")
    noise = partial(address, prompt, move.seed, step=k)
    return guidance.GuidedStep(generator, move.guide, move.kernel, critic, size, k, noise)


def _drifted(
    generator: Generator, move: Move, prompt: Prompt, parent: State | None, device: torch.device,
    critic: Critic | None, size: int | None,
) -> tuple[State, float, int]:  # fmt: skip
    """What `run_move` returns of a mutation of pure noise along the gradient of the reward."""
    assert move.drift is not None
    if parent is None or parent.step or move.to or not move.mutate:
        raise UsageError(
            "a Move with a drift mutates pure noise: it needs a parent at step 0, to = 0 and mutate above 0"
        )
    if critic is None:
        raise UsageError(f"drift {move.drift.name!r}: there is no reward here to ask for a gradient")

    def noise(purpose: str) -> torch.Generator:  # the same for all Moves: the gradient is a function of the state alone
        return address(prompt, (), f"drift {purpose}", 0)

    x = torch.from_numpy(np.array(parent.x)).to(device)
    scale = torch.as_tensor(generator.path(0)[1]).to(x)
    fresh = generator.draw(address(prompt, move.seed, "mutate", 0)) / scale  # draws carry the scale s
    site = guidance.GuidedStep(generator, move.drift, move.kernel, critic, size, 0, noise)
    moved, log_ratio = drift.propose(site, x, fresh, move.mutate, ~held(generator))
    return State(_numpy(moved), 0), log_ratio, 2


def _start(
    generator: Generator, move: Move, prompt: Prompt, parent: State | None, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor | None, int, bool]:
    """(x, x0_hat or None, step, smooth) at which the Move starts: fresh noise or the parent, re-noised and mutated."""
    if parent is None:
        x, x0, step, smooth = generator.draw(address(prompt, move.seed, "draw", 0)), None, 0, False
    else:
        x, step, smooth = torch.from_numpy(np.array(parent.x)).to(device), parent.step, parent.smooth
        x0 = None if parent.x0 is None else torch.from_numpy(np.array(parent.x0)).to(device)
    if move.back is not None:
        if not 0 <= move.back <= step:
            raise UsageError(f"back={move.back}: a Move can go back only to a step from 0 to its parent's, {step}")
        mixed = normal(x, address(prompt, move.seed, "back", move.back))
        noisier = kernels.renoise(x, _level(generator, step), _level(generator, move.back), mixed)
        x, step, smooth = torch.where(held(generator), x, noisier), move.back, False
    if move.mutate:
        noise = address(prompt, move.seed, "mutate", step)
        level = _level(generator, step)
        scale = torch.as_tensor(level[1]).to(x)
        fresh = generator.draw(noise) / scale if x0 is None else normal(x, noise)  # draws carry the scale s
        mutated = kernels.mutate(x, x0, level, move.mutate, fresh)
        x, smooth = torch.where(held(generator), x, mutated), False
    return x, x0, step, smooth


def held(generator: Generator) -> torch.Tensor:
    """Where the pipeline holds conditions in the latents of a generator, bool, of their shape.

    A generator that is `Holding` says so itself. Otherwise these are the positions at which four draws of fresh noise
    agree: four, because two draws in bf16 agree by chance at one position in two hundred. The answer is kept as long as
    the generator lives.
    """
    key = id(generator)
    if key not in _HELD:
        _HELD[key] = generator.held() if isinstance(generator, Holding) else _held_by_draws(generator)
        weakref.finalize(generator, _HELD.pop, key, None)
    return _HELD[key]


def _held_by_draws(generator: Generator) -> torch.Tensor:
    first, *others = (generator.draw(torch.Generator().manual_seed(k)) for k in range(4))
    return torch.stack([first == x for x in others]).all(0)


def _level(generator: Generator, step: int) -> tuple[Any, Any, Any, Any]:
    """(a, s, a, s) with the level (a, s) of the state at `step`."""
    a, s = generator.path(step)[:2] if step < generator.steps else generator.path(step - 1)[2:]
    return a, s, a, s


def address(prompt: Prompt, seed: tuple[int, ...], purpose: str, step: int) -> torch.Generator:
    """The CPU generator of the noise at an address: prompt, Move.seed, purpose and step."""
    return torch.Generator().manual_seed(int(digest([prompt.id, list(seed), purpose, step])[:15], 16))


def _numpy(x: torch.Tensor) -> np.ndarray:
    return x.detach().float().cpu().contiguous().numpy()
