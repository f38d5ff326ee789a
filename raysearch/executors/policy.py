"""Which replica takes which request: pure arithmetic, the same for the Ray pools and for the simulated cluster.

The replica that would finish first takes the next request (list scheduling by estimated completion time, see
`turns.py`), so at a barrier a slow replica may be left idle for a fast one that is still busy. Among requests a replica
prefers those whose parent is on its own node; what must move is taken from the node with the largest surplus, so that
few states move: at least sum_w max(0, O_w - c_w), for O_w children of node w, c_w of them made there. Nothing here
knows Ray or a clock.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Generic, TypeVar

from raysearch.executors.turns import L, Lane, Slot, Turns

__all__ = ["BESIDE", "DEPTH", "PATIENCE", "SEEN_AHEAD", "Lane", "Line", "Waiting"]

DEPTH = 2  # calls in flight per replica: the next is there when one ends, and a crash affects two at most
BESIDE = 2  # states and films that wait to be written or encoded, with which a replica takes no further calls
SEEN_AHEAD = 4  # requests per replica that an executor should have, to place them well
PATIENCE = 8  # requests per replica that may overtake the oldest one for the sake of locality

T = TypeVar("T")


@dataclass(eq=False)
class Waiting(Generic[T]):
    """Something in a line.

    Attributes:
        item: what waits.
        work: how much it is, in the unit of Lane.pace.
        node: where its parent is; None if any node will do.
        avoid: a lane that must not take it, unless it is the only one.
        number: its place in the order of arrival.
    """

    item: T
    work: float
    node: str | None
    avoid: object | None
    number: int


class Line(Generic[T, L]):
    """What waits for the replicas of one pool, in order of arrival, filed by the node of its parent.

    Attributes:
        turns: the schedule of what waits over the replicas; its user keeps the replicas in it up to date.
    """

    def __init__(self) -> None:
        self.turns: Turns[L] = Turns()
        self._filed: dict[str | None, deque[Waiting[T]]] = {None: deque()}
        self._order: OrderedDict[int, Waiting[T]] = OrderedDict()
        self._nodes: set[str | None] | None = None
        self._last = self._first = 0
        self._work = 0.0  # of all that waits
        self._surplus: list[tuple[int, int, str]] = []  # a heap of (-surplus, number of the node, node)
        self._numbers: dict[str, int] = {}  # of nodes, in the order of their first request: ties go by them

    def __len__(self) -> int:
        return len(self._order)

    def put(
        self, item: T, work: float = 1.0, node: str | None = None, avoid: object | None = None, first: bool = False
    ) -> None:
        """Add something at the end of the line, or at its head if `first`; the other arguments are as in Waiting."""
        self._last += not first
        self._first -= first
        number = self._first if first else self._last
        node = node if self._nodes is None or node in self._nodes else None
        one = self._order[number] = Waiting(item, work, node, avoid, number)
        filed = self._filed.setdefault(node, deque())
        if node is not None:
            self._numbers.setdefault(node, len(self._numbers))
        self._work += work
        self.turns.changed.add(node)
        if first:
            self._order.move_to_end(number, last=False)
            filed.appendleft(one)
        else:
            filed.append(one)

    def alive(self, nodes: set[str | None]) -> None:
        """Tell which nodes have replicas; what has its parent on another node can be made anywhere."""
        if nodes == self._nodes:
            return
        self._nodes = nodes
        lost = [node for node in self._filed if node is not None and node not in nodes]
        strays = [one for node in lost for one in self._filed.pop(node)]
        if strays:
            for one in strays:
                one.node = None
            self._filed[None] = deque(sorted([*self._filed[None], *strays], key=lambda one: one.number))

    def match(self, now: float) -> list[tuple[T, L]]:
        """Take from the line what should start at the time `now`, each with the lane that takes it."""
        if not self._order or not self.turns.open:
            return []
        self.turns.resize(len(self._order), self._work / len(self._order), now)
        begun: list[tuple[T, L]] = []
        due = [(self.turns.first_end(slot), slot.order, slot) for slot in self.turns.due.values()]
        heapq.heapify(due)
        refused: set[Slot[L]] = set()  # lanes that all that is left must avoid; others take their turns
        given_up = 0
        while due and self._order:
            _, order, slot = heapq.heappop(due)
            one = self._take(slot.lane)
            if one is None:
                refused.add(slot)
                given_up += min(slot.turns, slot.room)
                continue
            begun.append(self._begin(one, slot))
            if slot.turns and slot.room:
                heapq.heappush(due, (self.turns.first_end(slot), order, slot))
        for slot in list(self.turns.open.values()) if given_up else ():
            while given_up and self._order and slot.room and slot not in refused:
                one = self._take(slot.lane)
                if one is None:
                    break
                begun.append(self._begin(one, slot))
                given_up -= 1
        return begun

    def _begin(self, one: Waiting[T], slot: Slot[L]) -> tuple[T, L]:
        self.turns.begin(slot, one.work)
        return one.item, slot.lane

    def _take(self, lane: L) -> Waiting[T] | None:
        """Remove what this lane should have: of its own node, of no node, or of the node with the largest surplus."""
        alone = len(self.turns) == 1
        own, anywhere = self._filed.get(lane.node), self._filed[None]
        if own and own[0].number > next(iter(self._order)) + PATIENCE * len(self.turns):
            own = self._filed[next(iter(self._order.values())).node]
        for filed in (own, anywhere):
            if filed and (one := _pop(filed, lane, alone)) is not None:
                return self._removed(one)
        one = self._from_surplus(lane, alone)
        return None if one is None else self._removed(one)

    def _removed(self, one: Waiting[T]) -> Waiting[T]:
        del self._order[one.number]
        self._work = self._work - one.work if self._order else 0.0
        self.turns.changed.add(one.node)
        return one

    def _from_surplus(self, lane: L, alone: bool) -> Waiting[T] | None:
        """Pop from the node for which most waits beyond the turns on the node itself."""
        heap, changed = self._surplus, self.turns.changed
        if len(heap) > 4 * len(self._filed) + 64:
            heap.clear()
            changed = set(self._filed)
        for node in changed:
            if node is not None and self._filed.get(node):
                heapq.heappush(heap, (-self._surplus_of(node), self._numbers[node], node))
        self.turns.changed.clear()
        while heap and not (self._filed.get(heap[0][2]) and -heap[0][0] == self._surplus_of(heap[0][2])):
            heapq.heappop(heap)  # outdated
        if not heap:
            return None
        one = _pop(self._filed[heap[0][2]], lane, alone)
        if one is not None:
            return one
        nodes = [
            node for node, filed in self._filed.items() if node is not None and filed
        ]  # all there avoids this lane
        nodes.sort(key=self._surplus_of, reverse=True)
        popped = (_pop(self._filed[node], lane, alone) for node in nodes)
        return next((one for one in popped if one is not None), None)

    def _surplus_of(self, node: str) -> int:
        return len(self._filed[node]) - self.turns.on_node[node]


def _pop(filed: deque[Waiting[T]], lane: object, alone: bool) -> Waiting[T] | None:
    """Remove and return the first that does not avoid this lane; a lane that is alone cannot be avoided."""
    for place, one in enumerate(filed):
        if alone or one.avoid is not lane:
            del filed[place]
            return one
    return None
