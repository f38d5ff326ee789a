"""Requests in flight on Ray, and the calls made for them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from raysearch.executors.contract import Request
from raysearch.executors.ray.replica import Replica
from raysearch.moves import Move, Outcome
from raysearch.sampling.workers import Made

if TYPE_CHECKING:
    from raysearch.executors.ray.pool import Pool

Ref = Any  # ray.ObjectRef, whose type parameter says nothing here


@dataclass(eq=False)
class InFlight:
    """A request on its way: first on a generator and then, once it has a view, on a reward replica.

    Attributes:
        ticket: what `submit` returned.
        request: the request.
        faults: failures so far that were its own fault.
        critics_lost: how often the reward replica that its guide asked was lost.
        avoid: the replica on which it failed last.
        made: the generator's report, once it has finished.
        view: reference to the view that is to be scored.
        node: the node on which the view lies.
        state: reference to the state it has made.
        film: reference to the frames and the sound of the film, or of that which can be made of the state.
        maker: the replica that has made these; the next choice is one on the same node.
        saved: whether its state outlives the replica, or need not.
        scored: the Outcome, which is the answer once the state is saved.
        calls: attempts under way.
        answered: whether the coordinator has its answer.
    """

    ticket: int
    request: Request
    faults: int = 0
    critics_lost: int = 0
    avoid: Replica[Call] | None = None
    made: Made | None = None
    view: Ref = None
    node: str | None = None
    state: Ref = None
    film: Ref = None
    maker: Replica[Call] | None = None
    saved: bool = False
    scored: Outcome | None = None
    calls: list[Call] = field(default_factory=list)
    answered: bool = False

    def done(self, making: bool) -> bool:
        """Whether it needs no further attempt: it is answered, or `making` its state is what is due and it is made."""
        return self.answered or (making and self.made is not None)

    @property
    def unwritten(self) -> bool:
        """Whether there is a state to be written, or a film to be encoded."""
        return not (self.answered or self.saved) and (self.state or self.film) is not None

    def at(self, pool: Pool[Call]) -> list[Call]:
        """The attempts under way in a pool, without what runs beside."""
        return [call for call in self.calls if call.pool is pool and call.beside is None]


@dataclass(eq=False)
class Call:
    """One attempt at the present stage of a request, on one replica.

    Attributes:
        flight: the request it is made for.
        pool: the pool of its replica.
        replica: where it runs.
        work: network evaluations it takes at the most, or what takes as long; None if unknown.
        state: reference to the state it makes.
        view: reference to the view it makes.
        refs: references to the small answers of every rank, the leader's first.
        hedge: whether it is a second attempt beside a slow one.
        critic: the reward replica that a guide asks meanwhile.
        film: reference to the frames it makes for a film.
        beside: `save` or `encode` where it runs beside the calls of its replica.
        waits: whether what it is to write or encode takes memory of its own, which bounds how many there are.
        sources: the nodes from which it fetches what it reads, without its own.
        conditions: reference to the conditions of the prompt, which it reads or, if it `encodes`, computes.
        encodes: whether it computes the conditions of the prompt, for all requests of it.
    """

    flight: InFlight
    pool: Pool[Call]
    replica: Replica[Call]
    work: float | None
    state: Ref = None
    view: Ref = None
    film: Ref = None
    refs: list[Ref] = field(default_factory=list)
    hedge: bool = False
    critic: Replica[Call] | None = None
    beside: Literal["save", "encode"] | None = None
    waits: bool = True
    sources: set[str | None] = field(default_factory=set)
    conditions: Ref = None
    encodes: bool = False


def differ(key: str, first: Made, second: Made) -> bool:
    """Whether two runs of the Move of this key gave different states, of which it warns."""
    if first.hash == second.hash:
        return False
    warnings.warn(
        f"Move {key} gave other latents on another replica: results may depend on where they are made; are all "
        "replicas on the same kind of device?", RuntimeWarning, stacklevel=2,
    )  # fmt: skip
    return True


def effort(move: Move, start: int) -> float:
    """Upper bound of the network evaluations of a Move, or what takes as long.

    Args:
        move: the Move.
        start: the step it starts from.
    """
    guide = move.guide
    each = 1.0 if guide is None else 1.0 + 5.0 * guide.inner * (guide.travel + 1)
    drift = 0.0 if move.drift is None else 12.0  # two evaluations with their gradients
    return 2.0 + drift + max(0, move.to - start) * each  # one more for the state at `to`, and one for decoding
