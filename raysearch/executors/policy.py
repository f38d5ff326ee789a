"""Which replica takes which Job: pure arithmetic, the same for the Ray pools and for the simulated cluster.

The replica that would finish first takes the next Job (list scheduling by estimated completion time), and among Jobs it
prefers those whose parent lies on its own node; what must move is taken from the node with most of them waiting, so
that few states move (the least is sum_w max(0, O_w - c_w): O_w children of node w, c_w of them made there). While fewer
Jobs wait than replicas could take, a Job may be left for a fast replica that is still busy: at a barrier the slow one
would only be waited for. Nothing here knows Ray or a clock.
"""

from __future__ import annotations

import heapq
from collections import Counter, OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

DEPTH = 2  # calls in flight per replica: the next is there when one ends, and a crash takes no more than two along
SEEN_AHEAD = 4  # Jobs per replica that an executor wants to see, to place them well
FEW = 256  # Jobs up to which every turn is worked out, however many there are per replica
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
        self._filed: dict[str | None, deque[Waiting[T]]] = {None: deque()}
        self._order: OrderedDict[int, Waiting[T]] = OrderedDict()
        self._nodes: set[str | None] | None = None
        self._last = self._first = 0

    def __len__(self) -> int:
        return len(self._order)

    def put(
        self, item: T, work: float = 1.0, node: str | None = None, avoid: object | None = None, first: bool = False
    ) -> None:
        """Join the end of the line; first: its head."""
        self._last += not first
        self._first -= first
        number = self._first if first else self._last
        node = node if self._nodes is None or node in self._nodes else None
        one = self._order[number] = Waiting(item, work, node, avoid, number)
        filed = self._filed.setdefault(node, deque())
        if first:
            self._order.move_to_end(number, last=False)
            filed.appendleft(one)
        else:
            filed.append(one)

    def alive(self, nodes: set[str | None]) -> None:
        """The nodes that have replicas; Jobs at home on another are at home nowhere."""
        if nodes == self._nodes:
            return
        self._nodes = nodes
        lost = [node for node in self._filed if node is not None and node not in nodes]
        strays = [one for node in lost for one in self._filed.pop(node)]
        if strays:
            for one in strays:
                one.node = None
            self._filed[None] = deque(sorted([*self._filed[None], *strays], key=lambda one: one.number))

    def match(self, open: Sequence[L], lanes: Sequence[L]) -> list[tuple[T, L]]:
        """Take from the line what should start now, with the lane that takes it. open: the lanes that have room."""
        if not self._order or not open:
            return []
        ahead = len(self._order) <= max(DEPTH * len(lanes), FEW)
        turns = self._turns(lanes, True) if ahead else self._turns(self._worth_it(open, lanes), False)
        spare = self._spare(turns) if ahead else None
        room = {id(lane): lane.room for lane in open}
        patience, alone = PATIENCE * len(lanes), len(lanes) == 1
        begun: list[tuple[T, L]] = []
        refused = 0  # turns of lanes that every Job left avoids: others take them
        for turn, lane in enumerate([*turns, *open]):
            if not self._order or (turn >= len(turns) and not refused):
                break
            if not room.get(id(lane)):
                continue
            one = self._take(lane, next(iter(self._order)) + patience, alone, spare)
            if one is None:
                room[id(lane)], refused = 0, refused + 1
                continue
            room[id(lane)], refused = room[id(lane)] - 1, refused - (turn >= len(turns))
            begun.append((one.item, lane))
        return begun

    def _worth_it(self, open: Sequence[L], lanes: Sequence[L]) -> list[L]:
        """Of many waiting Jobs, a lane takes one only if it ends before all the others could have done them all."""
        work = len(self._order) * next(iter(self._order.values())).work
        all_done = work / sum(1 / max(lane.pace, 1e-9) for lane in lanes)
        each = work / len(self._order)
        quickest = min(lane.pace for lane in lanes)
        return [lane for lane in open if lane.free_s + lane.pace * each <= all_done + 2 * quickest * each]

    def _turns(self, lanes: Sequence[L], endless: bool) -> list[L]:
        """Whose turn it is for each Job that waits: always the lane that would finish it first.

        endless: a lane takes turns as long as it is the first to finish, not only while it has room now.
        """
        works = iter(self._order.values())
        typical = next(iter(self._order.values())).work
        room = [lane.room for lane in lanes]
        heap = [(lane.free_s + lane.pace * typical, k) for k, lane in enumerate(lanes) if endless or room[k]]
        heapq.heapify(heap)
        turns: list[L] = []
        while heap and (one := next(works, None)) is not None:
            finish, k = heap[0]
            turns.append(lanes[k])
            room[k] -= 1
            if endless or room[k]:
                heapq.heapreplace(heap, (finish + lanes[k].pace * one.work, k))
            else:
                heapq.heappop(heap)
        return turns

    def _spare(self, turns: Sequence[L]) -> Counter[str | None]:
        """How many Jobs of each node others must make, for want of turns on the node itself."""
        here = Counter(lane.node for lane in turns)
        return Counter({node: len(filed) - here[node] for node, filed in self._filed.items() if node is not None})

    def _take(self, lane: Lane, patience: float, alone: bool, spare: Counter[str | None] | None) -> Waiting[T] | None:
        """The Job this lane should have: of its own node, of no node, or of the node with most to spare."""
        own, free = self._filed.get(lane.node), self._filed[None]
        if own and own[0].number > patience:
            own = self._filed[next(iter(self._order.values())).node]
        for filed in (own, free):
            if filed and (one := _pop(filed, lane, alone)) is not None:
                return self._gone(one, lane, spare)
        left = [node for node, filed in self._filed.items() if filed]
        left.sort(key=lambda node: spare[node] if spare is not None else len(self._filed[node]), reverse=True)
        for node in left:
            if (one := _pop(self._filed[node], lane, alone)) is not None:
                return self._gone(one, lane, spare)
        return None

    def _gone(self, one: Waiting[T], lane: Lane, spare: Counter[str | None] | None) -> Waiting[T]:
        del self._order[one.number]
        if spare is not None and one.node is not None and one.node != lane.node:
            spare[one.node] -= 1
        return one


def _pop(filed: deque[Waiting[T]], lane: Lane, alone: bool) -> Waiting[T] | None:
    """The first that does not avoid this lane; a lane that is alone cannot be avoided."""
    for place, one in enumerate(filed):
        if alone or one.avoid is not lane:
            del filed[place]
            return one
    return None
