"""The schedule that is kept up to date is the one that list scheduling from scratch gives."""

import heapq
import random
from dataclasses import dataclass

import pytest

from raysearch.executors.turns import Turns


@dataclass(eq=False)
class Lane:
    node: str | None = None
    pace: float = 1.0
    free_s: float = 0.0
    room: int = 2


def from_scratch(lanes, total: int, work: float) -> dict[int, int]:
    """Turns by lane: each in turn goes to the lane that would finish it first."""
    heap = [(lane.free_s + lane.pace * work, k) for k, lane in enumerate(lanes)]
    heapq.heapify(heap)
    turns = {k: 0 for k in range(len(lanes))}
    for _ in range(total):
        end, k = heap[0]
        turns[k] += 1
        heapq.heapreplace(heap, (end + lanes[k].pace * work, k))
    return turns


def kept(turns: Turns, lanes) -> dict[int, int]:
    return {k: turns._slots[lane].turns for k, lane in enumerate(lanes)}


@pytest.mark.parametrize("seed", range(20))
def test_it_is_list_scheduling_whatever_changes(seed):
    rng = random.Random(seed)
    lanes = [Lane(f"n{k % 3}", rng.uniform(0.5, 3), rng.choice([0.0, rng.uniform(0, 5)])) for k in range(6)]
    turns, now, total, work = Turns(), 0.0, 10, 1.0
    for _ in range(100):
        dt = rng.choice([0.0, rng.uniform(0, 1)])
        now += dt
        for lane in lanes:
            lane.free_s = max(0.0, lane.free_s - dt)
        what = rng.random()
        if what < 0.5:
            lane = rng.choice(lanes)
            lane.free_s, lane.pace = rng.uniform(0, 5), rng.uniform(0.5, 3)
        elif what < 0.6 and len(lanes) > 2:
            lanes.remove(rng.choice(lanes))
        elif what < 0.7:
            lanes.append(Lane("n9", rng.uniform(0.5, 3)))
        elif what < 0.75:
            work *= rng.choice([0.5, 2.0])
        total = max(0, total + rng.randrange(-5, 6))
        turns.sync(lanes, now)
        turns.resize(total, work, now)
        assert kept(turns, lanes) == from_scratch(lanes, total, work)
        assert {k: n for k, n in turns.on_node.items() if n} == {
            node: sum(kept(turns, lanes)[k] for k, lane in enumerate(lanes) if lane.node == node)
            for node in {lane.node for k, lane in enumerate(lanes) if kept(turns, lanes)[k]}
        }


def test_a_turn_that_is_taken_changes_no_other():
    lanes = [Lane(pace=1.0), Lane(pace=1.5)]
    turns = Turns()
    turns.sync(lanes, 0.0)
    turns.resize(5, 1.0, 0.0)
    assert kept(turns, lanes) == {0: 3, 1: 2}
    turns.begin(turns._slots[lanes[0]], 1.0)
    turns.resize(4, 1.0, 0.0)
    assert kept(turns, lanes) == {0: 2, 1: 2}


def test_turns_by_hand():
    fast, slow = Lane(pace=1.0), Lane(pace=1.9)
    turns = Turns()
    turns.sync([fast, slow], 0.0)
    turns.resize(5, 1.0, 0.0)
    assert kept(turns, [fast, slow]) == {0: 3, 1: 2}  # ends at 1, 2, 3 and at 1.9, 3.8
    turns.begin(turns._slots[fast], 1.0)
    assert kept(turns, [fast, slow]) == {0: 2, 1: 2}  # its own turn, though another one ends later


def test_what_a_lane_begins_ends_by_its_pace_from_now_on():
    lane = Lane(pace=2.0)
    turns = Turns()
    turns.sync([lane], 0.0)
    turns.resize(1, 1.0, 5.0)
    turns.begin(turns._slots[lane], 3.0)
    assert turns._slots[lane].free_at == 5.0 + 2.0 * 3.0


def test_a_lane_without_turns_that_becomes_busy_gets_its_turns_later():
    lanes = [Lane(pace=1.0), Lane(pace=5.0)]
    turns = Turns()
    turns.sync(lanes, 0.0)
    turns.resize(1, 1.0, 0.0)
    lanes[1].free_s = 10.0
    turns.sync(lanes, 0.0)
    turns.resize(12, 1.0, 0.0)
    assert kept(turns, lanes) == from_scratch(lanes, 12, 1.0) == {0: 12, 1: 0}


def test_a_lane_that_has_been_idle_begins_now_and_not_when_it_became_free():
    lanes = [Lane(pace=1.0), Lane(pace=3.0)]
    turns = Turns()
    turns.sync(lanes, 0.0)
    turns.resize(0, 1.0, 0.0)
    lanes[0].free_s = 0.5
    turns.sync(lanes, 10.0)
    turns.resize(1, 1.0, 10.0)
    assert kept(turns, lanes) == {0: 1, 1: 0}  # at 11.5, on the other at 13


def test_heaps_do_not_grow_with_the_number_of_changes():
    lanes = [Lane(pace=1.0), Lane(pace=2.0)]
    turns = Turns()
    for k in range(5000):
        lanes[0].free_s = 1.0 + k % 7
        turns.sync(lanes, 0.0)
        turns.resize(3 + k % 2, 1.0, 0.0)
    assert max(map(len, (turns._next, turns._last, turns._idle))) < 100
