"""What a replica does, the same in every executor: carry a particle through a Move, film it, score it.

Noise is addressed: every draw comes from a CPU generator seeded by (prompt, Move.seed, purpose, step), in fp32. So a
Move gives the same bits wherever and whenever it runs.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from raysearch import devices, generators, rewards, videos
from raysearch.errors import UsageError
from raysearch.generators import Generator
from raysearch.moves import Move, digest
from raysearch.prompts import Prompt
from raysearch.sampling import guidance, kernels
from raysearch.sampling.guidance import Critic
from raysearch.sampling.kernels import normal
from raysearch.sampling.state import State, Store
from raysearch.search.schedules import fraction

BROKEN = np.full((1, 1, 1, 3), np.nan, np.float32)  # the view of frames that are not finite
PROMPTS_KEPT = 8  # generators (with their computed conditions) a replica keeps


@dataclass(frozen=True)
class Made:
    """The small part of a Move's answer. missing: the parent was not to be had. gradients: as in Cost.

    bytes, hash: of the state, where it goes to an object store.
    """

    nfe: int = 0
    seconds: float = 0.0
    log_ratio: float = 0.0
    missing: bool = False
    gradients: int = 0
    bytes: int = 0
    hash: str = ""


class Counting:
    """A critic that knows how often it was asked."""

    def __init__(self, critic: Critic):
        self._critic, self.calls = critic, 0

    def __call__(self, view: np.ndarray) -> tuple[float, np.ndarray]:
        self.calls += 1
        return self._critic(view)


class GeneratorWorker:
    """One replica of the generator. size: side of the square view the rewards want, None for frames as they are.

    critic: makes the one that guides ask where a call brings none; it is made when first needed. saves: states also go
    to the store, they do not only come from it.
    """

    def __init__(
        self, config: Any, size: int | None, threads: int, device: str = "cpu", store: str | None = None,
        critic: Callable[[], Critic] | None = None, saves: bool = True,
    ):  # fmt: skip
        torch.set_num_threads(threads)
        devices.reproducible(device)
        self.model = generators.load(config, device)
        self.device, self.size = torch.device(device), size
        self._store, self._saves = Store(store) if store else None, saves
        self._generators: OrderedDict[Prompt, Generator] = OrderedDict()
        self._make_critic = critic
        self._critic: Critic | None = None

    def advance(
        self, move: Move, key: str, prompt: Prompt, parent: State | None, critic: Critic | None = None
    ) -> tuple[State | None, np.ndarray | None, Made]:
        """The Move's state, its view (None if nothing is to be scored) and what it took."""
        if move.guide is not None and critic is None and self._make_critic is not None:
            self._critic = critic = self._critic or self._make_critic()
        start = time.perf_counter()
        if move.parent is not None and parent is None:
            parent = self._store.load(move.parent) if self._store else None
            if parent is None:
                return None, None, Made(missing=True)
        generator = self._on(prompt)
        with torch.no_grad():
            asked = Counting(critic) if critic else None
            state, log_ratio, nfe = run_move(generator, move, prompt, parent, self.device, asked, self.size)
            view = None
            if move.score and state.x0 is not None:
                x0 = torch.from_numpy(np.array(state.x0)).to(self.device)
                frames = generator.decode(x0, address(prompt, move.seed, "decode", state.step))
                view = reduce(frames, self.size) if frames.isfinite().all() else BROKEN
        if self._store and self._saves:
            self._store.save(key, state)
        took = time.perf_counter() - start
        return state, view, Made(nfe, took, log_ratio, gradients=asked.calls if asked else 0)

    def film(self, key: str, prompt: Prompt, state: State | None) -> bytes | None:
        """The state's preview as mp4 at full size; None if the state is not to be had."""
        state = state or (self._store.load(key) if self._store else None)
        if state is None:
            return None
        with torch.no_grad():
            x0 = torch.from_numpy(np.array(state.x if state.x0 is None else state.x0)).to(self.device)
            frames = self._on(prompt).decode(x0, address(prompt, (), "decode", state.step))
        return videos.encode(reduce(frames, None), self.model.fps)

    def _on(self, prompt: Prompt) -> Generator:
        if prompt not in self._generators:
            self._generators[prompt] = self.model.on(prompt)
            if len(self._generators) > PROMPTS_KEPT:
                self._generators.popitem(last=False)
        self._generators.move_to_end(prompt)
        return self._generators[prompt]


class RewardWorker:
    """One replica of the rewards.

    Args:
        specs: the rewards; the one that the search goes by first, then the watched ones.
        threads: of torch.
        device: the torch device.
        fps: frames per second of the views, None where not known.
    """

    def __init__(self, specs: list[dict[str, Any]], threads: int, device: str = "cpu", fps: float | None = None):
        torch.set_num_threads(threads)
        devices.reproducible(device)
        self.rewards = {rewards.label(spec): rewards.load(spec, device) for spec in specs}
        self.fps = fps

    def size(self) -> int | None:
        """The side of the square view that serves all rewards; None for whole frames, if one of them needs those."""
        if any(reward.whole_frames for reward in self.rewards.values()):
            return None
        return max((r.size for r in self.rewards.values() if r.size), default=None)

    def score(self, view: np.ndarray, prompt: Prompt) -> tuple[dict[str, float | str], float]:
        """Score a view by every reward.

        Returns:
            The values by reward in order, details as name.detail, and the seconds that it took. A reward that cannot
            judge the view is NaN, and name.error says why, for a bad candidate is no fault of the replica.
        """
        start, values = time.perf_counter(), dict[str, float | str]()
        for name, reward in self.rewards.items():
            try:
                if view.dtype != np.uint8:
                    raise UsageError("the frames hold NaN or infinite values")
                scores = reward.score(view, prompt, self.fps)
            except UsageError as error:
                values |= {name: float("nan"), f"{name}.error": str(error)}
                continue
            values[name] = scores.value
            values |= {f"{name}.{k}": v for k, v in scores.details.items()}
        return values, time.perf_counter() - start

    def gradient(self, view: np.ndarray) -> tuple[float, np.ndarray]:
        """The first reward of a view, fp32 [T, 3, H, W] in [0, 1], and its gradient: what guidance asks for."""
        name, reward = next(iter(self.rewards.items()))
        if not reward.differentiable:
            raise UsageError(f"reward.name={name!r}: has no gradient to guide by; use one that has, such as vjepa2")
        video = torch.from_numpy(np.array(view))[None].requires_grad_(True)
        with torch.enable_grad():
            value = reward.reward(video, self.fps)
            (slope,) = torch.autograd.grad(value.sum(), video)
        return value.item(), slope[0].numpy()


def colocated(specs: list[dict[str, Any]], threads: int, device: str, fps: float | None = None) -> Critic:
    """A critic in this process: a replica of the reward of its own."""
    return RewardWorker(specs, threads, device, fps).gradient


def run_move(
    generator: Generator, move: Move, prompt: Prompt, parent: State | None, device: torch.device,
    critic: Critic | None = None, size: int | None = None,
) -> tuple[State, float, int]:  # fmt: skip
    """Carry the particle: (state, log p - log q, network function evaluations).

    critic, size: whom a guide asks for a gradient, and the side of the view it is shown.
    """
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
            made = guidance.step(_ground(generator, move, prompt, k, critic, size), x)
            x, x0, last, smooth = made.x, made.preview, None, False
            log_ratio, nfe = log_ratio + made.log_ratio, nfe + made.nfe
            continue
        preview = generator.denoise(x, k, address(prompt, move.seed, "call", k))
        noisy = kernels.needs_noise(move.kernel, path, at)
        noise = normal(x, address(prompt, move.seed, "step", k)) if noisy else None
        x, _ = kernels.step(move.kernel, x, preview, path, noise, at, last)
        x0, last, smooth, nfe = preview, None if noisy else (preview, path), not noisy, nfe + 1
    return State(_numpy(x), move.to, None if x0 is None else _numpy(x0), smooth), log_ratio, nfe


def _ground(
    generator: Generator, move: Move, prompt: Prompt, k: int, critic: Critic | None, size: int | None
) -> guidance.Ground:
    assert move.guide is not None
    if critic is None:
        raise UsageError(f"guide {move.guide.name!r}: there is no reward here to ask for a gradient")
    noise = partial(address, prompt, move.seed, step=k)
    return guidance.Ground(generator, move.guide, move.kernel, critic, size, k, noise)


def _start(
    generator: Generator, move: Move, prompt: Prompt, parent: State | None, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor | None, int, bool]:
    """Where a Move sets out: fresh noise or the parent, re-noised and mutated if it says so."""
    if parent is None:
        x, x0, step, smooth = generator.draw(address(prompt, move.seed, "draw", 0)), None, 0, False
    else:
        x, step, smooth = torch.from_numpy(np.array(parent.x)).to(device), parent.step, parent.smooth
        x0 = None if parent.x0 is None else torch.from_numpy(np.array(parent.x0)).to(device)
    if move.back is not None:
        if not 0 <= move.back <= step:
            raise UsageError(f"back={move.back}: a Move can go back only to a step from 0 to its parent's, {step}")
        mixed = normal(x, address(prompt, move.seed, "back", move.back))
        there = kernels.renoise(x, _level(generator, step), _level(generator, move.back), mixed)
        x, step, smooth = torch.where(_held(generator), x, there), move.back, False
    if move.mutate:
        noise = address(prompt, move.seed, "mutate", step)
        level = _level(generator, step)
        scale = torch.as_tensor(level[1]).to(x)
        fresh = generator.draw(noise) / scale if x0 is None else normal(x, noise)  # draws carry the scale s
        there = kernels.mutate(x, x0, level, move.mutate, fresh)
        x, smooth = torch.where(_held(generator), x, there), False
    return x, x0, step, smooth


def _held(generator: Generator) -> torch.Tensor:
    """Where the pipeline's conditions stand in the latents: what four draws of fresh noise have in common.

    Four, because two draws in bf16 agree by chance at one position in two hundred.
    """
    first, *others = (generator.draw(torch.Generator().manual_seed(k)) for k in range(4))
    return torch.stack([first == x for x in others]).all(0)


def _level(generator: Generator, step: int) -> tuple[Any, Any, Any, Any]:
    """(a, s) of the state at `step`, twice, as kernels take a path."""
    a, s = generator.path(step)[:2] if step < generator.steps else generator.path(step - 1)[2:]
    return a, s, a, s


def address(prompt: Prompt, seed: tuple[int, ...], purpose: str, step: int) -> torch.Generator:
    """The CPU generator at an address."""
    return torch.Generator().manual_seed(int(digest([prompt.id, list(seed), purpose, step])[:15], 16))


def reduce(frames_TCHW: torch.Tensor, size: int | None) -> np.ndarray:
    """Frames in [0, 1] as uint8 [T, H, W, 3], squashed to size x size if a size is given."""
    frames = guidance.view(frames_TCHW, size)
    return frames.clamp(0, 1).mul(255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


def squashed(frames_THWC: np.ndarray, size: int) -> np.ndarray:
    """uint8 frames of a file as `reduce` makes them of a generator's, one at a time: files may be long and large."""
    each = (torch.from_numpy(np.ascontiguousarray(f)).permute(2, 0, 1)[None].float() / 255 for f in frames_THWC)
    return np.concatenate([reduce(frame, size) for frame in each])


def _numpy(x: torch.Tensor) -> np.ndarray:
    return x.detach().float().cpu().contiguous().numpy()
