"""Request by request: what is begun, made again, scored again, dropped and forgotten as states are lost and Moves fail.

The executor answers in the order of submission, and a hook may take states away before an answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from raysearch.engine.coordinator import Coordinator
from raysearch.engine.journal import Journal
from raysearch.engine.task import Finished, Ledger, Observer, Task
from raysearch.executors import Answer, Failure, Request
from raysearch.moves import Move, Result, Round
from tests.toy import PROMPTS, Toy


class InOrder(Toy):
    """Answers one Request after the other; `before` is called with each just before its answer."""

    def __init__(self, capacity: int = 1, before: Callable[[InOrder, Request], Answer | None] = lambda toy, job: None):
        super().__init__(capacity=capacity)
        self.submitted: list[Request] = []
        self._before = before

    def submit(self, job: Request) -> int:
        self.submitted.append(job)
        return super().submit(job)

    def ready(self, timeout: float) -> list[tuple[int, Answer]]:
        ticket, job = self._jobs.pop(0)
        return [(ticket, self._before(self, job) or self._answer(job))]

    def asked(self) -> list[str]:
        """What was submitted: the seed of each Move, `score` where only that was wanted, `film` for a film."""
        return ["film" if j.move is None else f"{j.move.seed[0]}{' score' * j.only_scores}" for j in self.submitted]


A, B, C, D = (Move(None, (k,), 4) for k in range(4))
UNSCORED = replace(A, score=False)


def child(seed: int, parent: Move = A) -> Move:
    return Move(parent.key("s"), (seed,), 8)


def asking(*rounds: tuple[Move, ...]):
    """A search that asks for these rounds and returns the last one's best."""
    for moves in rounds:
        outcomes = yield Round(moves)
    return Result.of_best(outcomes)


def run(toy: Toy, *searches, observers=(), films="none") -> tuple[list[Finished], Ledger]:
    tasks = [Task(str(k), PROMPTS[0], search, "s") for k, search in enumerate(searches)]
    coordinator = Coordinator(toy, Journal.forgetful(), observers, films=films)
    return coordinator.run(tasks), coordinator.ledger


def lost(*seeds: int, before: int):
    """A hook that takes the states of these Moves away just before the answer to the first request of `before`."""
    keys, left = [Move(None, (s,), 4).key("s") for s in seeds], [True]

    def hook(toy: InOrder, job: Request) -> None:
        if left and job.move is not None and job.move.seed == (before,):
            left.clear()
            toy.forget(keys)

    return hook


class Recorder(Observer):
    """Everything that observers are told."""

    def __init__(self):
        self.rounds, self.outcomes, self.finished = [], [], []

    def on_round(self, task, number, round):
        self.rounds.append((task.name, number, len(round.moves)))

    def on_outcome(self, task, outcome, recalled):
        self.outcomes.append((task.name, outcome.key, recalled))

    def on_finish(self, finished):
        self.finished.append(finished.task.name)


def test_observers_are_told_each_round_with_its_number_and_each_outcome_with_its_origin():
    seen = Recorder()
    done, ledger = run(InOrder(capacity=2), asking((A, B), (child(5),)), asking((A,)), observers=[seen])
    assert seen.rounds == [("0", 1, 2), ("1", 1, 1), ("0", 2, 1)]
    keys = {name: [key for task, key, _ in seen.outcomes if task == name] for name in "01"}
    assert keys == {"0": [A.key("s"), B.key("s"), child(5).key("s")], "1": [A.key("s")]}
    assert sorted(seen.finished) == ["0", "1"] and not any(recalled for *_, recalled in seen.outcomes)
    assert done[0].cost.nfe == 4 + 4 + 4 and done[1].cost.nfe == 4 and ledger.cost.nfe == 12
    assert done[0].cost.reward_calls == 3 and (ledger.executed, ledger.shared) == (3, 1)


def test_what_is_recorded_is_told_as_recalled():
    journal, seen, toy = Journal.forgetful(), Recorder(), InOrder()
    for observers in ((), (seen,)):
        coordinator = Coordinator(toy, journal, observers)
        coordinator.run([Task("t", PROMPTS[0], asking((A, B)), "s")])
    assert [recalled for *_, recalled in seen.outcomes] == [True, True]
    assert (coordinator.ledger.recalled, coordinator.ledger.executed) == (2, 0) and len(toy.submitted) == 2


def test_another_search_is_begun_when_fewer_than_two_requests_wait_for_each_in_work():
    begun: list[int] = []
    seen = Recorder()
    run(InOrder(before=lambda toy, job: begun.append(len(seen.rounds))), *(asking((m,)) for m in (A, B, C, D)),
        observers=[seen])  # fmt: skip
    assert begun[0] == 2 and begun[-1] == 4


def test_the_reason_of_a_refusal_is_told():
    def dark(toy, job):
        answer = toy._answer(job)
        return replace(answer, reward=math.nan, why="too dark")

    done, _ = run(InOrder(before=dark), asking((A,)))
    assert done[0].result is None and done[0].error.endswith("(too dark)")


def test_an_interrupted_run_closes_its_searches():
    closed = []

    def search():
        try:
            yield from asking((A,), (child(5),))
        finally:
            closed.append(True)

    def interrupt(toy, job):
        raise KeyboardInterrupt

    going = search()  # as long as somebody holds it, only `close` ends it
    with pytest.raises(KeyboardInterrupt):
        run(InOrder(before=interrupt), going)
    assert closed == [True]


def test_a_lost_state_is_made_again_without_a_score_and_what_waited_for_it_comes_first():
    toy = InOrder(before=lost(0, before=5))
    done, ledger = run(toy, asking((A,), (child(5), child(6), child(7))))
    assert toy.asked() == ["0", "5", "0", "5", "6", "7"] and (ledger.rebuilt, ledger.executed) == (1, 4)
    assert [j.move.score for j in toy.submitted] == [True, True, False, True, True, True]
    assert done[0].error is None and not toy.states and done[0].cost.nfe == 4 * 4


def test_several_that_miss_the_same_state_wait_for_one_rebuild_and_keep_their_order():
    toy = InOrder(capacity=3, before=lost(0, before=5))
    _, ledger = run(toy, asking((A,), (child(5), child(6), child(7), child(8))))
    assert toy.asked() == ["0", "5", "6", "7", "0", "8", "5", "6", "7"] and ledger.rebuilt == 1


def test_a_state_that_is_lost_before_it_is_scored_is_made_again_with_its_score():
    """One search makes it without a score and goes on, another asks for the score."""
    toy = InOrder(before=lost(0, before=1))
    done, ledger = run(toy, asking((UNSCORED,), (child(5),)), asking((B,), (A,)))
    assert toy.asked() == ["0", "1", "5", "0 score", "0", "5"] and ledger.rebuilt == 0
    assert [d.error for d in done] == [None, None] and done[1].result.winner.rewards
    assert toy.submitted[4].move.score and toy.executed.count(A.key("s")) == 2


def test_a_state_that_cannot_be_made_again_ends_the_searches_that_need_it():
    takes = lost(0, before=5)

    def full(toy, job):
        takes(toy, job)
        again = job.key == A.key("s") and A.key("s") in toy.executed
        return Failure(job.key, "disk full") if again else None

    done, _ = run(InOrder(before=full), asking((A,), (child(5),)), asking((B,)))
    assert [d.error for d in done] == ["disk full", None] and len(done) == 2


def failing(seed: int, then: Callable = lambda toy, job: None):
    def hook(toy, job):
        then(toy, job)
        return Failure(job.key, "poison") if job.move is not None and job.move.seed == (seed,) else None

    return hook


def test_of_a_failed_search_nothing_more_is_begun_and_what_is_on_its_way_is_forgotten():
    toy = InOrder(before=failing(0))
    done, _ = run(toy, asking((A, B, C)))
    assert toy.asked() == ["0"] and done[0].error == "poison"
    toy = InOrder(capacity=3, before=failing(0))
    done, ledger = run(toy, asking((A, B, C, D)))
    assert toy.asked() == ["0", "1", "2"] and ledger.executed == 2 and not toy.states


def test_a_state_that_another_search_waits_to_score_is_still_made():
    toy = InOrder(capacity=2, before=failing(1))
    done, _ = run(toy, asking((B, C, UNSCORED)), asking((A,)))
    assert toy.asked() == ["1", "2", "0", "0 score"] and [d.error for d in done] == ["poison", None] and not toy.states


def test_what_another_search_waits_for_as_well_is_still_made():
    toy, seen = InOrder(before=failing(0)), Recorder()
    done, _ = run(toy, asking((A, B, C)), asking((B,)), observers=[seen])
    assert [name for name, *_ in seen.outcomes] == ["1"] and done[0].cost.nfe == 0  # the failed one hears no more
    assert toy.asked() == ["0", "1"] and [d.error for d in done] == ["poison", None] and not toy.states


def test_what_was_blocked_for_a_failed_search_is_dropped_and_the_rebuilt_state_forgotten():
    toy = InOrder(capacity=2, before=failing(6, lost(0, before=5)))
    done, ledger = run(toy, asking((A,), (child(5), Move(None, (6,), 4))))
    assert toy.asked() == ["0", "5", "6", "0"] and done[0].error == "poison"
    assert ledger.rebuilt == 1 and child(5).key("s") not in toy.executed and not toy.states


def test_a_state_asked_for_in_two_rounds_is_held_and_forgotten_once():
    toy = InOrder()
    done, ledger = run(toy, asking((A,), (B, A), (child(5),)))
    assert toy.asked() == ["0", "1", "5"] and ledger.recalled == 1 and not toy.states and done[0].error is None


def test_a_state_is_kept_as_long_as_any_search_on_its_way_has_had_it():
    kept = []
    toy = InOrder(before=lambda toy, job: kept.append(A.key("s") in toy.states))
    run(toy, asking((A,)), asking((A,), (B,), (child(5),)))
    assert toy.asked() == ["0", "1", "5"] and kept == [False, True, True] and not toy.states


def test_a_film_that_two_searches_want_is_made_once():
    toy = InOrder()
    done, _ = run(toy, asking((A, B)), asking((A, B)), films="all")
    assert toy.asked() == ["0", "1", "film", "film"] and all(len(d.films) == 2 and all(d.films.values()) for d in done)


def test_a_film_of_a_lost_state_is_made_after_the_state():
    toy = InOrder(before=lambda toy, job: toy.forget([A.key("s")]) if toy.asked().count("film") == 1 else None)
    done, ledger = run(toy, asking((A,)), films="best")
    assert toy.asked() == ["0", "film", "0", "film"] and ledger.rebuilt == 1 and done[0].films[A.key("s")]


def test_the_states_of_a_pilot_are_kept_for_the_search_that_follows_and_then_forgotten():
    toy, seen = InOrder(), Recorder()
    coordinator = Coordinator(toy, Journal.forgetful(), [seen], films="all")
    names = ("x", "y")
    for moves in ((A,), (B,)):  # two pilots of each
        pilots = [Task(name, PROMPTS[0], asking(moves), "s", pilot=True) for name in names]
        assert [end.error for end in coordinator.run(pilots)] == [None, None]
    assert set(toy.states) == {A.key("s"), B.key("s")} and not seen.finished and toy.asked() == ["0", "1"]
    tasks = [Task(name, PROMPTS[0], asking((A,), (child(5),)), "s") for name in names]
    done = coordinator.run(tasks)
    assert toy.asked() == ["0", "1", "5", "film"] and sorted(seen.finished) == ["x", "y"] and not toy.states
    assert all(end.films for end in done)
