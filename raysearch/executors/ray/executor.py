"""The executor on Ray: a pool of generators, a pool of rewards, and only keys, numbers and references between them.

A request is one call on a generator, whose view goes by reference to a reward replica as soon as it exists. Each call
answers with large objects and a small one; only the small one is ever fetched by the driver. Invariants: the driver
never touches latents; every call has a deadline; a request may run twice at a time (a hedge), but is answered and
counted once; a Move has its Outcome when its state is written. What failures demand is in recovery.py.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import ray
from ray.exceptions import RayError

from raysearch.config.settings import ClusterConfig, GeneratorConfig
from raysearch.executors.contract import Answer, Counters, Film, Request
from raysearch.executors.decoded import LIMIT
from raysearch.executors.outcomes import outcome
from raysearch.executors.policy import DEPTH, SEEN_AHEAD
from raysearch.executors.ray.apart import Apart
from raysearch.executors.ray.calls import Call, InFlight, differ
from raysearch.executors.ray.dispatch import Dispatch
from raysearch.executors.ray.failures import classify, lost_object, reason
from raysearch.executors.ray.pools import Pools
from raysearch.executors.ray.recovery import Recovery
from raysearch.executors.ray.states import States
from raysearch.generators import hands_over
from raysearch.moves import Move
from raysearch.sampling.workers import Made


class RayExecutor:
    """The pools of a cluster, and the requests in flight between them.

    Args:
        cluster: settings of the pools.
        generator: configuration of the generator.
        rewards: specifications of the rewards, the one searched by first.
        store: folder in which states outlive their node; None for none.
        films: whether films of finished states will be asked for; their frames are then kept for a while.
    """

    def __init__(
        self, cluster: ClusterConfig, generator: GeneratorConfig, rewards: list[dict[str, Any]],
        store: str | None = None, films: bool = False,
    ):  # fmt: skip
        self._pools, self._apart, self._stores = Pools(cluster, generator, rewards, store), Apart(store), bool(store)
        self.generators, self.rewards = self._pools.generators, self._pools.rewards
        self.capacity = SEEN_AHEAD * cluster.generators.replicas + DEPTH * cluster.rewards.replicas
        self.states = States(LIMIT * cluster.generators.replicas * films)
        self._out = Dispatch(cluster, self._pools, self.states, hands_over(generator))
        self.spans = self._out.spans
        self._recovery = Recovery(self._pools, self.states, self._out)
        self._last_ticket = self.hedges_won = self.mismatches = 0

    def submit(self, request: Request) -> int:
        """Accept a request. Returns its ticket."""
        self._last_ticket += 1
        flight = InFlight(self._last_ticket, request)
        decoded = self.states.films.get(request.key) if request.move is None else None
        if decoded is None:
            self._out.queue(flight)
        else:
            flight.film, flight.maker = decoded
            self._out.beside.queue(flight)
        return self._last_ticket

    def ready(self, timeout: float) -> list[tuple[int, Answer]]:
        """The answers that have arrived; waits up to `timeout` seconds for something to happen on the cluster."""
        self._out.dispatch()
        refs = [*self._out.calls, *(ref for pool in self._pools for ref in pool.waits())]
        if not refs:
            time.sleep(min(timeout, 0.05))
        elif not self._recovery.answers:
            ready, _ = ray.wait(refs, num_returns=1, timeout=timeout, fetch_local=False)
            if ready and len(refs) > 1:  # take everything else that is ready
                ready, _ = ray.wait(refs, num_returns=len(refs), timeout=0, fetch_local=False)
            for ref in (ref for ref in ready if ref in self._out.calls):
                self._arrived(self._out.calls.pop(ref), ref)
        self._maintain()
        self._out.dispatch()
        answers, self._recovery.answers = self._recovery.answers, []
        return answers

    @property
    def retries(self) -> int:
        """Number of calls that were repeated."""
        return self._recovery.retries

    @property
    def hedges(self) -> int:
        """Number of stragglers that were sent to a second replica."""
        return self._out.hedges

    def forget(self, keys: Iterable[str]) -> None:
        """Release states."""
        self.states.forget(keys)

    def drop(self, keys: Iterable[str]) -> None:
        """Delete states on the nodes that do not see the store of this process."""
        self._apart.drop(keys)

    def status(self) -> Counters:
        """Counters by pool."""
        pools = {pool.name.removeprefix("cluster."): pool.status(self._out.waiting(pool)) for pool in self._pools}
        pools["generators"] |= {
            "retries": self._recovery.retries, "hedges": self.hedges, "hedges_won": self.hedges_won,
            "mismatches": self.mismatches, "moved_bytes": self.states.moved_bytes, "moved_states": self.states.moved,
            "apart": len(self._apart.nodes), "encoded": self._out.conditions.computed,
        }  # fmt: skip
        return pools

    def close(self) -> None:
        """End all replicas."""
        self._apart.close(self.generators.replicas if self._pools.heard else [])
        self._pools.close()

    def _maintain(self) -> None:
        """Advance replicas that start, replace those that are overdue, and hedge stragglers."""
        for call, why in self._pools.maintain():
            self._out.ended(call)
            self._recovery.repeat(call, why, fault=False)
        self.states.silent = self._pools.silent
        if not self._pools.heard:
            return
        self._apart.look(self.generators.replicas)
        for flight in self._out.take_stranded():
            self._recovery.view_lost(flight)
        for call in self._out.stuck():
            self._recovery.replica_lost(call.pool, call.replica, "waits for a node that does not answer", blame=False)
        for pool in self._pools:
            for replica in pool.overdue():
                self._recovery.replica_lost(pool, replica, pool.durations.overdue(replica.calls[0].work))
            self._out.hedge(pool)
        for replica, why in self._out.beside.overdue():
            self._recovery.replica_lost(self.generators, replica, why)

    def _arrived(self, call: Call, ref: Any) -> None:
        """Take the answer or the error of a call from its reference."""
        leads = ref is call.refs[0]
        try:
            answer = ray.get(ref)
        except RayError as error:
            if leads:
                self._recovery.failed(call, classify(error), reason(error), lost_object(error))
            else:
                self._recovery.replica_lost(call.pool, call.replica, f"a rank of it failed: {reason(error)}")
        else:
            if leads:  # of the other ranks, only failures matter
                self._answered(call, answer)

    def _answered(self, call: Call, answer: Any) -> None:
        """Use the small part of a call's answer: scores and seconds, an mp4, or the report of a Move."""
        flight, request = call.flight, call.flight.request
        if call.pool is self.rewards:
            scores, seconds = answer
            self._out.ended(call, seconds, 1.0)
            if flight.made is not None:  # otherwise its state was lost meanwhile, and is made again
                flight.scored = outcome(request.key, flight.made, scores, seconds)
                self._settle(flight)
        elif call.beside is not None:
            self._done_beside(call, answer)
        elif call.encodes:
            self._out.encoded(call, *answer)
        elif request.move is None:
            self._out.decoded(call, answer or 0.0)
            if answer is None and not flight.answered:
                self._recovery.parent_missing(flight, request.key)
            elif not flight.answered:
                flight.film, flight.maker = call.film, call.replica
                self._out.beside.queue(flight)
        else:
            self._out.ended(call, answer.seconds, answer.nfe, answer.decode_s)
            if flight.made is not None and answer.hash:
                self.mismatches += differ(request.key, flight.made, answer)
            if not flight.answered and flight.made is None:
                self._move_finished(call, request.move, answer)

    def _move_finished(self, call: Call, move: Move, made: Made) -> None:
        """Keep the state of a Move, and have its view scored."""
        flight, key = call.flight, call.flight.request.key
        if made.missing:
            self._recovery.parent_missing(flight, move.parent)
            return
        flight.made, flight.state, flight.maker = made, call.state, call.replica
        self.states.keep(key, call.state, call.replica.node, made.bytes, move.to)
        if made.film_bytes:
            self.states.films.keep(key, (call.film, call.replica), made.film_bytes)
        self.hedges_won += call.hedge
        if move.score:
            flight.view, flight.node, flight.avoid = call.view, call.replica.node, None
            self._out.queue(flight)
        else:
            flight.scored = outcome(key, made, {}, 0.0)
        if self._stores:
            self._out.beside.queue(flight)
        self._settle(flight)

    def _done_beside(self, call: Call, answer: Any) -> None:
        """Use that a state is written (the seconds it took), or a film encoded (its mp4, and the seconds)."""
        flight, key = call.flight, call.flight.request.key
        if flight.request.move is None:
            mp4, seconds = answer
            self._out.ended(call, seconds)
            if not flight.answered:
                self._recovery.answer(flight, Film(key, mp4))
        else:
            self._out.ended(call, answer)
            flight.saved = True
            self._settle(flight)

    def _settle(self, flight: InFlight) -> None:
        """Answer with the Outcome of a Move, once it is there and its state is written."""
        if flight.scored is not None and not flight.answered and (flight.saved or not self._stores):
            self._recovery.answer(flight, flight.scored)
