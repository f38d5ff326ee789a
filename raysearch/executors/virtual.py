"""The executor with a simulated clock: the same coordinator, searches and policy against a modelled cluster.

It answers in the order in which that cluster would answer; `raysearch plan` reads its clock. The answers are either
made up (rewards drawn by key, no model loaded) or real (`work`: an inline executor carries out every request at the
moment it ends), so that the contract of executors can be tested on it, failures included. It handles one event at a
time, those of the same moment in the order in which they were planned, without threads, sleeping or wall clock.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Iterable

from raysearch.executors.contract import Answer, Counters, Executor, Failure, Film, Request, not_kept
from raysearch.executors.policy import DEPTH, SEEN_AHEAD, Line
from raysearch.executors.simulated import Clock, Cluster, Event, SimulatedReplica, SimulatedRequest
from raysearch.moves import Cost, Outcome, digest
from raysearch.search.common import evaluations

__all__ = ["Cluster", "Virtual"]

SimulatedLine = Line[SimulatedRequest, SimulatedReplica]


class Virtual:
    """Simulates a cluster.

    Args:
        cluster: the model.
        work: an executor in this process that carries out the requests; None to make answers up.
    """

    def __init__(self, cluster: Cluster, work: Executor | None = None):
        self.cluster, self._work = cluster, work
        self._clock, self._planned = Clock(), 0
        self._events: list[tuple[float, int, Event]] = []  # a heap
        nodes = list(cluster.nodes) or [f"node-{k}" for k in range(len(cluster.generators))]
        self.generators = [
            SimulatedReplica(n, p, self._clock, cluster.load_s) for n, p in zip(nodes, cluster.generators, strict=True)
        ]
        self.rewards = [SimulatedReplica(None, p, self._clock, cluster.load_s) for p in cluster.rewards]
        self.capacity = SEEN_AHEAD * len(self.generators) + DEPTH * len(self.rewards)
        self._lines: tuple[SimulatedLine, SimulatedLine] = Line(), Line()
        self._steps: dict[str, int] = {}  # of every state ever made
        self._homes: dict[str, set[str | None]] = {}  # nodes that hold it
        self._last_ticket = self.restarts = self.moved_states = 0
        for when, k in cluster.lost:
            self._plan(when, Event("lost", self.generators[k]))
        for replica in (*self.generators, *self.rewards):
            self._plan(cluster.load_s, Event("up", replica))

    @property
    def now(self) -> float:
        """The simulated time in seconds."""
        return self._clock.now

    def submit(self, request: Request) -> int:
        """Accept a request. Returns its ticket."""
        self._last_ticket += 1
        self._queue(SimulatedRequest(self._last_ticket, request))
        return self._last_ticket

    def ready(self, timeout: float) -> list[tuple[int, Answer]]:
        """The next answers; the clock is then at the moment of their arrival. `timeout` has no meaning here."""
        answers: list[tuple[int, Answer]] = []
        while not answers:
            if not (self._events and self._events[0][0] == self.now and self._events[0][2].kind == "up"):
                self._dispatch()  # not before all that are ready at this moment can take their share
            if not self._events:
                return []
            self._clock.now, _, event = heapq.heappop(self._events)
            if event.kind == "lost":
                self._lose(event.replica)
            elif event.replica.lives == event.life and event.kind == "end":
                answers += self._end(event.replica)
            elif event.replica.lives == event.life:
                self._line_of(event.replica).turns.update(event.replica, self.now)
        return answers

    def forget(self, keys: Iterable[str]) -> None:
        """Release states."""
        keys = list(keys)
        for key in keys:
            self._homes.pop(key, None)
        if self._work is not None:
            self._work.forget(keys)

    def drop(self, keys: Iterable[str]) -> None:
        """Nothing to do: the nodes are imagined."""

    def status(self) -> Counters:
        """Counters by pool."""
        pools = {}
        for name, replicas, line in zip(("generators", "rewards"), (self.generators, self.rewards), self._lines,
                                        strict=True):  # fmt: skip
            pools[name] = {
                "replicas": len(replicas), "alive": sum(m.up_at <= self.now for m in replicas),
                "busy": sum(bool(m.calls) for m in replicas), "queue": len(line),
                "restarts": self.restarts if name == "generators" else 0, "busy_s": sum(m.busy_s for m in replicas),
                "replica_s": [m.busy_s for m in replicas], "replica_work": [m.work for m in replicas],
            }  # fmt: skip
        pools["generators"] |= {"moved_states": self.moved_states, "now_s": self.now}
        return pools

    def close(self) -> None:
        """End the executor that does the work."""
        if self._work is not None:
            self._work.close()

    def _queue(self, call: SimulatedRequest, first: bool = False) -> None:
        """Queue for a replica of the stage the request is in; first: ahead of all others."""
        request = call.request
        if call.outcome is not None:
            self._lines[1].put(call, 1.0, None, None, first)
            return
        homes = self._homes.get(request.needs or "")
        node = min(homes, key=str) if homes else None
        self._lines[0].put(call, self._evaluations(request) or 1.0, node, None, first)

    def _dispatch(self) -> None:
        """Start queued requests on the replicas that would finish them first, and plan their ends."""
        for line in self._lines:
            for call, replica in line.match(self.now):
                begin = self.now + replica.free_s
                seconds = self._seconds(call, replica)
                replica.spans.append((begin, begin + seconds))
                replica.calls.append(call)
                replica.busy_s += seconds
                replica.work += self._evaluations(call.request) if call.outcome is None else 1
                line.turns.update(replica, self.now)
                self._plan(begin + seconds, Event("end", replica, replica.lives))

    def _seconds(self, call: SimulatedRequest, replica: SimulatedReplica) -> float:
        """How long a replica takes for the present stage of a request."""
        request, cluster = call.request, self.cluster
        if call.outcome is not None:
            return replica.pace
        decoded = request.move is None or _scored(request)
        seconds = replica.pace * self._evaluations(request) + cluster.decode_s * decoded
        seconds += cluster.score_s * _scored(request)
        if cluster.spread:
            sigma = math.sqrt(math.log1p(cluster.spread**2))
            draw = random.Random(f"{request.key}{cluster.seed}").gauss(-sigma * sigma / 2, sigma)
            seconds *= math.exp(draw)
        homes = self._homes.get(request.needs or "")
        if homes and replica.node not in homes:
            homes.add(replica.node)
            self.moved_states += 1
            seconds += cluster.transfer_s
        return seconds

    def _evaluations(self, request: Request) -> float:
        move = request.move
        if move is None:
            return 0.0
        start = self._steps.get(move.parent or "", 0) if move.back is None else move.back
        if self.cluster.steps is None:
            return float(move.to - start)
        drift = 2.0 * (move.drift is not None)
        return drift + evaluations(start, move.to, self.cluster.steps, move.back is not None or bool(move.mutate))

    def _end(self, replica: SimulatedReplica) -> list[tuple[int, Answer]]:
        """The oldest call of a replica is over: answer it, or queue it for its score."""
        call = replica.calls.pop(0)
        replica.spans.pop(0)
        self._line_of(replica).turns.update(replica, self.now)
        request = call.request
        if call.outcome is not None:
            return [(call.ticket, call.outcome)]
        if request.needs is not None and not self._homes.get(request.needs) and self._work is None:
            return [(call.ticket, not_kept(request.key, request.needs))]
        answer = self._carry_out(request)
        if isinstance(answer, Failure) or request.move is None:
            return [(call.ticket, answer)]
        self._steps[request.key] = request.move.to
        self._homes[request.key] = {replica.node}
        if isinstance(answer, Outcome) and _scored(request):
            call.outcome = answer
            self._queue(call)
            return []
        return [(call.ticket, answer)]

    def _carry_out(self, request: Request) -> Answer:
        """The answer to a request: by `work`, or made up."""
        if self._work is not None:
            self._work.submit(request)
            [(_, answer)] = self._work.ready(0.0)
            return answer
        if request.move is None:
            return Film(request.key, b"")
        cost = Cost(int(self._evaluations(request)), int(_scored(request)))
        if not cost.reward_calls:
            return Outcome(request.key, cost=cost)
        reward = int(digest(["reward", request.key])[:12], 16) / 16**12
        told = {"pretended": reward, "pretended.break": 1.0, "pretended.frames": 1.0}  # a video that does not break
        return Outcome(request.key, reward, told, 0.0, cost)

    def _lose(self, replica: SimulatedReplica) -> None:
        """A replica dies: its calls go elsewhere, and the states of its node are gone if no other replica is on it."""
        replica.lives += 1
        self.restarts += 1
        replica.busy_s -= sum(max(0.0, end - max(begin, self.now)) for begin, end in replica.spans)
        calls, replica.calls, replica.spans = replica.calls, [], []
        self._lines[0].turns.remove(replica)
        replica.up_at = self.now + self.cluster.load_s
        self._plan(replica.up_at, Event("up", replica, replica.lives))
        if all(other is replica or other.node != replica.node for other in self.generators):
            on_node = [key for key, homes in self._homes.items() if replica.node in homes]
            for key in on_node:
                self._homes[key].discard(replica.node)
            self.forget([key for key in on_node if not self._homes[key]])
        for call in reversed(calls):
            self._queue(call, first=True)

    def _line_of(self, replica: SimulatedReplica) -> SimulatedLine:
        return self._lines[replica.node is None]

    def _plan(self, when: float, event: Event) -> None:
        self._planned += 1
        heapq.heappush(self._events, (when, self._planned, event))


def _scored(request: Request) -> bool:
    """Whether a reward replica judges what the request makes."""
    return request.move is not None and request.move.score
