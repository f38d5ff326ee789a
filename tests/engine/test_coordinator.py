"""The one loop: the same results in any order, nothing run twice, nothing lost that can be made again."""

from collections import Counter

import pytest

from raysearch.engine.coordinator import Coordinator
from raysearch.engine.journal import Journal
from raysearch.engine.task import Observer, Task, shown
from raysearch.moves import Kernel, Move, Result, Round, digest
from raysearch.search import STRATEGIES
from tests.toy import PROMPTS, Toy, number

STEPS = 10
NOISY = Kernel("ddim_eta", 0.7)


def smc(seed, **options):
    return STRATEGIES["smc"](seed, STEPS, n=6, kernel=NOISY, **options)


def best(seed, n=6):
    return STRATEGIES["best_of_n"](seed, STEPS, n=n)


def tasks(make=smc, prompts=PROMPTS):
    return [Task(p.id, p, make(0), digest(["toy", p.id])) for p in prompts]


def run(tmp_path, executor, todo, **options):
    coordinator = Coordinator(executor, Journal(str(tmp_path), {}), **options)
    return coordinator.run(todo), coordinator.ledger


@pytest.mark.parametrize("make", [smc, best])
def test_any_order_of_arrival_gives_the_same_results(tmp_path, make):
    hashes = set()
    for k, capacity in enumerate([1, 2, 7, 7, 100]):
        done, ledger = run(tmp_path / str(k), Toy(k, capacity), tasks(make))
        assert ledger.executed and not ledger.recalled and not ledger.rebuilt
        hashes.add(tuple(end.result.digest() for end in done))
    assert len(hashes) == 1


def test_results_come_in_the_order_of_the_tasks(tmp_path):
    done, _ = run(tmp_path, Toy(3, 7), tasks(best))
    assert [end.task.name for end in done] == [p.id for p in PROMPTS]


def test_resume_runs_nothing_again_and_finds_the_same(tmp_path):
    first, ledger = run(tmp_path, Toy(1), tasks())
    again, second = run(tmp_path, Toy(2), tasks())
    assert [a.result.digest() for a in again] == [f.result.digest() for f in first]
    assert second.executed == second.rebuilt == 0 and second.recalled == ledger.executed


class Stopped(KeyboardInterrupt):
    pass


class StopAfter(Observer):
    """An observer that stops the run at the k-th Outcome, as Ctrl-C would."""

    def __init__(self, k):
        self.left = k

    def on_outcome(self, task, outcome, recalled):
        self.left -= not recalled
        if self.left == 0:
            raise Stopped


@pytest.mark.parametrize("cut", [1, 5, 11, 24, 40])
def test_stopped_anywhere_and_resumed(tmp_path, cut):
    want, whole = run(tmp_path / "whole", Toy(0), tasks())
    first, second = Toy(1, 4), Toy(2, 4)
    with pytest.raises(Stopped):
        run(tmp_path / "cut", first, tasks(), observers=[StopAfter(cut)])
    done, ledger = run(tmp_path / "cut", second, tasks())
    assert [d.result.digest() for d in done] == [w.result.digest() for w in want]
    assert ledger.executed + ledger.recalled == whole.executed
    recorded_then = set(first.executed[:cut])
    rerun = [k for k in second.executed if k in recorded_then]
    assert len(rerun) <= ledger.rebuilt  # only states that a Move in flight needed, never for their rewards


def test_lost_states_are_made_again_and_change_nothing(tmp_path):
    want, _ = run(tmp_path / "whole", Toy(0), tasks())
    done, ledger = run(tmp_path / "lossy", Toy(5, 4, lose=0.3), tasks(), films="all")
    assert [d.result.digest() for d in done] == [w.result.digest() for w in want]
    assert ledger.rebuilt > 0
    assert all(d.films for d in done)


def test_moves_shared_by_searches_run_once(tmp_path):
    prompt = PROMPTS[0]
    todo = [Task(f"n{n}", prompt, best(0, n), "scope") for n in (1, 2, 4, 8)]
    toy = Toy(0, 3)
    done, ledger = run(tmp_path, toy, todo)
    assert ledger.executed == 8 and max(Counter(toy.executed).values()) == 1
    assert ledger.shared + ledger.recalled == 1 + 2 + 4
    assert [len(d.result.finals) for d in done] == [1, 2, 4, 8]


@pytest.mark.parametrize("capacity", [1, 3, 100])
def test_a_move_wanted_with_and_without_its_score_is_scored(tmp_path, capacity):
    """As in a sweep over the lookahead of beam: one point scores what another passes by."""

    def beam(ahead):
        return STRATEGIES["beam"](0, STEPS, width=2, branch=2, lookahead=ahead, kernel=NOISY)

    def sweep():
        return [Task(str(ahead), PROMPTS[0], beam(ahead), "s") for ahead in (2, 0)]

    alone = [run(tmp_path / str(k), Toy(0, 3), [task])[0][0].result.digest() for k, task in enumerate(sweep())]
    for shuffle in range(4):
        folder, toy = tmp_path / f"both-{shuffle}", Toy(shuffle, capacity)
        done, ledger = run(folder, toy, sweep())
        assert [d.error for d in done] == [None, None] and [d.result.digest() for d in done] == alone
        assert ledger.rebuilt == 0  # what the first to end shared with the other is kept for it
        assert max(Counter(toy.executed).values()) == 1  # neither in flight nor later is a state made twice to score it
        again, ledger = run(folder, Toy(shuffle, capacity), sweep())
        assert [d.result.digest() for d in again] == alone and ledger.executed == 0


@pytest.mark.parametrize("lost", [False, True])
def test_what_was_made_without_a_score_is_only_scored(tmp_path, lost):
    """In a later run too; where the state is gone, the whole Move runs again. The log ratio is that of the Move."""

    def one(score):
        outcomes = yield Round((Move(None, (0, 0, 0), STEPS, score=score),))
        return Result((*outcomes,), 0)

    toy = Toy(0)
    [first], _ = run(tmp_path, toy, [Task("passed by", PROMPTS[0], one(False), "s")])
    key = first.result.finals[0].key
    toy.states = {} if lost else {key: (number(PROMPTS[0].id) + number((0, 0, 0), STEPS), STEPS)}
    [second], ledger = run(tmp_path, toy, [Task("scored", PROMPTS[0], one(True), "s")])
    assert second.error is None and second.result.finals[0].reward == number(PROMPTS[0].id) + number((0, 0, 0), STEPS)
    assert (len(toy.executed), ledger.executed, ledger.cost.nfe) == (2, 1, STEPS) if lost else (1, 1, 0)
    assert second.cost.nfe == STEPS and second.cost.reward_calls == 1
    [third], ledger = run(tmp_path, toy, [Task("recalled", PROMPTS[0], one(True), "s")])
    assert ledger.executed == 0 and third.result.digest() == second.result.digest()


def test_one_round_may_name_a_move_with_and_without_its_score(tmp_path):
    def both(flip):
        moves = [Move(None, (0, 0, 0), STEPS, score=score) for score in (flip, not flip)]
        outcomes = yield Round(tuple(moves))
        return Result.of_best(outcomes)

    for flip in (False, True):
        toy = Toy(0)
        [end], ledger = run(tmp_path / str(flip), toy, [Task("t", PROMPTS[0], both(flip), "s")])
        assert end.error is None and len(toy.executed) == ledger.executed == 1


def test_a_failed_search_leaves_the_state_that_another_waits_to_score(tmp_path):
    def bad(seed):
        yield Round((Move(None, (9, 9, 9), 1), Move(None, (0, 0, 0), STEPS, score=False)))

    def good(seed):
        outcomes = yield Round((Move(None, (0, 0, 0), STEPS),))
        return Result.of_best(outcomes)

    for shuffle in range(4):
        todo = [Task("bad", PROMPTS[0], bad(0), "s"), Task("good", PROMPTS[0], good(0), "s")]
        done, _ = run(tmp_path / str(shuffle), Toy(shuffle, 1, poison=[(9, 9, 9)]), todo)
        assert [d.error for d in done] == ["poison", None]


def test_a_poison_move_ends_its_search_and_no_other(tmp_path):
    def one(seed):
        outcomes = yield Round(tuple(Move(None, (seed, 9, i), STEPS) for i in range(3)))
        return Result.of_best(outcomes)

    todo = [*tasks(best, PROMPTS[:2]), Task("bad", PROMPTS[2], one(0), "scope")]
    done, _ = run(tmp_path, Toy(0, 3, poison=[(0, 9, 1)]), todo)
    assert [d.error for d in done] == [None, None, "poison"]
    assert done[2].result is None and done[0].result is not None


def test_a_failed_search_takes_nothing_from_one_that_shares_its_moves(tmp_path):
    """The failed one leaves its lists; whoever is blocked by a lost state it shared still gets an end."""

    def bad(seed):
        shared = tuple(Move(None, (seed, 0, i), STEPS) for i in range(4))
        outcomes = yield Round((Move(None, (seed, 9, 1), STEPS), *shared))
        return Result.of_best(outcomes)

    for shuffle in range(8):
        toy = Toy(shuffle, 3, lose=0.3, poison=[(0, 9, 1)])
        todo = [Task("bad", PROMPTS[0], bad(0), "s"), Task("smc", PROMPTS[0], smc(0), "s"),
                Task("good", PROMPTS[0], best(0, 6), "s")]  # fmt: skip
        done, _ = run(tmp_path / str(shuffle), toy, todo, films="all")
        assert [d.error for d in done] == ["poison", None, None]
        assert all(d.films for d in done[1:])
        assert not toy.states  # nor does the failed one leave behind what was on its way


def test_the_same_move_twice_in_a_round_is_one_execution(tmp_path):
    def twins(seed):
        outcomes = yield Round((Move(None, (0, 0, 0), STEPS),) * 2)
        return Result.of_best(outcomes)

    toy = Toy(0)
    done, _ = run(tmp_path, toy, [Task("t", PROMPTS[0], twins(0), "s")])
    assert len(toy.executed) == 1 and done[0].result.finals[0] == done[0].result.finals[1]
    assert done[0].cost.nfe == STEPS


def test_films_are_made_of_what_is_shown_and_only_if_not_there(tmp_path):
    done, _ = run(tmp_path, Toy(0), tasks(best, PROMPTS[:1]), films="shown")
    result = done[0].result
    assert set(done[0].films) == set(shown(result, "shown")) and len(done[0].films) in (2, 3)
    again, ledger = run(tmp_path, Toy(0), tasks(best, PROMPTS[:1]), films="shown", filmed=lambda task, key: True)
    assert set(again[0].films.values()) == {None} and ledger.executed == ledger.rebuilt == 0


def test_states_are_forgotten_when_a_search_is_done(tmp_path):
    toy = Toy(0)
    run(tmp_path, toy, tasks(), films="best")
    assert not toy.states


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_a_search_that_finds_no_reward_fails_alone(tmp_path, name):
    class Blind(Toy):
        def _answer(self, job):
            from dataclasses import replace

            answer = super()._answer(job)
            return replace(answer, reward=float("nan")) if job.prompt.id == "p1" and job.move else answer

    noisy = {"kernel": NOISY} if name in ("smc", "beam", "rbf") else {}
    done, _ = run(tmp_path, Blind(0), tasks(lambda seed: STRATEGIES[name](seed, STEPS, n=4, **noisy)), films="shown")
    assert [bool(d.error) for d in done] == [False, True, False, False]
    assert "NaN" in done[1].error
