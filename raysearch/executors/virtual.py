"""The executor with a simulated clock: the same coordinator, searches and policy against a modelled cluster.

It answers in the order in which that cluster would, and knows when: `raysearch plan` reads its clock. What it answers
is either pretended (rewards drawn by key, no model loaded) or real (`work`: an Inline executor does every Job at the
moment it ends), so that the promises of an executor can be tested on it, failures included. One event at a time, ties
in the order of submission; no thread, no sleep, no wall clock.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from raysearch.executors import Answer, Failure, Film, Job
from raysearch.executors.policy import DEPTH, SEEN_AHEAD, Line
from raysearch.moves import Cost, Outcome, digest


@dataclass(frozen=True)
class Cluster:
    """What is modelled. Seconds throughout.

    generators: seconds per network evaluation of each replica; rewards: seconds per score of each; nodes: of each
    generator replica, one of its own where none is given. decode_s: per Move that is scored or filmed; transfer_s: for
    a state that moves between nodes; load_s: until a replica is ready, at the start and after it was lost. lost: (time,
    generator replica) pairs: it dies, with the states of its node if no other replica lives there. spread: coefficient
    of variation of the time of a Move (log-normal, drawn by key).
    """

    generators: Sequence[float]
    rewards: Sequence[float] = (0.1,)
    nodes: Sequence[str] = ()
    decode_s: float = 0.0
    transfer_s: float = 0.0
    load_s: float = 0.0
    lost: Sequence[tuple[float, int]] = ()
    spread: float = 0.0
    seed: int = 0


@dataclass(eq=False)
class Machine:
    """A replica on the simulated clock."""

    node: str | None
    pace: float
    clock: list[float]
    up_at: float = 0.0
    spans: list[tuple[float, float]] = field(default_factory=list)  # begin and end of what it was given, in order
    errands: list[Errand] = field(default_factory=list)
    busy_s: float = 0.0
    nfe: float = 0.0
    lives: int = 0

    @property
    def room(self) -> int:
        return DEPTH - len(self.errands)

    @property
    def free_s(self) -> float:
        return max(0.0, (self.spans[-1][1] if self.spans else self.up_at) - self.clock[0])


@dataclass(eq=False)
class Errand:
    ticket: int
    job: Job
    outcome: Any = None  # once it is made and waits for its score


class Virtual:
    """Simulates `cluster`. work: an executor in this process that really does the Jobs, or None to pretend."""

    def __init__(self, cluster: Cluster, work: Any = None):
        self.cluster, self._work = cluster, work
        self._clock, self._events, self._count = [0.0], list[tuple[float, int, Any]](), 0
        nodes = list(cluster.nodes) or [f"node-{k}" for k in range(len(cluster.generators))]
        self.generators = [
            Machine(n, p, self._clock, cluster.load_s) for n, p in zip(nodes, cluster.generators, strict=True)
        ]
        self.rewards = [Machine(None, p, self._clock, cluster.load_s) for p in cluster.rewards]
        self.capacity = SEEN_AHEAD * len(self.generators) + DEPTH * len(self.rewards)
        self._lines: tuple[Line[Errand], Line[Errand]] = Line(), Line()
        self._open = dict.fromkeys(self.generators), dict.fromkeys(self.rewards)  # in order, those with room
        self._all_up = not cluster.load_s and not cluster.lost
        self._steps: dict[str, int] = {}  # of every state ever made
        self._homes: dict[str, set[str | None]] = {}  # nodes that hold it
        self._tickets = self.restarts = self.moved_states = 0
        for when, k in cluster.lost:
            self._at(when, ("lost", self.generators[k], 0))
        if cluster.load_s:
            self._at(cluster.load_s, ("up", None, 0))

    @property
    def now(self) -> float:
        return self._clock[0]

    def submit(self, job: Job) -> int:
        self._tickets += 1
        self._put(Errand(self._tickets, job))
        return self._tickets

    def ready(self, timeout: float) -> list[tuple[int, Answer]]:
        """The next answers; the clock stands at the moment they came. `timeout` has no meaning here."""
        answers: list[tuple[int, Answer]] = []
        while not answers:
            self._dispatch()
            if not self._events:
                return []
            self._clock[0], _, (kind, machine, life) = heapq.heappop(self._events)
            if kind == "lost":
                self._lose(machine)
            elif kind == "done" and machine.lives == life:
                answers += self._done(machine)
        return answers

    def forget(self, keys: Iterable[str]) -> None:
        keys = list(keys)
        for key in keys:
            self._homes.pop(key, None)
        if self._work is not None:
            self._work.forget(keys)

    def status(self) -> dict[str, dict[str, Any]]:
        both = {}
        for name, machines, line in zip(("generators", "rewards"), (self.generators, self.rewards), self._lines,
                                        strict=True):  # fmt: skip
            both[name] = {
                "replicas": len(machines), "alive": sum(m.up_at <= self.now for m in machines),
                "busy": sum(bool(m.errands) for m in machines), "queue": len(line),
                "restarts": self.restarts if name == "generators" else 0, "busy_s": sum(m.busy_s for m in machines),
                "replica_s": [m.busy_s for m in machines], "replica_work": [m.nfe for m in machines],
            }  # fmt: skip
        both["generators"] |= {"moved_states": self.moved_states, "now_s": self.now}
        return both

    def close(self) -> None:
        if self._work is not None:
            self._work.close()

    def _put(self, errand: Errand, first: bool = False) -> None:
        job = errand.job
        if errand.outcome is not None:
            self._lines[1].put(errand, 1.0, None, None, first)
            return
        homes = self._homes.get(job.needs or "")
        self._lines[0].put(errand, self._evaluations(job) or 1.0, min(homes, key=str) if homes else None, None, first)

    def _dispatch(self) -> None:
        for machines, line, open in zip((self.generators, self.rewards), self._lines, self._open, strict=True):
            if not len(line):
                continue
            up = machines if self._all_up else [m for m in machines if m.up_at <= self.now]
            room = [m for m in open if m.up_at <= self.now]
            for errand, machine in line.match(room, up):
                begin = self.now + machine.free_s
                seconds = self._seconds(errand, machine)
                machine.spans.append((begin, begin + seconds))
                machine.errands.append(errand)
                if not machine.room:
                    del open[machine]
                machine.busy_s += seconds
                machine.nfe += self._evaluations(errand.job) if errand.outcome is None else 1
                self._at(begin + seconds, ("done", machine, machine.lives))

    def _seconds(self, errand: Errand, machine: Machine) -> float:
        job, c = errand.job, self.cluster
        if errand.outcome is not None:
            return machine.pace
        scored = job.move is None or (job.move.score and job.move.to > 0)
        seconds = machine.pace * self._evaluations(job) + c.decode_s * scored
        if c.spread:
            spread = math.sqrt(math.log1p(c.spread**2))
            seconds *= math.exp(random.Random(f"{job.key}{c.seed}").gauss(-spread * spread / 2, spread))
        homes = self._homes.get(job.needs or "")
        if homes and machine.node not in homes:
            homes.add(machine.node)
            self.moved_states += 1
            seconds += c.transfer_s
        return seconds

    def _evaluations(self, job: Job) -> float:
        if job.move is None:
            return 0.0
        start = self._steps.get(job.move.parent or "", 0) if job.move.back is None else job.move.back
        return float(job.move.to - start)

    def _done(self, machine: Machine) -> list[tuple[int, Answer]]:
        errand = machine.errands.pop(0)
        machine.spans.pop(0)
        self._open[machine.node is None][machine] = None
        job = errand.job
        if errand.outcome is not None:
            return [(errand.ticket, errand.outcome)]
        if job.needs is not None and not self._homes.get(job.needs) and self._work is None:
            return [(errand.ticket, Failure(job.key, f"state {job.needs} is not held", missing=job.needs))]
        answer = self._really(job)
        if isinstance(answer, Failure) or job.move is None:
            return [(errand.ticket, answer)]
        self._steps[job.key] = job.move.to
        self._homes[job.key] = {machine.node}
        if job.move.score and job.move.to > 0:
            errand.outcome = answer
            self._put(errand)
            return []
        return [(errand.ticket, answer)]

    def _really(self, job: Job) -> Answer:
        """What the Job gives: done by `work`, or pretended."""
        if self._work is not None:
            self._work.submit(job)
            [(_, answer)] = self._work.ready(0.0)
            return answer
        if job.move is None:
            return Film(job.key, b"")
        cost = Cost(int(self._evaluations(job)), int(job.move.score and job.move.to > 0))
        if not cost.reward_calls:
            return Outcome(job.key, cost=cost)
        reward = int(digest(["reward", job.key])[:12], 16) / 16**12
        return Outcome(job.key, reward, {"pretended": reward}, 0.0, cost)

    def _lose(self, machine: Machine) -> None:
        """It dies: its calls go elsewhere, and the states of its node are gone unless another replica lives there."""
        machine.lives += 1
        self.restarts += 1
        machine.busy_s -= sum(max(0.0, end - max(begin, self.now)) for begin, end in machine.spans)
        errands, machine.errands, machine.spans = machine.errands, [], []
        self._open[0][machine] = None
        machine.up_at = self.now + self.cluster.load_s
        self._at(machine.up_at, ("up", None, 0))
        if all(m is machine or m.node != machine.node for m in self.generators):
            gone = [key for key, homes in self._homes.items() if machine.node in homes]
            for key in gone:
                self._homes[key].discard(machine.node)
            lost = [key for key in gone if not self._homes[key]]
            self.forget(lost)
        for errand in reversed(errands):
            self._put(errand, first=True)

    def _at(self, when: float, event: Any) -> None:
        self._count += 1
        heapq.heappush(self._events, (when, self._count, event))
