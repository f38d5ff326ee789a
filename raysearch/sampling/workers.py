"""What a generator replica does in every executor: carry a particle through a Move and decode its preview."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch

from raysearch import devices, generators, rewards, videos
from raysearch.errors import UsageError
from raysearch.generators import Generator
from raysearch.generators.contract import Conditioned, InChunks, Previewing, Recording, Sound, Sounding
from raysearch.moves import Move
from raysearch.prompts import Prompt
from raysearch.sampling.effort import CountingCritic, Effort, Made
from raysearch.sampling.guidance import Critic
from raysearch.sampling.likelihood import denoising_losses
from raysearch.sampling.move import address, held, run_move, shown
from raysearch.sampling.scoring import RewardWorker, colocated
from raysearch.sampling.state import State, Store
from raysearch.sampling.views import BROKEN, reduce, squashed

__all__ = [
    "BROKEN", "Effort", "Footage", "GeneratorWorker", "Made", "RewardWorker", "address", "colocated", "reduce",
    "run_move", "shown", "squashed",
]  # fmt: skip

Footage = tuple[np.ndarray, Sound | None]  # uint8 frames [T, H, W, 3] of a film, and what it sounds like

PROMPTS_KEPT = 8  # prompts of which a replica keeps the generators (with their conditions), one for each wording


class GeneratorWorker:
    """One replica of the generator.

    Args:
        config: the job's generator settings.
        size: side of the square view that the rewards need; None for frames at full size.
        threads: CPU threads.
        device: where the model computes.
        store: address of a folder of states, or None.
        critic: makes the critic of guided Moves that come without one; called when the first such Move comes.
        saves: whether `advance` also writes states to the store; elsewhere `save` does it.
        specs: of all rewards of the job; those that are measured on generators are measured here.
        encoders: whether what encodes prompts is loaded at once, if it can be loaded when it is needed.
    """

    def __init__(
        self, config: Any, size: int | None, threads: int, device: str = "cpu", store: str | None = None,
        critic: Callable[[], Critic] | None = None, saves: bool = True, specs: Sequence[dict[str, Any]] = (),
        encoders: bool = True,
    ):  # fmt: skip
        torch.set_num_threads(threads)
        devices.reproducible(device)
        self.model = generators.load(config, device, encoders)
        self.device, self.size = torch.device(device), size
        self._store, self._saves = Store(store) if store else None, saves
        if store and isinstance(self.model, Recording):
            self.model.record_in(store.rstrip("/").rpartition("/")[0])  # the run folder, in which the states lie
        self._generators: OrderedDict[Prompt, dict[Prompt, Generator]] = OrderedDict()
        here = [spec for spec in specs if rewards.on_generators(spec)]
        self._judges: dict[str, Any] = {rewards.label(spec): rewards.load(spec, key="watch") for spec in here}
        self._make_critic = critic
        self._critic: Critic | None = None

    def advance(
        self, move: Move, key: str, prompt: Prompt, parent: State | None, critic: Critic | None = None,
        shows: bool = True, film: Callable[[Footage], None] | None = None, conditions: Any | None = None,
    ) -> tuple[State | None, np.ndarray | None, Effort]:  # fmt: skip
        """The state that the Move makes, its view (None if nothing is to be scored), and what it took.

        Args:
            move: what to do.
            key: handle of the new state.
            prompt: of the search.
            parent: state of the Move's parent; None to load it from the store.
            critic: for a guide; None for the replica's own.
            shows: False to leave out the view; the network evaluations are the same.
            film: is given what a film of the state would show, where its view is decoded as a film is: if the state is
                finished and scored whole.
            conditions: of the prompt in the wording of the Move, as `conditions` returns them elsewhere.
        """
        if move.steered and critic is None and self._make_critic is not None:
            self._critic = critic = self._critic or self._make_critic()
        start = time.perf_counter()
        if move.parent is not None and parent is None:
            parent = self._store.load(move.parent) if self._store else None
            if parent is None:
                return None, None, Effort(missing=True)
        generator = self._on(prompt, move.variant, conditions)
        with torch.no_grad():
            counted = CountingCritic(critic) if critic else None
            state, log_ratio, nfe = run_move(generator, move, prompt, parent, self.device, counted, self.size)
            view, decode, decoding = None, "", time.perf_counter()
            if move.score and shows:
                with self._cheaply(generator, state) as decode:
                    frames = self._frames(generator, prompt, state, move.chunks)
                    view = self._reduced(frames)
                if film is not None and state.step >= generator.steps and move.chunks is None:
                    film((reduce(frames, None), self._sound(generator, prompt, state)))
            decode_s = time.perf_counter() - decoding if view is not None else 0.0
            judged, evaluations = self._judged(generator, prompt, move, state)
        if self._saves:
            self.save(key, state)
        took = time.perf_counter() - start
        gradients = counted.calls if counted else 0
        return state, view, Effort(nfe + evaluations, took, log_ratio, gradients=gradients, decode=decode,
                                   decode_s=decode_s, judged=judged)  # fmt: skip

    def _judged(self, generator: Generator, prompt: Prompt, move: Move, state: State) -> tuple[dict[str, float], int]:
        """What the generator itself says of a finished candidate, by reward, and the network evaluations it took.

        All candidates of a prompt are judged under the same noise, which the seed of the Move has no part in.
        """
        if not self._judges or not move.score or move.chunks is not None or state.step < generator.steps:
            return {}, 0
        x0, values, evaluations = torch.from_numpy(np.array(state.x)).to(self.device), dict[str, float](), 0
        for label, judge in self._judges.items():
            steps = judge.steps(generator.steps)
            losses = denoising_losses(generator, x0, held(generator), steps, lambda *at: address(prompt, (), *at))
            values[label], evaluations = judge.judged(losses).value, evaluations + len(steps)
        return values, evaluations

    def view(self, prompt: Prompt, state: State, whole: bool) -> np.ndarray:
        """What a reward sees of a state, decoded whole, or as previews are even if it is finished."""
        generator = self._on(prompt)
        cheaply = not whole and isinstance(generator, Previewing)
        with torch.no_grad(), generator.previewing() if cheaply else nullcontext():  # type: ignore[attr-defined]
            return self._reduced(self._frames(generator, prompt, state))

    def _reduced(self, frames: torch.Tensor) -> np.ndarray:
        return reduce(frames, self.size) if frames.isfinite().all() else BROKEN

    @staticmethod
    def _cheaply(generator: Generator, state: State) -> AbstractContextManager[str]:
        """Within, the views of a state that is not finished are decoded as the generator's previews, if it has any."""
        if state.step < generator.steps and isinstance(generator, Previewing):
            return generator.previewing()
        return nullcontext("")

    def film(self, key: str, prompt: Prompt, state: State | None) -> bytes | None:
        """The preview of a state as mp4 at full size; None if the state is neither given nor in the store."""
        footage = self.footage(key, prompt, state)
        return None if footage is None else self.encode(footage)

    def conditions(self, prompt: Prompt, variant: str | None) -> Any | None:
        """The conditions of a prompt in a wording, for workers in other processes; None if they cannot be sent."""
        generator = self._on(prompt, variant)
        with torch.no_grad():
            return generator.conditions() if isinstance(generator, Conditioned) else None

    def footage(self, key: str, prompt: Prompt, state: State | None, conditions: Any = None) -> Footage | None:
        """Frames at full size and sound of a state; None if the state is neither given nor in the store."""
        state = state or (self._store.load(key) if self._store else None)
        if state is None:
            return None
        generator = self._on(prompt, None, conditions)
        with torch.no_grad():
            frames = self._frames(generator, prompt, state)
            return reduce(frames, None), self._sound(generator, prompt, state)

    def encode(self, footage: Footage) -> bytes:
        """Frames and sound as mp4. Uses no model, so it may run beside a Move."""
        frames, sound = footage
        return videos.encode(frames, self.model.fps, sound=sound)

    def save(self, key: str, state: State) -> None:
        """Write a state to the store, if there is one. Uses no model. Raises UsageError if it cannot be written."""
        if self._store:
            self._store.save(key, state)

    def _sound(self, generator: Generator, prompt: Prompt, state: State) -> Sound | None:
        """What a state sounds like; None where the model makes no sound."""
        if not isinstance(generator, Sounding):
            return None
        return generator.sound(self._shown(generator, state), address(prompt, state.seed, "sound", state.step))

    def _frames(
        self, generator: Generator, prompt: Prompt, state: State, chunks: tuple[int, int] | None = None
    ) -> torch.Tensor:
        """The frames of a state [T, 3, H, W], or of some of its chunks; views and films decode with the same noise."""
        latents, noise = self._shown(generator, state), address(prompt, state.seed, "decode", state.step)
        if chunks is None:
            return generator.decode(latents, noise)
        if not isinstance(generator, InChunks):
            raise UsageError(f"search: {type(generator).__name__} makes a video whole and has no chunks to score alone")
        return generator.decode_chunks(latents, *chunks, noise)

    def _shown(self, generator: Generator, state: State) -> torch.Tensor:
        x0 = shown(generator, state)
        latents = torch.from_numpy(np.array(state.x)) if x0 is None else x0
        return latents.to(self.device)

    def _on(self, prompt: Prompt, variant: str | None = None, conditions: Any | None = None) -> Generator:
        """The generator of a wording; what decodes a state may be that of any, since text has no part in it."""
        kept = self._generators.setdefault(prompt, {})
        self._generators.move_to_end(prompt)
        if len(self._generators) > PROMPTS_KEPT:
            self._generators.popitem(last=False)
        worded = prompt.worded(variant)
        if worded not in kept:
            given = [] if conditions is None else [conditions]  # which only a contract.Encoding has made
            kept[worded] = self.model.on(worded, *given)
        return kept[worded]
