"""Who takes what: the earliest finish, at home where possible, nobody starves, and no state moves without need."""

import random
from collections import Counter
from dataclasses import dataclass

import pytest

from raysearch.executors.policy import DEPTH, PATIENCE, Line


@dataclass(eq=False)
class Lane:
    node: str | None = None
    pace: float = 1.0
    free_s: float = 0.0
    room: int = DEPTH


def line(*entries) -> Line:
    waiting = Line()
    for item, node in entries:
        waiting.put(item, node=node)
    return waiting


def start(waiting: Line, lanes) -> list:
    """What starts now on lanes that are as they say."""
    waiting.turns.sync(lanes, 0.0)
    return waiting.match(0.0)


def test_the_fastest_are_served_first_and_a_slow_lane_is_left_idle_at_the_end():
    fast, slow = Lane("a"), Lane("b", pace=5.0)
    waiting = line((0, None), (1, None), (2, None))
    assert start(waiting, [fast, slow]) == [(0, fast), (1, fast)]
    assert len(waiting) == 1  # fast would still finish it (3 s) before slow could (5 s)
    busy = Lane("a", free_s=4.5, room=0)
    assert start(waiting, [busy, slow]) == [(2, slow)]  # now slow is first


def test_with_plenty_waiting_every_free_lane_works():
    lanes = [Lane(f"n{k}", pace=1 + 9 * (k == 0)) for k in range(3)]
    for many in (80, 4000):  # every turn worked out, and not
        waiting = line(*((i, None) for i in range(many)))
        begun = start(waiting, lanes)
        assert Counter(id(lane) for _, lane in begun) == {id(lane): DEPTH for lane in lanes}
        assert len(waiting) == many - 3 * DEPTH


def test_children_stay_at_home_and_the_surplus_goes_where_there_is_room():
    lanes = [Lane("a"), Lane("b")]
    waiting = line((0, "b"), (1, "b"), (2, "b"), (3, "a"))
    begun = start(waiting, lanes)
    assert {item for item, lane in begun if lane.node == "b"} <= {0, 1, 2} and (3, lanes[0]) in begun
    assert sum(lane.node == "a" for item, lane in begun if item != 3) == 1  # one of b's three moves


def test_the_oldest_is_not_overtaken_for_ever():
    lane = Lane("a", room=1)
    waiting = line((-1, "b"), *((i, "a") for i in range(200)))
    waiting.alive({"a", "b"})
    order = [start(waiting, [lane, Lane("b", room=0, free_s=1e9)])[0][0] for _ in range(200)]
    assert order.index(-1) == 2 * PATIENCE
    waiting = line(*((i, "a") for i in range(200)))
    waiting.put("again", node="b", first=True)  # the oldest of all
    order = [start(waiting, [lane, Lane("b", room=0, free_s=1e9)])[0][0] for _ in range(50)]
    assert order.index("again") == 2 * PATIENCE - 1


def test_a_failed_job_avoids_the_lane_it_failed_on_unless_that_is_alone():
    bad, good = Lane("a"), Lane("b", pace=3.0)
    waiting = Line()
    waiting.put("x", avoid=bad)
    assert start(waiting, [bad, good]) == [("x", good)]
    waiting.put("x", avoid=bad)
    assert start(waiting, [bad]) == [("x", bad)]


def test_jobs_of_a_lost_node_are_at_home_nowhere_and_keep_their_turn():
    a = Lane("a", room=1)
    waiting = line((0, "gone"), (1, None), (2, "gone"))
    waiting.alive({"a"})
    assert [start(waiting, [a])[0][0] for _ in range(3)] == [0, 1, 2]
    waiting.put(3, node="gone")
    assert start(waiting, [a]) == [(3, a)]


def test_first_means_first():
    a = Lane("a", room=1)
    waiting = line((0, None), (1, None))
    waiting.put("again", first=True)
    assert [start(waiting, [a])[0][0] for _ in range(3)] == ["again", 0, 1]


def test_who_takes_what_by_hand():
    slower, faster = Lane(pace=1.2, room=1), Lane(pace=1.0, room=1)
    assert start(line((0, None), (1, None)), [slower, faster]) == [(0, faster), (1, slower)]
    a, b = Lane("a", room=1), Lane("b", room=0)
    assert start(line((0, None), (1, "a")), [a, b]) == [(1, a)]  # of its own node before of none
    assert start(line((0, "b"), (1, None)), [a, b]) == [(1, a)]  # of none before of another
    waiting = line((0, None))
    waiting.put("one", first=True)
    waiting.put("two", first=True)
    assert [start(waiting, [a])[0][0] for _ in range(3)] == ["two", "one", 0]
    waiting.alive({"a"})
    waiting.put(0, node="gone")
    waiting.put(1)
    waiting.put(2, node="a")
    assert [start(waiting, [a])[0][0] for _ in range(3)] == [2, 0, 1]
    waiting = line((0, "b"), (1, None), (2, "b"), (3, None))
    waiting.alive({"a"})
    assert [start(waiting, [a])[0][0] for _ in range(4)] == [0, 1, 2, 3]


def test_three_turns_of_two_lanes_that_have_room_for_two():
    fast, slow = Lane(pace=1.0), Lane(pace=2.5)
    assert start(line(*((i, None) for i in range(3))), [fast, slow]) == [(0, fast), (1, fast), (2, slow)]
    busy, idle = Lane(pace=1.0, free_s=1.0, room=0), Lane(pace=1.6)
    assert start(line((0, None), (1, None), (2, None)), [busy, idle]) == [(0, idle)]  # the others are the busy one's
    fast, slow = Lane(pace=1.0), Lane(pace=1.5)  # the second turn of the fast one ends after the first of the slow one
    assert start(line(*((i, None) for i in range(3))), [fast, slow]) == [(0, fast), (1, slow), (2, fast)]


def test_work_decides_where_something_ends_first():
    for work, busy_is_first in ((1.0, False), (10.0, True)):
        busy, idle = Lane(pace=1.0, free_s=3.0), Lane(pace=2.0)
        waiting = Line()
        waiting.put("x", work=work)
        assert start(waiting, [busy, idle]) == [("x", busy if busy_is_first else idle)]


def test_work_in_progress_counts_as_it_is():
    a, b = Lane(pace=1.0), Lane(pace=4.0)
    waiting = Line()
    waiting.put(0, work=9.0)
    assert start(waiting, [a, b]) == [(0, a)]
    waiting.put(1)
    assert waiting.match(0.0) == [(1, b)]  # at 4; on a it would end at 10
    waiting.put(2, work=20.0)
    waiting.put(3, work=2.0)
    assert waiting.match(0.0) == [(2, a)]  # two of 11 on average: at 20 and 31 on a, at 48 on b
    waiting.turns.sync([Lane(pace=1.0, free_s=30.0), slow := Lane(pace=10.0)], 0.0)
    assert waiting.match(0.0) == [(3, slow)]  # what is left is one of 2: at 20, on the other at 32


def test_the_surplus_is_what_waits_beyond_the_turns_of_a_node():
    a, b = Lane("a", room=1), Lane("b")
    begun = start(line((0, "b"), (1, "b"), (2, "b"), (3, "c"), (4, "c")), [a, b])
    assert begun[0] == (3, a) and begun[1:] == [(0, b), (1, b)]  # of b all but one has a turn there, of c nothing
    waiting = line((0, "c"), *((i, "d") for i in range(1, 6)), (6, "e"), (7, "e"))
    assert [start(waiting, [a])[0][0] for _ in range(2)] == [1, 2]
    for i in range(8, 12):
        waiting.put(i, node="c")
    assert [start(waiting, [a])[0][0] for _ in range(2)] == [0, 8]  # the surplus is worked out anew each time


def test_among_nodes_of_equal_surplus_the_first_in_line_goes_first():
    waiting = line(*((i, f"node {i}") for i in range(24)))  # whatever order a set of their names has
    assert [item for item, _ in start(waiting, [Lane("a", room=24)])] == list(range(24))


def test_what_a_lane_must_avoid_others_take_in_its_turns():
    bad, good = Lane("a", room=1), Lane("b", pace=10.0)
    waiting = Line()
    for item in "xyz":
        waiting.put(item, avoid=bad)
    assert start(waiting, [bad, good]) == [("x", good)]  # one turn that had room was given up, so one is taken
    waiting = Line()
    waiting.put("x", avoid=bad)
    waiting.put("y")
    assert start(waiting, [bad, good])[0] == ("y", bad) and len(waiting) == 1
    assert start(waiting, [good]) == [("x", good)] and not len(waiting)
    alone_with_room = [Lane("a", room=1), Lane("b", room=0)]
    waiting = Line()
    waiting.put("x", avoid=alone_with_room[0])
    assert start(waiting, alone_with_room) == []  # the other one is busy, not gone
    waiting = Line()
    for item, node, avoid in (("p", "c", bad), ("q", "c", bad), ("r", "d", None), ("s", "e", None), ("t", "e", None)):
        waiting.put(item, node=node, avoid=avoid)
    waiting.put("u", node="c", avoid=bad)
    assert start(waiting, [bad, Lane("b", room=0, free_s=1e9)]) == [("s", bad)]  # of e more waits than of d


@pytest.mark.parametrize("seed", range(20))
def test_everything_is_taken_once_and_as_little_moves_as_can(seed):
    """Lanes that ask in turn: what moved is what the counts force, sum_w max(0, O_w - c_w)."""
    rng = random.Random(seed)
    lanes = [Lane(f"n{k}", pace=rng.choice([1.0, 1.0, 2.0]), room=0) for k in range(5)]
    homes = {i: f"n{min(4, int(rng.expovariate(0.8)))}" for i in range(20)}
    waiting, made = line(*homes.items()), dict[int, str]()
    clock = {id(lane): 0.0 for lane in lanes}
    while len(made) < 20:
        for lane in lanes:
            lane.free_s = clock[id(lane)] - min(clock.values())
        idle = min(lanes, key=lambda lane: clock[id(lane)])
        idle.room = 1
        for item, lane in start(waiting, lanes):
            made[item] = lane.node
        idle.room = 0
        clock[id(idle)] += idle.pace
    assert sorted(made) == list(range(20)) and not len(waiting)
    children, done = Counter(homes.values()), Counter(made.values())
    least = sum(max(0, n - done[node]) for node, n in children.items())
    moved = sum(homes[i] != made[i] for i in made)
    assert moved == least
