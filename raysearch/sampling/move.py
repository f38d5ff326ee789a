"""Carry a particle through a Move, on any generator; the same code in every executor.

Noise is addressed: every draw comes from a CPU generator seeded by (prompt, seed of a Move, purpose, step), in fp32. So
a Move gives the same bits wherever and whenever it runs. The network evaluation of a state is addressed by the Move
that made the state, so it has the same bits whether that Move makes it or a Move that starts from the state.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch

from raysearch.errors import UsageError
from raysearch.generators import Generator
from raysearch.moves import Move, Seed, digest
from raysearch.prompts import Prompt
from raysearch.sampling import drift, guidance, kernels, unipc
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


@runtime_checkable
class Starting(Protocol):
    """What a generator may offer beyond the Generator protocol: to start from a noised video."""

    def origin(self) -> torch.Tensor | None:
        """The clean latents of which the state at step 0 is a noised version; None where it is pure noise."""
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
        The new state, log p - log q, and the number of network function evaluations: of the state at `to`, unless it is
        finished or noise that is not scored, and not of the parent where it carries its own.

    Raises:
        UsageError: for a Move to a step that the generator does not have, and for a guide without a critic.
    """
    if move.drift is not None:
        return _drifted(generator, move, prompt, parent, device, critic, size)
    now, nfe = _start(generator, move, prompt, parent, device)
    if not now.step <= move.to <= generator.steps:
        raise UsageError(
            f"a Move goes from step {now.step} to {move.to}, but the generator has steps 0 to {generator.steps}"
        )
    log_ratio = 0.0
    for k in range(now.step, move.to):
        if guidance.acts(move.guide, move.kernel, generator.path(k), k, generator.steps):
            guided = guidance.step(_guided_step(generator, move, prompt, now, critic, size), now.x)
            now = _arrived(generator, move, k + 1, guided.x, guided.preview)
            log_ratio, nfe = log_ratio + guided.log_ratio, nfe + guided.nfe
        else:
            now, evaluations = _evaluated(generator, prompt, now)
            now, nfe = _stepped(generator, move, prompt, now), nfe + evaluations
    if move.to < generator.steps and (move.score or move.to > 0):
        now, evaluations = _evaluated(generator, prompt, now)
        nfe += evaluations
    return State(_numpy(now.x), move.to, now.seed, _known(now.x0), _known(now.last)), log_ratio, nfe


def shown(generator: Generator, state: State) -> torch.Tensor | None:
    """What a state shows, to be decoded: its x0_hat; None for pure noise that was not scored.

    Frames that are still the noise of step 0, while others have moved on, are left out: at the end of a chunk of an
    autoregressive video the finished chunks are shown, and no guess of the next one.
    """
    if state.x0 is None:
        return None
    x0 = torch.from_numpy(np.array(state.x0))
    if not 0 < state.step < generator.steps:
        return x0
    (a, s), (a0, s0) = ((torch.as_tensor(level).cpu() for level in generator.path(k)[:2]) for k in (state.step, 0))
    return torch.where((a == a0) & (s == s0) & (s > 0), 0.0, x0)


@dataclass(frozen=True)
class _Particle:
    """A state on its device, at any step within a Move; the fields are those of State."""

    x: torch.Tensor
    step: int
    seed: Seed
    x0: torch.Tensor | None = None
    last: torch.Tensor | None = None


def _evaluated(generator: Generator, prompt: Prompt, now: _Particle) -> tuple[_Particle, int]:
    """The particle with x0_hat of itself, and the network evaluations it took."""
    if now.x0 is not None:
        return now, 0
    noise = address(prompt, now.seed, "call", now.step)
    return replace(now, x0=guidance.evaluate(generator, now.x, now.step, noise)), 1


def _stepped(generator: Generator, move: Move, prompt: Prompt, now: _Particle) -> _Particle:
    """The particle one step on, by the kernel."""
    k, kernel, path, at = now.step, move.kernel, generator.path(now.step), fraction(now.step, generator.steps)
    assert now.x0 is not None
    noisy = kernels.needs_noise(kernel, path, at)
    noise = normal(now.x, address(prompt, move.seed, "step", k)) if noisy else None
    if kernel.name == "unipc":
        before = [generator.path(j) for j in (k - 1, k - 2) if j >= 0]
        x, memory = unipc.step(now.x, now.x0, path, k == generator.steps - 1, now.last, before)
        return _arrived(generator, move, k + 1, x, now.x0, memory)
    history = None if now.last is None else (now.last, generator.path(k - 1))
    x, _ = kernels.step(kernel, now.x, now.x0, path, noise, at, history)
    return _arrived(generator, move, k + 1, x, now.x0, now.x0 if kernel.name == "2m" else None)


def _arrived(
    generator: Generator,
    move: Move,
    step: int,
    x: torch.Tensor,
    preview: torch.Tensor,
    last: torch.Tensor | None = None,
) -> _Particle:
    """The particle after a step that used `preview`; last: what a second-order kernel looks back on."""
    if step == generator.steps:
        return _Particle(x, step, move.seed, preview)
    return _Particle(x, step, move.seed, last=last)


def _guided_step(
    generator: Generator, move: Move, prompt: Prompt, now: _Particle, critic: Critic | None, size: int | None
) -> guidance.GuidedStep:
    assert move.guide is not None
    if critic is None:
        raise UsageError(f"guide {move.guide.name!r}: there is no reward here to ask for a gradient")

    def noise(purpose: str) -> torch.Generator:
        return address(prompt, now.seed if purpose == "call" else move.seed, purpose, now.step)

    return guidance.GuidedStep(generator, move.guide, move.kernel, critic, size, now.step, noise, now.x0)


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
    if _origin(generator) is not None:
        raise UsageError(
            f"drift {move.drift.name!r}: this model starts from a noised video, and a drift moves pure noise; take "
            "another search, or a model that starts from noise"
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
    return State(_numpy(moved), 0, move.seed), log_ratio, 2


def _start(
    generator: Generator, move: Move, prompt: Prompt, parent: State | None, device: torch.device
) -> tuple[_Particle, int]:
    """The particle with which the Move starts, fresh noise or the parent, and the network evaluations it took."""
    if parent is None:
        now = _Particle(generator.draw(address(prompt, move.seed, "draw", 0)), 0, move.seed)
    else:
        x, x0, last = (None if v is None else torch.from_numpy(np.array(v)).to(device)
                       for v in (parent.x, parent.x0, parent.last))  # fmt: skip
        assert x is not None
        now = _Particle(x, parent.step, parent.seed, x0, last)
    if move.back is not None:
        if not 0 <= move.back <= now.step:
            raise UsageError(f"back={move.back}: a Move can go back only to a step from 0 to its parent's, {now.step}")
        mixed = normal(now.x, address(prompt, move.seed, "back", move.back))
        noisier = kernels.renoise(now.x, _level(generator, now.step), _level(generator, move.back), mixed)
        now = _Particle(torch.where(held(generator), now.x, noisier), move.back, move.seed)
    return _mutated(generator, move, prompt, now) if move.mutate else (now, 0)


def _mutated(generator: Generator, move: Move, prompt: Prompt, now: _Particle) -> tuple[_Particle, int]:
    """The particle with noise mixed into its own noise component x - a*x0_hat, and the evaluations that x0_hat took."""
    noise, level, nfe = address(prompt, move.seed, "mutate", now.step), _level(generator, now.step), 0
    if now.step == 0:  # pure noise, or that of a noised video; draws carry the scale s
        x0 = _origin(generator)
        drawn = generator.draw(noise)
        clean = 0.0 if x0 is None else torch.as_tensor(level[0]).to(now.x) * x0
        fresh = (drawn - clean) / torch.as_tensor(level[1]).to(now.x)
    else:
        if now.step < generator.steps:
            now, nfe = _evaluated(generator, prompt, now)
        x0, fresh = now.x0, normal(now.x, noise)
    mutated = kernels.mutate(now.x, x0, level, move.mutate, fresh)
    kept = now.x0 if now.step == generator.steps else None
    return _Particle(torch.where(held(generator), now.x, mutated), now.step, move.seed, kept), nfe


def _origin(generator: Generator) -> torch.Tensor | None:
    return generator.origin() if isinstance(generator, Starting) else None


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


# In the state of a CPU generator of torch the words of the twister stand as 64-bit numbers after a header of 24 bytes.
_WORDS = 624
_TWISTER = slice(24, 24 + 8 * _WORDS)


def address(prompt: Prompt, seed: tuple[int, ...], purpose: str, step: int) -> torch.Generator:
    """The CPU generator of the noise at an address: prompt, Move.seed, purpose and step.

    `manual_seed` would use 32 bits of it, so that among 100,000 addresses two would probably share their noise. So all
    624 words of the Mersenne twister are filled from the 128 bits of the digest.
    """
    words = np.random.SeedSequence(int(digest([prompt.id, list(seed), purpose, step]), 16)).generate_state(_WORDS)
    generator = torch.Generator().manual_seed(0)
    state = generator.get_state()
    state[_TWISTER] = torch.from_numpy(words.astype(np.uint64).view(np.uint8))
    generator.set_state(state)
    return generator


def _known(x: torch.Tensor | None) -> np.ndarray | None:
    return None if x is None else _numpy(x)


def _numpy(x: torch.Tensor) -> np.ndarray:
    return x.detach().float().cpu().contiguous().numpy()
