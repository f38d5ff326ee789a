"""What runs beside the next Move, in threads of the replica: states are written, films encoded.

A call on a generator ends with the network and the decoder. Its state and the frames of its film are in the object
store then, and a second call, on the same replica if it lives, writes or encodes them. Invariants: a Move has its
Outcome only when its state is written; what fails here fails the request as it would within the call; a replica with
BESIDE states to write, or films just decoded, takes no other calls, so that what waits is bounded.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from raysearch.config.settings import ClusterConfig
from raysearch.executors.ray.actors import ENCODING, WRITING
from raysearch.executors.ray.calls import Call, InFlight
from raysearch.executors.ray.pool import Pool
from raysearch.executors.ray.replica import Durations, Replica
from raysearch.executors.ray.states import States


class Beside:
    """The states to be written and the films to be encoded.

    Args:
        cluster: the longest time that a call may take.
        generators: the replicas that do it.
        states: which nodes do not answer.
        calls: the calls in flight by each of their references, which those made here join.
    """

    def __init__(self, cluster: ClusterConfig, generators: Pool[Call], states: States, calls: dict[Any, Call]):
        self._pool, self._states, self._calls = generators, states, calls
        self._durations = {kind: Durations(cluster.deadline_s) for kind in ("save", "encode")}
        self._waiting: deque[InFlight] = deque()
        self._stranded: list[InFlight] = []

    def queue(self, flight: InFlight) -> None:
        """Have the state of a request written, or its film encoded."""
        self._waiting.append(flight)

    def dispatch(self) -> None:
        """Send what waits: to the replica that has made it, else to one on its node, else to any."""
        ready = [r for r in self._pool.replicas if r.phase == "ready" and not r.silent]
        waiting, self._waiting = self._waiting, deque()
        for flight in (flight for flight in waiting if flight.unwritten):
            maker = flight.maker
            if maker is not None and maker.node in self._states.silent:
                self._stranded.append(flight)
            elif not ready:
                self._waiting.append(flight)
            else:
                node = None if maker is None else maker.node
                self._send(flight, min(ready, key=lambda r: (r is flight.avoid, r is not maker, r.node != node,
                                                             len(r.beside))))  # fmt: skip

    def ended(self, call: Call, seconds: float = 0.0) -> None:
        """Record that a call is over. seconds: its duration, if it was answered."""
        replica = call.replica
        if call in replica.beside:
            replica.beside.remove(call)
        replica.beside_since = time.monotonic()
        if call in call.flight.calls:
            call.flight.calls.remove(call)
        if seconds and call.beside is not None:
            self._durations[call.beside].record(seconds, 1.0)
            self._pool.trace.add("generators", replica.slot, call.beside, seconds)

    def overdue(self) -> list[tuple[Replica[Call], str]]:
        """The replicas whose call has exceeded its deadline, each with the reason."""
        now, late = time.monotonic(), []
        for replica in self._pool.replicas:
            kind = replica.beside[0].beside if replica.beside else None
            if kind is not None and now - replica.beside_since > self._durations[kind].deadline(1.0):
                late.append((replica, self._durations[kind].overdue(1.0)))
        return late

    def take_stranded(self) -> list[InFlight]:
        """The requests whose state or frames lie on a node that does not answer; they are in no queue any more."""
        stranded, self._stranded = self._stranded, []
        return stranded

    def _send(self, flight: InFlight, replica: Replica[Call]) -> None:
        assert replica.actors is not None
        leader, films = replica.actors.leader, flight.request.move is None
        call = Call(flight, self._pool, replica, None, beside="encode" if films else "save")
        call.waits = not (films and self._states.films.get(flight.request.key) is not None)
        if films:
            ref = leader.encode.options(concurrency_group=ENCODING).remote(flight.film)
        else:
            ref = leader.save.options(concurrency_group=WRITING).remote(flight.request.key, flight.state)
        call.refs = [ref]
        flight.calls.append(call)
        if not replica.beside:
            replica.beside_since = time.monotonic()
        replica.beside.append(call)
        self._calls[ref] = call
