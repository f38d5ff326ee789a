"""Conditions are computed once for all replicas, whatever happens to those that compute, hold or use them."""

import os
import signal

import numpy as np
import pytest
import ray
from ray.exceptions import GetTimeoutError, ObjectLostError

from raysearch.config.settings import ClusterConfig, PoolConfig
from raysearch.errors import UsageError
from raysearch.executors import Film, Request
from raysearch.executors.contract import Failure
from raysearch.executors.inline import Inline
from raysearch.executors.ray.conditions import worded
from raysearch.executors.ray.replica import Replica
from raysearch.executors.ray.startup import encoding
from raysearch.moves import Move, Outcome
from raysearch.prompts import Prompt
from tests.executors.encoding import BROKEN, HOLD, settings
from tests.waiting import until

pytestmark = pytest.mark.cluster
STEPS, REWARDS = 2, [{"name": "motion"}]
PROMPTS = [Prompt(f"p{k}", f"a ball rolls {k} times", variants=("a red ball",)) for k in range(3)]


def cluster(generators: int, **more) -> ClusterConfig:
    return ClusterConfig(generators=PoolConfig(generators, 0.5), rewards=PoolConfig(1, 0.5), **more)


def moves(prompt: Prompt, count: int = 4, first: int = 0, variant: str | None = None) -> list[Request]:
    numbers = range(first, first + count)
    return [Request(f"{prompt.id}-{variant}-{i}", prompt, Move(None, (0, i), STEPS, variant=variant)) for i in numbers]


def answered(executor, requests) -> dict:
    """What came of the requests, without the seconds it took."""
    answers = {}
    for request in requests:
        executor.submit(request)

    def look() -> None:
        answers.update({(a.key, type(a)): a for _, a in executor.ready(0.2)})

    until(lambda: len(answers) == len(requests), meanwhile=look, state=executor.status)
    return {k: (a.rewards, a.cost.nfe) if isinstance(a, Outcome) else a for k, a in answers.items()}


def loaded(executor, count: int) -> None:
    """Wait until so many generators are ready."""
    pool = executor.generators
    until(lambda: sum(r.phase == "ready" for r in pool.replicas) == count, meanwhile=lambda: executor.ready(0.1))


def told(folder, what: str) -> list[str]:
    return sorted(file.name for file in folder.glob(f"{what}-*"))


def encoder(executor) -> Replica:
    replica = encoding(executor.generators.replicas)
    assert replica is not None
    return replica


def test_each_wording_is_encoded_once_by_the_one_replica_that_loads_the_encoder(started, tmp_path):
    config = settings(tmp_path)
    executor = started(cluster(3), config, REWARDS)
    loaded(executor, 3)
    first, second, _ = PROMPTS
    todo = [*moves(first), *moves(second), *moves(first, variant="a red ball")]
    films = [Request(todo[0].key, first, None), Request(todo[4].key, second, None)]
    found = answered(executor, todo) | answered(executor, films)
    assert len(told(tmp_path, "asked")) == 2 * 3 and executor.status()["generators"]["encoded"] == 3
    assert told(tmp_path, "loaded") == [f"loaded-{encoder(executor).pid}"]
    assert [span.what for span in executor.spans() if span.pool == "generators"].count("conditions") == 3
    inline = Inline(config, REWARDS)
    assert found == answered(inline, todo) | answered(inline, films)
    assert sum(isinstance(answer, Film) for answer in found.values()) == 2


def test_the_encoding_replica_may_die_while_it_encodes_and_afterwards(started, tmp_path):
    config = settings(tmp_path)
    executor = started(cluster(2), config, REWARDS)
    loaded(executor, 2)
    (tmp_path / HOLD).touch()
    todo = moves(PROMPTS[0])
    for request in todo:
        executor.submit(request)
    until(lambda: told(tmp_path, "waits"), meanwhile=lambda: executor.ready(0.1))
    assert executor.status()["generators"]["queue"] == len(todo) - 1  # no Move has begun
    os.kill(encoder(executor).pid, signal.SIGKILL)
    until(lambda: len(told(tmp_path, "waits")) == 2, meanwhile=lambda: executor.ready(0.1))
    (tmp_path / HOLD).unlink()
    answers = {}
    until(lambda: len(answers) == len(todo), meanwhile=lambda: answers.update(
        {a.key: (a.rewards, a.cost.nfe) for _, a in executor.ready(0.2)}))  # fmt: skip
    expected = {key: value for (key, _), value in answered(Inline(config, REWARDS), todo).items()}
    assert answers == expected and executor.generators.restarts == 1
    asked = len(told(tmp_path, "asked"))
    os.kill(encoder(executor).pid, signal.SIGKILL)
    answered(executor, moves(PROMPTS[0], first=9))  # the store has the conditions
    assert executor.generators.restarts == 2
    assert len(told(tmp_path, "asked")) == asked + 2 * (executor.status()["generators"]["encoded"] - 1)
    answered(executor, moves(PROMPTS[1]))
    assert executor.status()["generators"]["encoded"] <= 3


@ray.remote(num_cpus=0)
class Owner:
    """Holds an object, which is lost with it."""

    def put(self) -> list:
        return [ray.put(np.zeros(1_000_000))]


def is_lost(ref) -> bool:
    try:
        ray.get(ref, timeout=0.1)
    except ObjectLostError:
        return True
    except GetTimeoutError:
        pass
    return False


def test_conditions_that_are_lost_are_computed_again_without_blame(started, tmp_path):
    executor = started(cluster(2), settings(tmp_path), REWARDS)
    loaded(executor, 2)
    first = answered(executor, moves(PROMPTS[0]))
    owner = Owner.remote()
    (lost,) = ray.get(owner.put.remote())
    ray.kill(owner)
    until(lambda: is_lost(lost))
    executor._out.conditions._known[worded(moves(PROMPTS[0])[0])].ref = lost
    assert answered(executor, moves(PROMPTS[0])) == first
    status = executor.status()["generators"]
    assert status["encoded"] == 2 and status["restarts"] == 0 and status["retries"] >= 1
    assert all(replica.faults == 0 for replica in executor.generators.replicas)


def test_an_encoder_that_fails_fails_the_request_on_two_replicas_and_no_other_prompt(started, tmp_path):
    executor = started(cluster(2), settings(tmp_path), REWARDS)
    loaded(executor, 2)
    good = answered(executor, moves(PROMPTS[0], 1))
    (tmp_path / BROKEN).touch()
    bad = answered(executor, moves(PROMPTS[1], 2) + moves(PROMPTS[0], 1, first=5))
    (tmp_path / BROKEN).unlink()
    failures = [answer for answer in bad.values() if isinstance(answer, Failure)]
    assert len(failures) == 2 and len(good) == 1
    assert all(f.reason == "failed on 2 replicas: RuntimeError: the encoder is out of order" for f in failures)


def test_an_encoder_that_is_not_whole_is_refused_before_anything_is_made(started, tmp_path):
    config = settings(tmp_path)
    file = next((tmp_path / "wan/text_encoder").glob("*.safetensors"))
    file.write_bytes(file.read_bytes()[:-100])
    executor = started(cluster(2, loads_per_node=2), config, REWARDS)
    for request in moves(PROMPTS[0]):
        executor.submit(request)

    def look() -> None:
        assert not executor.ready(0.1)

    with pytest.raises(UsageError, match=r"cluster.generators: the model cannot be loaded: .*text_encoder"):
        until(lambda: False, meanwhile=look)


def test_a_generator_whose_conditions_cannot_be_sent_computes_them_in_each_replica(started, tmp_path):
    config = settings(tmp_path, name="alone")
    executor = started(cluster(2), config, REWARDS)
    loaded(executor, 2)
    todo = moves(PROMPTS[0], 6)
    assert answered(executor, todo) == answered(Inline(config, REWARDS), todo)


def test_who_encodes():
    ready, loading = Replica(0, phase="ready", encodes=True), Replica(1, phase="loading", encodes=True)
    plain = Replica(2, phase="ready")
    assert encoding([plain]) is None
    assert encoding([plain, loading]) is loading and encoding([loading, ready]) is ready
    ready.draining = loading.silent = True
    assert encoding([ready, loading, plain]) is None
