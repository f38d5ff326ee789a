"""The conditions of prompts: computed by one replica of the generators, used by all, as references in the object store.

A request waits here until the conditions of its prompt are known. Those that are first of their prompt have them
computed, by the replica that has loaded the encoders; the others need not load them. Invariants: the conditions of a
prompt are computed by one call at a time; that call is made for a request, which bears its failures; conditions that
are lost are computed again without blame.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from raysearch.executors.contract import Request
from raysearch.executors.ray.calls import Call, InFlight
from raysearch.executors.ray.pool import Pool
from raysearch.executors.ray.replica import Replica
from raysearch.executors.ray.startup import encoding
from raysearch.executors.ray.states import States
from raysearch.prompts import Prompt

LIMIT = 1_000_000_000  # bytes of the conditions that are kept


@dataclass
class Known:
    """The conditions of a prompt.

    Attributes:
        ref: reference to them; None where they cannot be sent, so that every replica computes them itself.
        bytes: their size.
        copies: the nodes that have them.
    """

    ref: Any  # ray.ObjectRef
    bytes: int
    copies: set[str | None]


@dataclass
class Wanted:
    """A prompt whose conditions are not known: the requests that wait, and the call that computes them."""

    waiting: list[InFlight] = field(default_factory=list)
    call: Call | None = None


def worded(request: Request) -> Prompt:
    """The prompt of a request in the wording for which it needs conditions."""
    return request.prompt.worded(None if request.move is None else request.move.variant)


class SharedConditions:
    """The conditions of all prompts.

    Args:
        generators: the replicas that compute and use them.
        states: which nodes do not answer.
        shared: whether the generator's can be shared at all; if not, no request ever waits.
        calls: the calls in flight by each of their references, which those made here join.

    Attributes:
        computed: how often conditions were computed.
    """

    def __init__(self, generators: Pool[Call], states: States, shared: bool, calls: dict[Any, Call]):
        self._pool, self._states, self._shared, self._calls = generators, states, shared, calls
        self._known: OrderedDict[Prompt, Known] = OrderedDict()
        self._wanted: dict[Prompt, Wanted] = {}
        self.computed = 0

    def __len__(self) -> int:
        """Requests that wait."""
        return sum(len(wanted.waiting) for wanted in self._wanted.values())

    def ready(self, request: Request) -> bool:
        """Whether a request can be sent to a generator."""
        if not self._shared:
            return True
        known = self._known.get(worded(request))
        return known is not None and (known.ref is None or not known.copies <= self._states.silent)

    def wait(self, flight: InFlight, first: bool = False) -> None:
        """Have a request wait for its conditions; first: ahead of the others."""
        waiting = self._wanted.setdefault(worded(flight.request), Wanted()).waiting
        waiting.insert(0 if first else len(waiting), flight)

    def attach(self, call: Call) -> Any:
        """The reference that goes with a call; None for none."""
        prompt = worded(call.flight.request)
        known = self._known.get(prompt)
        if known is None or known.ref is None:
            return None
        self._known.move_to_end(prompt)
        if call.replica.node not in known.copies:
            call.sources |= known.copies
            known.copies.add(call.replica.node)
        call.conditions = known.ref
        return known.ref

    def dispatch(self) -> None:
        """Have conditions computed that are wanted."""
        for prompt, wanted in list(self._wanted.items()):
            wanted.waiting = [flight for flight in wanted.waiting if not flight.done(making=True)]
            if wanted.call is None and not wanted.waiting:
                del self._wanted[prompt]
            elif wanted.call is None and (replica := self._choose(wanted.waiting[0])) is not None:
                wanted.call = self._send(wanted.waiting.pop(0), replica)

    def _choose(self, flight: InFlight) -> Replica[Call] | None:
        """The replica that has the encoders, or is to load them; None to wait for it, or for room."""
        known = encoding(self._pool.replicas)
        if known is not None and known is not flight.avoid:
            return known if known.available and known.room else None
        others = [r for r in self._pool.lanes if r.room]
        return min(others, key=lambda r: (r is flight.avoid, not r.encodes, r.free_s), default=None)

    def _send(self, flight: InFlight, replica: Replica[Call]) -> Call:
        assert replica.actors is not None
        replica.encodes = True
        call = Call(flight, self._pool, replica, None, encodes=True)
        variant = None if flight.request.move is None else flight.request.move.variant
        compute = replica.actors.leader.conditions.options(num_returns=2)
        call.conditions, ref = compute.remote(flight.request.prompt, variant)
        call.refs = [ref]
        flight.calls.append(call)
        self._pool.began(replica, call)
        self._calls[ref] = call
        return call

    def ended(self, call: Call) -> None:
        """Record that a call that computes conditions is over."""
        wanted = self._wanted.get(worded(call.flight.request))
        if wanted is not None and wanted.call is call:
            wanted.call = None

    def keep(self, call: Call, size: int) -> Iterable[InFlight]:
        """Keep what a call has computed. Returns the requests that waited for it.

        Args:
            call: the call.
            size: bytes of the conditions; 0 if they cannot be sent.
        """
        prompt, ref = worded(call.flight.request), call.conditions if size else None
        self._known[prompt] = Known(ref, size, {call.replica.node})
        self._known.move_to_end(prompt)
        self.computed += 1
        while len(self._known) > 1 and sum(known.bytes for known in self._known.values()) > LIMIT:
            self._known.popitem(last=False)
        wanted = self._wanted.pop(prompt, Wanted())
        return [flight for flight in (call.flight, *wanted.waiting) if not flight.answered]

    def lost(self, call: Call, lost: str) -> bool:
        """Whether the object of this id is the conditions that a call was to read, which are then forgotten."""
        if call.conditions is None or (call.conditions.hex() != lost and call.flight.request.needs is not None):
            return False
        prompt = worded(call.flight.request)
        if prompt in self._known and self._known[prompt].ref == call.conditions:
            del self._known[prompt]
        return True
