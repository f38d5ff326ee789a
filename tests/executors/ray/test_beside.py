"""What runs beside the next Move: an Outcome waits for its state, failures and kills are those of the Move itself."""

import os
import signal

import pytest

from examples import clockwork
from raysearch.config.settings import ClusterConfig, PoolConfig
from raysearch.executors import Film, Request
from raysearch.executors.contract import Failure
from raysearch.executors.inline import Inline
from raysearch.executors.policy import BESIDE
from raysearch.executors.ray.calls import Call, InFlight
from raysearch.executors.ray.replica import Replica
from raysearch.moves import Move, Outcome
from raysearch.prompts import Prompt
from raysearch.sampling.state import Store
from tests.waiting import until

STEPS, PROMPT, REWARDS = 4, Prompt("p", "a ball"), [{"name": "motion"}]
pytestmark = pytest.mark.cluster


def cluster(generators: int = 1, **more) -> ClusterConfig:
    return ClusterConfig(generators=PoolConfig(generators, 0.5), rewards=PoolConfig(1, 0.5), **more)


def model(numbers: int):
    return clockwork.settings(STEPS, numbers=numbers)


def finals(count: int) -> list[Request]:
    return [Request(f"k{i}", PROMPT, Move(None, (0, i), STEPS)) for i in range(count)]


def answered(executor, requests, each=lambda answer: None) -> dict:
    """The answers by key. each: called with every answer as it comes."""
    for request in requests:
        executor.submit(request)
    answers = {}

    def look() -> None:
        for _, answer in executor.ready(0.5):
            answers[answer.key] = answer
            each(answer)

    until(lambda: len(answers) == len(requests), meanwhile=look)
    return answers


def without_seconds(outcome: Outcome) -> tuple:
    return outcome.key, outcome.reward, outcome.rewards, outcome.cost.nfe


def test_an_outcome_comes_when_its_state_can_be_read_and_with_the_bits_of_one_process(started, tmp_path):
    store, there = str(tmp_path / "latents"), []
    executor = started(cluster(), model(1_000_000), REWARDS, store=store)
    answers = answered(executor, finals(4), lambda answer: there.append(Store(store).load(answer.key)))
    assert len(there) == 4 and all(state is not None and state.step == STEPS for state in there)
    kinds = [span.what for span in executor.spans() if span.pool == "generators"]
    assert kinds.count("move") == kinds.count("save") == 4
    inline = Inline(model(1_000_000), REWARDS)
    expected = answered(inline, finals(4))
    assert {k: without_seconds(o) for k, o in answers.items()} == {k: without_seconds(o) for k, o in expected.items()}
    films = [Request(f"k{i}", PROMPT, None) for i in range(2)]
    filmed = answered(executor, films)
    assert filmed == answered(inline, films) and all(isinstance(film, Film) for film in filmed.values())
    assert [span.what for span in executor.spans() if span.what == "encode"] == ["encode"] * 2


def test_a_state_that_cannot_be_written_fails_its_move_and_the_unscored_too(started, tmp_path):
    (tmp_path / "file").write_text("no folder")
    executor = started(cluster(2), model(16), REWARDS, store=str(tmp_path / "file" / "latents"))
    unscored = Request("u", PROMPT, Move(None, (0, 9), 2, score=False))
    for answer in answered(executor, [*finals(1), unscored]).values():
        assert isinstance(answer, Failure) and answer.missing is None
        assert answer.reason.startswith("failed on 2 replicas") and "cannot be written" in answer.reason


def test_a_replica_killed_while_it_writes_loses_nothing(started, tmp_path):
    store = str(tmp_path / "latents")
    executor = started(cluster(2), model(4_000_000), REWARDS, store=store)
    for request in finals(8):
        executor.submit(request)
    answers = []

    def writing() -> Replica | None:
        answers.extend(answer for _, answer in executor.ready(0.1))
        return next((r for r in executor.generators.replicas if r.beside), None)

    os.kill(until(writing, meanwhile=lambda: None).pid, signal.SIGKILL)
    until(lambda: len(answers) == 8, meanwhile=lambda: answers.extend(a for _, a in executor.ready(0.5)))
    assert executor.generators.restarts == 1 and sorted(a.key for a in answers) == [f"k{i}" for i in range(8)]
    assert all(isinstance(a, Outcome) and Store(store).load(a.key) is not None for a in answers)


def test_a_replica_with_much_to_write_takes_no_calls():
    replica, flight = Replica(0), InFlight(1, finals(1)[0])
    replica.beside = [Call(flight, None, replica, None) for _ in range(BESIDE - 1)]
    assert replica.room > 0 and not replica.idle
    replica.beside += [Call(flight, None, replica, None, waits=False)] * BESIDE  # frames that are kept in any case
    assert replica.room > 0
    replica.beside.append(Call(flight, None, replica, None))
    assert replica.room == 0


@pytest.mark.parametrize("executor", ["ray", "inline"])
def test_a_finished_candidate_is_decoded_once_for_its_score_and_its_film(started, executor):
    films = [Request(f"k{i}", PROMPT, None) for i in range(3)]
    plain = Inline(model(16), REWARDS)
    answered(plain, finals(3))
    expected = answered(plain, films)
    decoded = Inline(model(16), REWARDS, films=True) if executor == "inline" else None
    decoded = decoded or started(cluster(), model(16), REWARDS, films=True)
    kept = decoded._decoded if executor == "inline" else decoded.states.films
    answered(decoded, finals(3))
    kept.forget(["k2"])
    taken = {key: kept.get(key) is not None for key in ("k0", "k1", "k2")}
    assert taken == {"k0": True, "k1": True, "k2": False}
    decoded.spans()
    assert answered(decoded, films) == expected  # k2 is decoded again, with the same bits
    if executor == "ray":
        assert sorted(span.what for span in decoded.spans()) == ["encode", "encode", "encode", "film"]
    decoded.forget(["k0"])
    assert kept.get("k0") is None and kept.get("k1") is not None


def test_frames_of_states_that_are_not_finished_are_not_kept(started):
    executor = started(cluster(), model(16), REWARDS, films=True)
    half = [Request("h", PROMPT, Move(None, (0,), 2)), Request("u", PROMPT, Move(None, (0,), STEPS, score=False))]
    answered(executor, half)
    assert executor.states.films.get("h") is executor.states.films.get("u") is None
