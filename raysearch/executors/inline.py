"""The executor in this process, one Job at a time: the reference all others must agree with, bit for bit."""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Iterable
from typing import Any

from raysearch.errors import UsageError
from raysearch.executors import Answer, Failure, Film, Job
from raysearch.moves import Cost, Outcome
from raysearch.sampling.state import State
from raysearch.sampling.workers import GeneratorWorker, RewardWorker


class Inline:
    capacity = 1

    def __init__(self, generator: Any, rewards: list[dict[str, Any]], threads: int = 1, device: str = "cpu",
                 store: str | None = None):  # fmt: skip
        self.rewards = RewardWorker(rewards, threads, device, generator.fps)
        critic = lambda: self.rewards.gradient  # noqa: E731
        self.generator = GeneratorWorker(generator, self.rewards.size(), threads, device, store, critic)
        self._queue: deque[tuple[int, Job]] = deque()
        self._states: dict[str, State] = {}
        self._next, self._busy = 0, {"generators": 0.0, "rewards": 0.0}

    def submit(self, job: Job) -> int:
        self._next += 1
        self._queue.append((self._next, job))
        return self._next

    def ready(self, timeout: float) -> list[tuple[int, Answer]]:
        if not self._queue:
            return []
        ticket, job = self._queue.popleft()
        answer: Answer
        try:
            answer = self._film(job) if job.move is None else self._move(job)
        except Exception as error:  # a Job that fails ends the searches that need it, not the run
            told = str(error) if isinstance(error, UsageError) else f"{type(error).__name__}: {error}"
            answer = Failure(job.key, told)
            if not isinstance(error, UsageError):
                traceback.print_exc()
        return [(ticket, answer)]

    def forget(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._states.pop(key, None)

    def status(self) -> dict[str, dict[str, float]]:
        return {
            pool: {"replicas": 1, "alive": 1, "busy": 0, "queue": 0, "restarts": 0, "busy_s": seconds}
            for pool, seconds in self._busy.items()
        }

    def close(self) -> None:
        self._states.clear()

    def _move(self, job: Job) -> Answer:
        move = job.move
        assert move is not None
        state, view, made = self.generator.advance(move, job.key, job.prompt, self._states.get(move.parent or ""))
        if state is None:
            return Failure(job.key, f"state {move.parent} is neither held nor stored", missing=move.parent)
        self._states[job.key] = state
        self._busy["generators"] += made.seconds
        found, seconds = self.rewards.score(view, job.prompt) if view is not None else ({}, 0.0)
        self._busy["rewards"] += seconds
        return outcome(job.key, made, found, seconds)

    def _film(self, job: Job) -> Answer:
        mp4 = self.generator.film(job.key, job.prompt, self._states.get(job.key))
        if mp4 is None:
            return Failure(job.key, f"state {job.key} is neither held nor stored", missing=job.key)
        return Film(job.key, mp4)


def outcome(key: str, made: Any, found: dict[str, float | str], seconds: float) -> Outcome:
    """The Outcome of a Move from what its generator and its reward replica said."""
    rewards = {name: value for name, value in found.items() if not isinstance(value, str)}
    why = "; ".join(f"{name.removesuffix('.error')}: {told}" for name, told in found.items() if isinstance(told, str))
    cost = Cost(made.nfe, int(bool(rewards)), made.seconds, seconds, made.gradients)
    return Outcome(key, next(iter(rewards.values()), float("nan")), rewards, made.log_ratio, cost, why)
