"""What answers a Move, what a refusal tells, which finals are filmed; and replay, on a generator that is arithmetic."""

import math

import pytest

from raysearch.engine.journal import Journal
from raysearch.engine.replay import complete, replay
from raysearch.engine.task import Task, recall, refusal, shown
from raysearch.moves import Cost, Move, Outcome, Result, Round
from tests.toy import PROMPTS

MOVE, UNSCORED = Move(None, (0,), 4), Move(None, (0,), 4, score=False)


def journal(*outcomes: Outcome) -> Journal:
    made = Journal.forgetful()
    for outcome in outcomes:
        made.record(outcome)
    return made


def test_a_record_without_a_score_answers_no_move_that_is_to_be_scored():
    scored, bare = Outcome("a", 1.0, {"r": 1.0}), Outcome("a")
    assert recall(journal(scored), "a", MOVE) == recall(journal(scored), "a", UNSCORED) == scored
    assert recall(journal(bare), "a", MOVE) is None
    assert recall(journal(bare), "a", UNSCORED) is recall(journal(bare), "a", None) is not None
    assert recall(journal(), "a", UNSCORED) is None


def test_a_refusal_gives_the_first_reason():
    error = ValueError("no reward")
    outcomes = [Outcome("a"), Outcome("b", why="too dark"), Outcome("c", why="too short")]
    assert refusal(error, outcomes) == "no reward (too dark)"
    assert refusal(error, outcomes[:1]) == refusal(error, None) == "no reward"


def finals(*rewards: float) -> tuple[Outcome, ...]:
    return tuple(Outcome(f"k{i}", r) for i, r in enumerate(rewards))


def test_which_finals_are_filmed():
    result = Result(finals(math.nan, 2.0, 5.0, 1.0, 3.0), 2)
    assert shown(result, "none") == [] and shown(result, "best") == ["k2"]
    assert shown(result, "shown") == ["k2", "k3", "k0"]  # best, worst, first; what has no reward is not the worst
    assert shown(result, "all") == [f"k{i}" for i in range(5)]
    chosen = Result(result.finals, 4, notes={"choose": {"argmax": 2}})
    assert shown(chosen, "shown") == ["k4", "k3", "k0", "k2"]  # and what the search itself had chosen
    assert shown(Result(finals(1.0), 0), "shown") == ["k0"]


def twins():
    """Asks for one Move twice and for another once."""
    outcomes = yield Round((MOVE, MOVE, Move(None, (1,), 4)))
    return Result.of_best(outcomes)


def test_replay_pays_a_move_once_and_stops_where_one_is_missing():
    closed = []

    def search():
        try:
            return (yield from twins())
        finally:
            closed.append(True)

    keys = [m.key("s") for m in (MOVE, Move(None, (1,), 4))]
    outcomes = [Outcome(key, float(k), {"r": float(k)}, cost=Cost(4 + k, 1)) for k, key in enumerate(keys)]
    end = replay(Task("t", PROMPTS[0], search(), "s"), journal(*outcomes))
    assert end.result.best == 2 and end.cost == Cost(4 + 5, 2) and end.error is None and closed == [True]
    kept = search()
    assert replay(Task("t", PROMPTS[0], kept, "s"), journal(outcomes[0])) is None and closed == [True] * 2
    blind = [Outcome(key, math.nan, {"r": math.nan}, why="dark") for key in keys]
    end = replay(Task("t", PROMPTS[0], search(), "s"), journal(*blind))
    assert end.result is None and end.error.endswith("(dark)") and "NaN" in end.error


@pytest.mark.parametrize("films", ["none", "all"])
def test_complete_is_when_all_outcomes_and_films_are_there(films):
    keys = [m.key("s") for m in (MOVE, Move(None, (1,), 4))]
    full = journal(*(Outcome(key, float(k), {"r": 1.0}) for k, key in enumerate(keys)))
    tasks = [Task("t", PROMPTS[0], twins(), scope, twins) for scope in ("s", "s", "other")]
    for _ in range(2):  # it leaves the tasks as they are
        assert complete(tasks[:2], full, films, lambda task, key: True)
        assert not complete(tasks, full, films, lambda task, key: True)
        assert complete(tasks[:2], full, films, lambda task, key: key == keys[0]) == (films == "none")
    assert not complete([Task("t", PROMPTS[0], twins(), "s")], full, films, lambda task, key: True)
    failed = journal(*(Outcome(key, math.nan, {"r": math.nan}) for key in keys))
    assert complete(tasks[:1], failed, films, lambda task, key: False)
