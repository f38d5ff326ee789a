"""The executor in this process, one request at a time: the reference with which all others agree bit for bit."""

from __future__ import annotations

import time
import traceback
from collections import deque
from collections.abc import Iterable
from typing import Any

from raysearch.config.settings import GeneratorConfig
from raysearch.errors import UsageError
from raysearch.executors.contract import Answer, Counters, Failure, Film, Request, not_kept
from raysearch.executors.decoded import LIMIT, Decoded
from raysearch.executors.outcomes import outcome
from raysearch.executors.spans import Trace
from raysearch.moves import Move
from raysearch.sampling.guidance import Critic
from raysearch.sampling.state import State
from raysearch.sampling.workers import Footage, GeneratorWorker, RewardWorker


class Inline:
    """One generator and the rewards, in this process.

    Args:
        generator: configuration of the generator.
        rewards: specifications of the rewards, the one searched by first.
        threads: CPU threads that PyTorch may use.
        device: torch device of all models.
        store: folder in which states outlive this process; None for none.
        films: whether films of finished states will be asked for; their frames are then kept for a while.
    """

    capacity = 1

    def __init__(
        self, generator: GeneratorConfig, rewards: list[dict[str, Any]], threads: int = 1, device: str = "cpu",
        store: str | None = None, films: bool = False,
    ):  # fmt: skip
        self._trace, began = Trace(), time.perf_counter()
        self.spans = self._trace.take
        self.rewards = RewardWorker(rewards, threads, device, generator.fps)
        loaded = time.perf_counter()
        self._trace.add("rewards", 0, "load", loaded - began)
        size = self.rewards.size()
        self.generator = GeneratorWorker(generator, size, threads, device, store, self._critic, specs=rewards)
        self._trace.add("generators", 0, "load", time.perf_counter() - loaded)
        self._queue: deque[tuple[int, Request]] = deque()
        self._states: dict[str, State] = {}
        self._decoded: Decoded[Footage] | None = Decoded(LIMIT) if films else None
        self._last_ticket = 0
        self._busy_s = {"generators": 0.0, "rewards": 0.0}

    def submit(self, request: Request) -> int:
        """Queue a request. Returns its ticket."""
        self._last_ticket += 1
        self._queue.append((self._last_ticket, request))
        return self._last_ticket

    def ready(self, timeout: float) -> list[tuple[int, Answer]]:
        """Carry out the oldest request; `timeout` has no meaning here."""
        if not self._queue:
            return []
        ticket, request = self._queue.popleft()
        answer: Answer
        try:
            answer = self._film(request) if request.move is None else self._move(request, request.move)
        except UsageError as error:
            answer = Failure(request.key, str(error))
        except Exception as error:  # a request that fails ends the searches that need it, not the run
            traceback.print_exc()
            answer = Failure(request.key, f"{type(error).__name__}: {error}")
        return [(ticket, answer)]

    def forget(self, keys: Iterable[str]) -> None:
        """Release states."""
        for key in keys:
            self._states.pop(key, None)
            if self._decoded is not None:
                self._decoded.forget([key])

    def drop(self, keys: Iterable[str]) -> None:
        """Nothing to do: there are no other nodes."""

    def status(self) -> Counters:
        """Counters by pool, each of one replica. What was submitted is about to be carried out, scored in one call."""
        todo = {"generators": len(self._queue), "rewards": 0}
        return {
            pool: {"replicas": 1, "alive": 1, "busy": int(todo[pool] > 0), "queue": max(todo[pool] - 1, 0),
                   "restarts": 0, "busy_s": seconds}
            for pool, seconds in self._busy_s.items()
        }  # fmt: skip

    def close(self) -> None:
        """Release all states."""
        self._states.clear()

    def _critic(self) -> Critic:
        return self.rewards.gradient

    def _move(self, request: Request, move: Move) -> Answer:
        key, parent = request.key, self._states.get(move.parent or "")
        shot: list[Footage] = []
        film = None if self._decoded is None else shot.append
        state, view, made = self.generator.advance(move, key, request.prompt, parent, film=film)
        if state is None:
            return not_kept(key, move.parent)
        self._states[key] = state
        if self._decoded is not None and shot:
            self._decoded.keep(key, shot[0], shot[0][0].nbytes)
        self._busy_s["generators"] += made.seconds
        self._trace.add("generators", 0, "move", made.seconds, made.decode_s)
        scores, seconds = self.rewards.score(view, request.prompt) if view is not None else ({}, 0.0)
        self._busy_s["rewards"] += seconds
        if view is not None:
            self._trace.add("rewards", 0, "score", seconds)
        return outcome(key, made, scores, seconds)

    def _film(self, request: Request) -> Answer:
        began = time.perf_counter()
        decoded = None if self._decoded is None else self._decoded.get(request.key)
        if decoded is None:
            mp4 = self.generator.film(request.key, request.prompt, self._states.get(request.key))
        else:
            mp4 = self.generator.encode(decoded)
        self._trace.add("generators", 0, "film", time.perf_counter() - began)
        return not_kept(request.key, request.key) if mp4 is None else Film(request.key, mp4)
