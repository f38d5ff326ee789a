"""What becomes of requests whose calls fail: repeated elsewhere, made again, or failed for good.

Invariants: a request that fails on ATTEMPTS replicas by its own fault fails for good; of the calls of a replica that
died only the one it was working on is under suspicion; what was lost with a node is made again without blame.
"""

from __future__ import annotations

from raysearch.executors.contract import Answer, Failure, not_kept
from raysearch.executors.ray.calls import Call, InFlight
from raysearch.executors.ray.dispatch import Dispatch
from raysearch.executors.ray.failures import Kind
from raysearch.executors.ray.pool import Pool
from raysearch.executors.ray.pools import Pools
from raysearch.executors.ray.replica import Replica
from raysearch.executors.ray.states import States

ATTEMPTS = 2  # replicas on which a request may fail by its own fault


class Recovery:
    """The answers of an executor, and what is done for those that fail to come.

    Args:
        pools: both pools.
        states: the states in the object store.
        out: the queues and the calls in flight.

    Attributes:
        answers: those that nobody has taken yet, each with its ticket.
        retries: how often a call was repeated.
    """

    def __init__(self, pools: Pools, states: States, out: Dispatch):
        self._generators, self._rewards, self._states, self._out = pools.generators, pools.rewards, states, out
        self.answers: list[tuple[int, Answer]] = []
        self.retries = 0

    def failed(self, call: Call, kind: Kind, why: str, lost: str = "") -> None:
        """Do what an error demands: replace the replica, repeat the call, or both.

        Args:
            call: the call that failed.
            kind: the kind of the error.
            why: the error in words.
            lost: the id of the object that the call was to read and that is lost, if it is that.
        """
        pool, replica = call.pool, call.replica
        if kind is Kind.RESULT_LOST:
            self._out.ended(call)
            self.repeat(call, why, fault=False)
        elif kind is Kind.ARGUMENT_LOST:
            self._out.ended(call)
            if self._out.conditions.lost(call, lost):
                self.repeat(call, why, fault=False)
            else:
                self._argument_lost(call)
        elif kind is Kind.CRITIC_LOST and call.critic is not None:
            self._out.ended(call)
            self.replica_lost(self._rewards, call.critic, why)
            call.flight.critics_lost += 1
            self.repeat(call, why, fault=call.flight.critics_lost > ATTEMPTS)
        elif kind in (Kind.CALL_FAILED, Kind.DEVICE_BROKEN, Kind.CRITIC_LOST):
            self._out.ended(call)
            self.repeat(call, why)
            if pool.fault(replica) or kind is Kind.DEVICE_BROKEN:
                self.replica_lost(pool, replica, why, blame=False)
        elif kind is Kind.OUT_OF_MEMORY:
            remedy = f"lower {pool.name}.replicas, or set {pool.name}.memory_gb"
            self.replica_lost(pool, replica, f"its node ran out of memory; {remedy}")
        else:
            self.replica_lost(pool, replica, why, blame=kind is not Kind.REMOVED)

    def answer(self, flight: InFlight, answer: Answer) -> None:
        """Answer a request, and let go of what was kept for it."""
        flight.answered, flight.view, flight.state, flight.film = True, None, None, None
        self.answers.append((flight.ticket, answer))

    def replica_lost(self, pool: Pool[Call], replica: Replica[Call], why: str, blame: bool = True) -> None:
        """Replace a replica and repeat its calls elsewhere; blame: whether the one it worked on may be the cause."""
        calls = pool.replace(replica)
        for ref in [ref for ref, call in self._out.calls.items() if call in calls]:
            del self._out.calls[ref]
        for i, call in reversed(list(enumerate(calls))):
            self._out.ended(call)
            self.repeat(call, f"{pool.name}: {why}", fault=i == 0 and blame)

    def repeat(self, call: Call, why: str, fault: bool = True) -> None:
        """Queue a request once more unless another attempt is under way; after ATTEMPTS faults it fails."""
        flight = call.flight
        succeeded = call.pool is self._generators and flight.made is not None  # by its other attempt
        if flight.answered or (flight.saved if call.beside else succeeded):
            return
        flight.faults += fault
        if flight.faults >= ATTEMPTS:
            self.answer(flight, Failure(flight.request.key, f"failed on {ATTEMPTS} replicas: {why}"))
        elif call.beside:
            flight.avoid = call.replica if fault else flight.avoid
            self._out.beside.queue(flight)
        elif not flight.at(call.pool):
            self.retries += 1
            flight.avoid = call.replica if fault else None
            self._out.queue(flight, first=True)

    def _argument_lost(self, call: Call) -> None:
        """Have the object that a call was to read made again: a view here, a parent by the coordinator."""
        flight = call.flight
        if flight.answered or flight.at(call.pool):
            return
        if call.pool is self._rewards or call.beside:
            self.view_lost(flight)
        elif flight.made is None:
            self.parent_missing(flight, flight.request.needs)

    def view_lost(self, flight: InFlight) -> None:
        """Have a state or the frames of a film made again, because they, or a view of them, cannot be read."""
        if flight.made is None and flight.film is None:  # that is under way
            return
        if flight.made is None:
            self._states.films.forget([flight.request.key])
        else:
            self._states.forget([flight.request.key])
        flight.made = flight.view = flight.node = flight.state = flight.film = flight.scored = None
        self.retries += 1
        self._out.queue(flight, first=True)

    def parent_missing(self, flight: InFlight, key: str | None) -> None:
        """Answer that a state is kept nowhere. key: that of the state."""
        self._states.forget([key or ""])
        self.answer(flight, not_kept(flight.request.key, key))
