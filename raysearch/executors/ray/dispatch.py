"""How requests reach the replicas of both pools: queued by stage, sent to those that would finish them first.

Invariants: a request may run twice at a time (a hedge), never more often; states and views travel as references, which
the driver passes on and does not fetch.
"""

from __future__ import annotations

import time
from typing import Any

from raysearch.config.settings import ClusterConfig
from raysearch.executors.contract import Request
from raysearch.executors.policy import Line
from raysearch.executors.ray.beside import Beside
from raysearch.executors.ray.calls import Call, InFlight, effort
from raysearch.executors.ray.conditions import SharedConditions
from raysearch.executors.ray.critic import choose
from raysearch.executors.ray.pool import Pool
from raysearch.executors.ray.pools import Pools
from raysearch.executors.ray.replica import Replica
from raysearch.executors.ray.states import States
from raysearch.executors.spans import Span
from raysearch.moves import Move

LONG = 3.0  # times what nearly all calls take, after which one that reads from a silent node counts as stuck


class Dispatch:
    """The queues of both pools, and the calls that are in flight.

    Args:
        cluster: settings of the pools.
        pools: the pools.
        states: where the states are.
        shared: whether one replica computes the conditions of a prompt for all.
    """

    def __init__(self, cluster: ClusterConfig, pools: Pools, states: States, shared: bool):
        self._cluster, self._pools, self._states = cluster, pools, states
        self._lines: dict[Pool[Call], Line[InFlight, Replica[Call]]] = {pool: Line() for pool in pools}
        self.calls: dict[Any, Call] = {}  # by each of their references
        self.beside = Beside(cluster, pools.generators, states, self.calls)
        self.conditions = SharedConditions(pools.generators, states, shared, self.calls)
        self.hedges = 0
        self._stranded: list[InFlight] = []

    def waiting(self, pool: Pool[Call]) -> int:
        """Number of requests that wait for a replica of a pool."""
        return len(self._lines[pool]) + (len(self.conditions) if pool is self._pools.generators else 0)

    def queue(self, flight: InFlight, first: bool = False) -> None:
        """Queue for a replica of the stage the request is in; first: ahead of all others."""
        request = flight.request
        if flight.view is not None:
            self._lines[self._pools.rewards].put(flight, 1.0, None, flight.avoid, first)
            return
        if not self.conditions.ready(request):
            self.conditions.wait(flight, first)
            return
        node = self._states.node(request.needs)
        self._lines[self._pools.generators].put(flight, self._work(request) or 1.0, node, flight.avoid, first)

    def dispatch(self) -> None:
        """Send queued requests to the replicas that would finish them first, and what runs beside."""
        self.beside.dispatch()
        self.conditions.dispatch()
        for pool, line in self._lines.items():
            if not self._may_begin(pool):
                continue
            lanes, now = pool.lanes, time.monotonic()
            line.alive({replica.node for replica in lanes})
            line.turns.sync(lanes, now)
            for flight, replica in line.match(now):
                if pool is self._pools.rewards and (flight.view is None or flight.scored is not None):
                    continue  # its state is made again, or it has been scored while it waited a second time
                if pool is self._pools.rewards and flight.node in self._states.silent:
                    self._stranded.append(flight)
                elif not flight.done(making := pool is self._pools.generators):
                    if making and not self.conditions.ready(flight.request):
                        self.conditions.wait(flight, first=True)  # they were lost while it was in the line
                    else:
                        self._send(flight, pool, replica)

    def hedge(self, pool: Pool[Call]) -> None:
        """Begin stragglers of a pool a second time on idle replicas, if no request waits; the first answer counts."""
        if len(self._lines[pool]) or not self._may_begin(pool):
            return
        idle = [r for r in pool.lanes if not r.calls]
        for call in pool.stragglers(self._cluster.hedge) if idle else ():
            alone = len(call.flight.at(pool)) == 1 and call.flight.request.move is not None and not call.encodes
            alone = alone and not call.flight.done(pool is self._pools.generators)
            if alone and idle and idle[-1] is not call.replica:
                self.hedges += 1
                self._send(call.flight, pool, idle.pop(), hedge=True)

    def take_stranded(self) -> list[InFlight]:
        """The requests whose view or state lies on a node that does not answer; they are in no queue any more."""
        stranded, self._stranded = [*self._stranded, *self.beside.take_stranded()], []
        return stranded

    def stuck(self) -> list[Call]:
        """Calls that take long on a node that answers, because they read from one that does not."""
        silent = self._states.silent
        late = [call for pool in self._pools for call in pool.stragglers(LONG)] if silent else []
        return [call for call in late if call.sources & silent and not call.replica.silent]

    def spans(self) -> list[Span]:
        """What replicas did since this was last asked."""
        return [span for pool in self._pools for span in pool.trace.take()]

    def encoded(self, call: Call, size: int, seconds: float) -> None:
        """Record that the conditions of a prompt are there, and send what waited for them.

        Args:
            call: the call that computed them.
            size: their bytes; 0 if they cannot be sent, so that every replica computes them itself.
            seconds: how long it took.
        """
        call.pool.trace.add("generators", call.replica.slot, "conditions", seconds)
        self.ended(call)
        for flight in self.conditions.keep(call, size):
            self.queue(flight)

    def decoded(self, call: Call, seconds: float) -> None:
        """Record that the frames of a film are there, and how long that took."""
        call.pool.trace.add("generators", call.replica.slot, "film", seconds)
        self.ended(call)

    def ended(self, call: Call, seconds: float = 0.0, work: float = 0.0, decode_s: float = 0.0) -> None:
        """Record that a call is over.

        Args:
            call: the call.
            seconds: its duration, if it was answered.
            work: its size, if it was answered.
            decode_s: of the duration, the part in which a preview was decoded.
        """
        if call.beside is not None:
            self.beside.ended(call, seconds)
            return
        if call.encodes:
            self.conditions.ended(call)
        if seconds and call.pool is self._pools.rewards:
            call.pool.trace.add("rewards", call.replica.slot, "score", seconds)
        elif seconds:
            call.pool.trace.add("generators", call.replica.slot, "move", seconds, decode_s)
        call.pool.ended(call.replica, call, seconds, work)
        if call in call.flight.calls:
            call.flight.calls.remove(call)

    def _work(self, request: Request) -> float | None:
        """Network evaluations at the most, or what takes as long; None for a film."""
        return None if request.move is None else effort(request.move, self._states.start(request.move))

    def _may_begin(self, pool: Pool[Call]) -> bool:
        """Whether calls may be sent: generators need the size of the rewards' view, remote guides a reward replica."""
        if pool is self._pools.rewards:
            return True
        rewards = self._pools.rewards
        return bool(rewards.lanes) if self._cluster.guide_from == "remote" else rewards.has_loaded

    def _send(self, flight: InFlight, pool: Pool[Call], replica: Replica[Call], hedge: bool = False) -> None:
        """Make the call that the present stage of a request needs, and record it."""
        assert replica.actors is not None
        request, leader, parent = flight.request, replica.actors.leader, self._states.ref(flight.request.needs)
        call = Call(flight, pool, replica, self._work(request), hedge=hedge)
        if pool is self._pools.rewards:
            call.work, call.refs = 1.0, [leader.score.remote(flight.view, request.prompt)]
            call.sources = {flight.node} - {replica.node}
        elif request.move is None:
            frames = leader.frames.options(num_returns=2)
            call.film, ref = frames.remote(request.key, request.prompt, parent, self.conditions.attach(call))
            call.refs = [ref]
        else:
            self._send_move(call, request.move, parent)
        if pool is self._pools.generators:
            call.sources |= {self._states.away(request.needs, replica.node)} - {None}
            self._states.sent(request.needs, replica.node)
        flight.calls.append(call)
        pool.began(replica, call)
        for ref in call.refs:
            self.calls[ref] = call

    def _send_move(self, call: Call, move: Move, parent: Any) -> None:
        """Have the leader of a replica carry out a Move, and its peers follow. parent: reference to the state."""
        actors, request, critic = call.replica.actors, call.flight.request, None
        assert actors is not None
        if move.steered and self._cluster.guide_from == "remote":
            half = self._pools.generators.durations.deadline(call.work) / 2
            call.critic, critic = choose(self._pools.rewards, self.calls.values(), half)
        advance = actors.leader.advance.options(num_returns=4)
        size, conditions = self._pools.rewards.loaded_with, self.conditions.attach(call)
        made = move, request.key, request.prompt, parent, conditions
        call.state, call.view, call.film, ref = advance.remote(size, *made, critic, self._states.filming)
        followers = [peer.follow.remote(*made) for peer in actors.peers]
        call.refs = [ref, *followers]
