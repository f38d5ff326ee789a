"""An executor whose generator is arithmetic: states are numbers, rewards too. Real in every promise, instant.

It answers in an order drawn by chance, forgets what it is told to forget, and can lose states or fail Moves on demand.
"""

import random
from collections.abc import Iterable

from raysearch.executors import Answer, Failure, Film, Request
from raysearch.moves import Cost, Outcome, digest
from raysearch.prompts import Prompt


def number(*address) -> float:
    return int(digest(list(address))[:8], 16) / 2**32


class Toy:
    def __init__(self, shuffle: int = 0, capacity: int = 3, lose: float = 0.0, poison: Iterable[tuple] = ()):
        self.capacity, self.poison, self._lose = capacity, set(poison), lose
        self._random = random.Random(shuffle)
        self._jobs: list[tuple[int, Request]] = []
        self.states: dict[str, tuple[float, int]] = {}
        self.executed: list[str] = []
        self._tickets = 0

    def submit(self, job: Request) -> int:
        assert len(self._jobs) < self.capacity
        self._tickets += 1
        self._jobs.append((self._tickets, job))
        return self._tickets

    def ready(self, timeout: float) -> list[tuple[int, Answer]]:
        ticket, job = self._jobs.pop(self._random.randrange(len(self._jobs)))
        if self.states and self._random.random() < self._lose:
            self.states.pop(self._random.choice(sorted(self.states)))
        return [(ticket, self._answer(job))]

    def _answer(self, job: Request) -> Answer:
        if job.needs is not None and job.needs not in self.states:
            return Failure(job.key, "lost", missing=job.needs)
        if job.move is None:
            return Film(job.key, repr(self.states[job.key]).encode())
        if job.move.seed in self.poison:
            return Failure(job.key, "poison")
        value, step = self.states[job.move.parent] if job.move.parent else (number(job.prompt.id), 0)
        if not job.only_scores:
            value = value + number(job.move.seed, job.move.to)
            self.states[job.key] = value, job.move.to
            self.executed.append(job.key)
        rewards = {"toy": value} if job.move.score else {}
        return Outcome(job.key, rewards.get("toy", float("nan")), rewards, 0.0, Cost(job.move.to - step, len(rewards)))

    def forget(self, keys: Iterable[str]) -> None:
        for key in keys:
            self.states.pop(key, None)

    def drop(self, keys: Iterable[str]) -> None: ...

    def status(self) -> dict[str, dict[str, float]]:
        return {}

    def close(self) -> None: ...


PROMPTS = [Prompt(f"p{k}", "a ball") for k in range(4)]
