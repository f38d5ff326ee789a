"""The executor on Ray: a pool of generators, a pool of rewards, and only keys, numbers and references between them.

A request is one call on a generator, whose view goes by reference to a reward replica as soon as it exists. Each call
answers with large objects and a small one; only the small one is ever fetched by the driver. Invariants: the driver
never touches latents; every call has a deadline; a request may run twice at a time (a hedge), but is answered and
counted once; a request that fails on ATTEMPTS replicas by its own fault fails for good.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import ray
from ray.exceptions import RayError

from raysearch.config.settings import ClusterConfig, GeneratorConfig
from raysearch.executors.contract import Answer, Counters, Failure, Film, Request, not_kept
from raysearch.executors.outcomes import outcome
from raysearch.executors.policy import DEPTH, SEEN_AHEAD
from raysearch.executors.ray.apart import Apart
from raysearch.executors.ray.calls import Call, InFlight, differ
from raysearch.executors.ray.dispatch import Dispatch
from raysearch.executors.ray.failures import Kind, classify, reason
from raysearch.executors.ray.pool import Pool
from raysearch.executors.ray.pools import Pools
from raysearch.executors.ray.replica import Replica
from raysearch.executors.ray.states import States
from raysearch.moves import Move
from raysearch.sampling.workers import Made

ATTEMPTS = 2  # replicas on which a request may fail by its own fault


class RayExecutor:
    """The pools of a cluster, and the requests in flight between them.

    Args:
        cluster: settings of the pools.
        generator: configuration of the generator.
        rewards: specifications of the rewards, the one searched by first.
        store: folder in which states outlive their node; None for none.
    """

    def __init__(
        self, cluster: ClusterConfig, generator: GeneratorConfig, rewards: list[dict[str, Any]],
        store: str | None = None,
    ):  # fmt: skip
        self._pools, self._apart = Pools(cluster, generator, rewards, store), Apart(store)
        self.generators, self.rewards = self._pools.generators, self._pools.rewards
        self.capacity = SEEN_AHEAD * cluster.generators.replicas + DEPTH * cluster.rewards.replicas
        self.states = States()
        self._out = Dispatch(cluster, self._pools, self.states)
        self.spans = self._out.spans
        self._answers: list[tuple[int, Answer]] = []
        self._last_ticket = self.retries = self.hedges_won = self.mismatches = 0

    def submit(self, request: Request) -> int:
        """Accept a request. Returns its ticket."""
        self._last_ticket += 1
        self._out.queue(InFlight(self._last_ticket, request))
        return self._last_ticket

    def ready(self, timeout: float) -> list[tuple[int, Answer]]:
        """The answers that have arrived; waits up to `timeout` seconds for something to happen on the cluster."""
        self._out.dispatch()
        refs = [*self._out.calls, *(ref for pool in self._pools for ref in pool.waits())]
        if not refs:
            time.sleep(min(timeout, 0.05))
        elif not self._answers:
            ready, _ = ray.wait(refs, num_returns=1, timeout=timeout, fetch_local=False)
            if ready and len(refs) > 1:  # take everything else that is ready
                ready, _ = ray.wait(refs, num_returns=len(refs), timeout=0, fetch_local=False)
            for ref in (ref for ref in ready if ref in self._out.calls):
                self._arrived(self._out.calls.pop(ref), ref)
        self._maintain()
        self._out.dispatch()
        answers, self._answers = self._answers, []
        return answers

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
            "retries": self.retries, "hedges": self.hedges, "hedges_won": self.hedges_won,
            "mismatches": self.mismatches, "moved_bytes": self.states.moved_bytes, "moved_states": self.states.moved,
            "apart": len(self._apart.nodes),
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
            self._repeat(call, why, fault=False)
        self.states.silent = self._pools.silent
        if not self._pools.heard:
            return
        self._apart.look(self.generators.replicas)
        for flight in self._out.take_stranded():
            self._view_lost(flight)
        for call in self._out.stuck():
            self._replica_lost(call.pool, call.replica, "waits for a node that does not answer", blame=False)
        for pool in self._pools:
            for replica in pool.overdue():
                self._replica_lost(pool, replica, pool.durations.overdue(replica.calls[0].work))
            self._out.hedge(pool)

    def _arrived(self, call: Call, ref: Any) -> None:
        """Take the answer or the error of a call from its reference."""
        leads = ref is call.refs[0]
        try:
            answer = ray.get(ref)
        except RayError as error:
            if leads:
                self._failed(call, classify(error), reason(error))
            else:
                self._replica_lost(call.pool, call.replica, f"a rank of it failed: {reason(error)}")
        else:
            if leads:  # of the other ranks, only failures matter
                self._answered(call, answer)

    def _failed(self, call: Call, kind: Kind, why: str) -> None:
        """Do what an error demands: replace the replica, repeat the call, or both."""
        pool, replica = call.pool, call.replica
        if kind is Kind.RESULT_LOST:
            self._out.ended(call)
            self._repeat(call, why, fault=False)
        elif kind is Kind.ARGUMENT_LOST:
            self._out.ended(call)
            self._argument_lost(call)
        elif kind is Kind.CRITIC_LOST and call.critic is not None:
            self._out.ended(call)
            self._replica_lost(self.rewards, call.critic, why)
            call.flight.critics_lost += 1
            self._repeat(call, why, fault=call.flight.critics_lost > ATTEMPTS)
        elif kind in (Kind.CALL_FAILED, Kind.DEVICE_BROKEN, Kind.CRITIC_LOST):
            self._out.ended(call)
            self._repeat(call, why)
            if pool.fault(replica) or kind is Kind.DEVICE_BROKEN:
                self._replica_lost(pool, replica, why, blame=False)
        elif kind is Kind.OUT_OF_MEMORY:
            remedy = f"lower {pool.name}.replicas, or set {pool.name}.memory_gb"
            self._replica_lost(pool, replica, f"its node ran out of memory; {remedy}")
        else:
            self._replica_lost(pool, replica, why, blame=kind is not Kind.REMOVED)

    def _answered(self, call: Call, answer: Any) -> None:
        """Use the small part of a call's answer: scores and seconds, an mp4 or None, or the report of a Move."""
        flight, request = call.flight, call.flight.request
        if call.pool is self.rewards:
            scores, seconds = answer
            self._out.ended(call, seconds, 1.0)
            if not flight.answered:
                assert flight.made is not None
                self._answer(flight, outcome(request.key, flight.made, scores, seconds))
        elif request.move is None:
            self._out.filmed(call)
            if not flight.answered:
                film = not_kept(request.key, request.key) if answer is None else Film(request.key, answer)
                self._answer(flight, film)
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
            self._parent_missing(flight, move.parent)
            return
        flight.made = made
        self.states.keep(key, call.state, call.replica.node, made.bytes, move.to)
        self.hedges_won += call.hedge
        if move.score:
            flight.view, flight.node, flight.avoid = call.view, call.replica.node, None
            self._out.queue(flight)
        else:
            self._answer(flight, outcome(key, made, {}, 0.0))

    def _answer(self, flight: InFlight, answer: Answer) -> None:
        flight.answered, flight.view = True, None
        self._answers.append((flight.ticket, answer))

    def _replica_lost(self, pool: Pool[Call], replica: Replica[Call], why: str, blame: bool = True) -> None:
        """Replace a replica and repeat its calls elsewhere; blame: whether the one it worked on may be the cause."""
        calls = pool.replace(replica)
        for ref in [ref for ref, call in self._out.calls.items() if call in calls]:
            del self._out.calls[ref]
        for i, call in reversed(list(enumerate(calls))):
            self._out.ended(call)
            self._repeat(call, f"{pool.name}: {why}", fault=i == 0 and blame)

    def _repeat(self, call: Call, why: str, fault: bool = True) -> None:
        """Queue a request once more unless another attempt is under way; after ATTEMPTS faults it fails."""
        flight = call.flight
        succeeded = call.pool is self.generators and flight.made is not None  # by its other attempt
        if flight.answered or succeeded:
            return
        flight.faults += fault
        if flight.faults >= ATTEMPTS:
            self._answer(flight, Failure(flight.request.key, f"failed on {ATTEMPTS} replicas: {why}"))
        elif not flight.at(call.pool):
            self.retries += 1
            flight.avoid = call.replica if fault else None
            self._out.queue(flight, first=True)

    def _argument_lost(self, call: Call) -> None:
        """Have the object that a call was to read made again: a view here, a parent by the coordinator."""
        flight = call.flight
        if flight.answered or flight.at(call.pool):
            return
        if call.pool is self.rewards:
            self._view_lost(flight)
        elif flight.made is None:
            self._parent_missing(flight, flight.request.needs)

    def _view_lost(self, flight: InFlight) -> None:
        """Have a state made again, because its view cannot be read."""
        self.states.forget([flight.request.key])
        flight.made = flight.view = flight.node = None
        self.retries += 1
        self._out.queue(flight, first=True)

    def _parent_missing(self, flight: InFlight, key: str | None) -> None:
        self.states.forget([key or ""])
        self._answer(flight, not_kept(flight.request.key, key))
