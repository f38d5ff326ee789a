"""Whose turn it is: list scheduling of what waits over all replicas, kept up to date from event to event.

The first N turns are those that would finish first if every replica took one unit after the other. Each replica knows
how many of them are its own; two heaps hold the last turn it has and the next one it would get, so that one more or
one fewer waiting request, or one replica that changes, costs O(log replicas) instead of working out all turns anew.
Heap entries are never changed but marked as outdated by a version.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

SAME_S = 1e-9  # times that differ by less are the same
DRIFT = 0.1  # relative change of the work per turn from which on all turns are worked out anew


class Lane(Protocol):
    """One replica as the policy sees it; hashed by identity.

    Attributes:
        node: its node; None if it can be anywhere.
        room: number of further calls it takes.
        pace: seconds per unit of work.
        free_s: seconds until it will have finished its calls.
    """

    @property
    def node(self) -> str | None:
        """Its node; None if it can be anywhere."""

    @property
    def room(self) -> int:
        """Number of further calls it takes."""

    @property
    def pace(self) -> float:
        """Seconds per unit of work."""

    @property
    def free_s(self) -> float:
        """Seconds until it will have finished its calls."""


L = TypeVar("L", bound=Lane)


@dataclass(eq=False)
class Slot(Generic[L]):
    """A lane in the schedule: turns is how many of the first N are its own, free_at when it could begin the first."""

    lane: L
    order: int
    node: str | None
    free_at: float
    pace: float
    room: int
    turns: int = 0
    version: int = 0


Entry = tuple[float, int, "Slot[L]", int]  # key, order of the lane, slot, its version at the time


class Turns(Generic[L]):
    """The first N turns over all lanes.

    Attributes:
        total: N.
        on_node: turns by node.
        changed: nodes whose number of turns changed since the user of this set emptied it.
        open: the lanes that have room, in the order in which they got it.
        due: those of them that have a turn.
    """

    def __init__(self) -> None:
        self.total, self._work, self._now, self._count = 0, 1.0, 0.0, 0
        self.on_node: Counter[str | None] = Counter()
        self.changed: set[str | None] = set()
        self.open: dict[L, Slot[L]] = {}
        self.due: dict[L, Slot[L]] = {}
        self._slots: dict[L, Slot[L]] = {}
        self._next: list[Entry[L]] = []  # by the end of the turn that each lane would get next ...
        self._idle: list[Entry[L]] = []  # ... of idle lanes, whose next turn begins now, by pace
        self._last: list[Entry[L]] = []  # by the end of the last turn that each lane has, latest first

    def __len__(self) -> int:
        return len(self._slots)

    def update(self, lane: L, now: float) -> None:
        """Add a lane, or tell that its room, its pace or the time it will be free has changed."""
        self._now = max(self._now, now)
        free_at, slot = now + lane.free_s, self._slots.get(lane)
        if slot is None:
            self._count += 1
            slot = self._slots[lane] = Slot(lane, self._count, lane.node, free_at, lane.pace, lane.room)
            self._touch(slot)
            return
        slot.room = lane.room
        idle = not slot.turns and max(slot.free_at, free_at) <= now + SAME_S
        if slot.pace == lane.pace and (idle or abs(slot.free_at - free_at) < SAME_S):
            self._list(slot)
            return
        slot.free_at, slot.pace = free_at, lane.pace
        self._touch(slot)

    def remove(self, lane: L) -> None:
        """Take a lane out of the schedule, with its turns."""
        slot = self._slots.pop(lane, None)
        if slot is not None:
            self._count_turns(slot, -slot.turns)
            slot.version, slot.room = slot.version + 1, 0
            self._list(slot)

    def sync(self, lanes: Iterable[L], now: float) -> None:
        """Make the schedule hold exactly these lanes, as they are now."""
        present = dict.fromkeys(lanes)
        for lane in [lane for lane in self._slots if lane not in present]:
            self.remove(lane)
        for lane in present:
            self.update(lane, now)

    def resize(self, total: int, work: float, now: float) -> None:
        """Work out the first `total` turns, each of this much work, as of the time `now`."""
        self._now = max(self._now, now)
        if abs(work - self._work) > DRIFT * self._work:
            self._work = work
            for slot in self._slots.values():
                self._count_turns(slot, -slot.turns)
                self._touch(slot)
        while self._slots and self.total < total:
            self._grow(self._first_next())
        while self.total > total:
            self._shrink(self._latest())
        while (latest := self._latest()) is not None and self._slots:
            first = self._first_next()
            if first is latest or self._end(latest, latest.turns) <= self._end(first, first.turns + 1) + SAME_S:
                break
            self._shrink(latest)
            self._grow(first)

    def first_end(self, slot: Slot[L]) -> float:
        """When the first turn of a lane ends."""
        return self._end(slot, 1)

    def begin(self, slot: Slot[L], work: float) -> None:
        """A lane takes up something of this much work, which was one of its turns if it has any."""
        slot.free_at = max(slot.free_at, self._now) + slot.pace * work
        slot.room -= 1
        if slot.turns:
            self._count_turns(slot, -1)
        else:  # it takes the turn of another
            self._shrink(self._latest())
        self._touch(slot)

    def _grow(self, slot: Slot[L]) -> None:
        slot.free_at = max(slot.free_at, self._now)
        self._count_turns(slot, 1)
        self._touch(slot)

    def _shrink(self, slot: Slot[L] | None) -> None:
        if slot is not None:
            self._count_turns(slot, -1)
            self._touch(slot)

    def _count_turns(self, slot: Slot[L], change: int) -> None:
        if change:
            slot.turns += change
            self.total += change
            self.on_node[slot.node] += change
            self.changed.add(slot.node)

    def _end(self, slot: Slot[L], turn: int) -> float:
        """When the given turn of a lane ends (the first is 1)."""
        return max(slot.free_at, self._now) + turn * slot.pace * self._work

    def _touch(self, slot: Slot[L]) -> None:
        """File a slot that has changed anew."""
        slot.version += 1
        self._push(self._next, self._end(slot, slot.turns + 1), slot)
        if slot.turns:
            self._push(self._last, -self._end(slot, slot.turns), slot)
        self._list(slot)

    def _list(self, slot: Slot[L]) -> None:
        """Keep `open` and `due` in step with a slot."""
        for lanes, belongs in ((self.open, slot.room > 0), (self.due, slot.room > 0 and slot.turns > 0)):
            if not belongs:
                lanes.pop(slot.lane, None)
            elif slot.lane not in lanes:
                lanes[slot.lane] = slot

    def _push(self, heap: list[Entry[L]], key: float, slot: Slot[L]) -> None:
        if len(heap) > 4 * len(self._slots) + 64:
            heap[:] = [entry for entry in heap if entry[2].version == entry[3]]
            heapq.heapify(heap)
        heapq.heappush(heap, (key, slot.order, slot, slot.version))

    def _first_next(self) -> Slot[L]:
        """The lane whose next turn would end first."""
        busy = None
        while (slot := _top(self._next)) is not None:
            if slot.free_at >= self._now:
                busy = slot
                break
            heapq.heappop(self._next)  # it begins now rather than when it became free
            if slot.turns:
                slot.free_at = self._now
                self._touch(slot)
            else:
                self._push(self._idle, slot.pace, slot)
        idle = _top(self._idle)
        if busy is None or idle is None:
            only = busy or idle
            assert only is not None
            return only
        return min(busy, idle, key=lambda slot: (self._end(slot, slot.turns + 1), slot.order))

    def _latest(self) -> Slot[L] | None:
        """The lane with the turn that ends last."""
        return _top(self._last)


def _top(heap: list[Entry[L]]) -> Slot[L] | None:
    """The slot at the top of a heap, outdated entries dropped."""
    while heap and heap[0][2].version != heap[0][3]:
        heapq.heappop(heap)
    return heap[0][2] if heap else None
