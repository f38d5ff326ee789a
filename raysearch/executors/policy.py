"""Which replica takes which Job: pure arithmetic, the same for the Ray pools and for the simulated cluster.

The replica that would finish first takes the next Job (list scheduling by estimated completion time), and among Jobs it
prefers those whose parent lies on its own node; what must move is taken from the node with most of them waiting, so
that few states move (the least is sum_w max(0, O_w - c_w): O_w children of node w, c_w of them made there). While fewer
Jobs wait than replicas could take, a Job may be left for a fast replica that is still busy: at a barrier the slow one
would only be waited for. Nothing here knows Ray or a clock.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

DEPTH = 2  # calls in flight per replica: the next is there when one ends, and a crash takes no more than two along
PATIENCE = 8  # Jobs per replica that may overtake the oldest one for the sake of locality


class Lane(Protocol):
    """One replica as the policy sees it.

    free_s: seconds until it has done what it was given; pace: seconds per unit of work; room: further calls it takes.
    """

    @property
    def node(self) -> str | None: ...
    @property
    def room(self) -> int: ...
    @property
    def pace(self) -> float: ...
    @property
    def free_s(self) -> float: ...


T = TypeVar("T")
L = TypeVar("L", bound=Lane)


@dataclass(eq=False)
class Waiting(Generic[T]):
    """work: as Lane.pace counts it; node: where its parent lies, None if anywhere will do; avoid: not this lane."""

    item: T
    work: float
    node: str | None
    avoid: object | None
    number: int


class Line(Generic[T]):
    """What waits for a replica, in order of arrival, filed by the node of its parent."""

    def __init__(self) -> None:
        self._nodes: dict[str | None, deque[Waiting[T]]] = {None: deque()}
        self._last = self._first = 0

    def __len__(self) -> int:
        return sum(map(len, self._nodes.values()))

    def put(
        self, item: T, work: float = 1.0, node: str | None = None, avoid: object | None = None, first: bool = False
    ) -> None:
        """Join the end of the line; first: its head."""
        self._last += not first
        self._first -= first
        one = Waiting(item, work, node, avoid, self._first if first else self._last)
        filed = self._nodes.setdefault(node, deque())
        (filed.appendleft if first else filed.append)(one)

    def drop(self, items: Iterable[T]) -> None:
        """Leave the line, wherever they stand in it."""
        gone = {id(item) for item in items}
        for node, filed in self._nodes.items():
            self._nodes[node] = deque(w for w in filed if id(w.item) not in gone)

    def match(self, lanes: Sequence[L]) -> list[tuple[T, L]]:
        """Take from the line what should start now, with the lane that takes it."""
        waiting, room = len(self), [lane.room for lane in lanes]
        left = sum(room)
        if not waiting or not left:
            return []
        self._refile({lane.node for lane in lanes})
        look_ahead = waiting < DEPTH * len(lanes)
        typical = next(w.work for filed in self._nodes.values() for w in filed)
        heap = [(lane.free_s + lane.pace * typical, k) for k, lane in enumerate(lanes) if look_ahead or room[k]]
        heapq.heapify(heap)
        begun: list[tuple[T, L]] = []
        reserved: list[Waiting[T]] = []
        oldest = min(filed[0].number for filed in self._nodes.values() if filed)
        while heap and left:
            finish, k = heapq.heappop(heap)
            lane = lanes[k]
            one = self._take(lane, oldest + PATIENCE * len(lanes), alone=len(lanes) == 1)
            if one is None:
                continue
            if room[k]:
                room[k], left = room[k] - 1, left - 1
                begun.append((one.item, lane))
            else:
                reserved.append(one)
            if look_ahead or room[k]:
                heapq.heappush(heap, (finish + lane.pace * one.work, k))
        for one in reversed(reserved):
            self._nodes.setdefault(one.node, deque()).appendleft(one)
        return begun

    def _take(self, lane: Lane, patience: float, alone: bool) -> Waiting[T] | None:
        """The Job this lane should have: of its own node, of no node, or of the node with most of them."""
        own, free = self._nodes.get(lane.node), self._nodes[None]
        if own and own[0].number > patience:
            own = min((filed for filed in self._nodes.values() if filed), key=lambda filed: filed[0].number)
        for filed in (own, free):
            if filed and (one := _pop(filed, lane, alone)) is not None:
                return one
        others = sorted((filed for filed in self._nodes.values() if filed), key=len, reverse=True)
        return next((one for filed in others if (one := _pop(filed, lane, alone)) is not None), None)

    def _refile(self, alive: set[str | None]) -> None:
        """Jobs of nodes without a replica are at home nowhere."""
        lost = [node for node, filed in self._nodes.items() if node is not None and (not filed or node not in alive)]
        strays = [one for node in lost for one in self._nodes.pop(node)]
        if strays:
            self._nodes[None] = deque(sorted([*self._nodes[None], *strays], key=lambda one: one.number))


def _pop(filed: deque[Waiting[T]], lane: Lane, alone: bool) -> Waiting[T] | None:
    """The first that does not avoid this lane; a lane that is alone cannot be avoided."""
    for place, one in enumerate(filed):
        if alone or one.avoid is not lane:
            del filed[place]
            return one
    return None
