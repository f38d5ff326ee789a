"""What every executor promises, on the shipped models: one suite for inline and Ray, and the same bits from all."""

import os
import signal

import numpy as np
import pytest

from raysearch import videos
from raysearch.config import ClusterConfig, Job, PoolConfig, tiny_defaults
from raysearch.coordinator import Coordinator, Task
from raysearch.errors import UsageError
from raysearch.executors import Failure, Film
from raysearch.executors import Job as Work
from raysearch.executors.inline import Inline
from raysearch.executors.ray import RayExecutor
from raysearch.journal import Journal
from raysearch.moves import Guide, Kernel, Move, Outcome, Result, Round, digest
from raysearch.prompts import Prompt
from raysearch.search import strategy

STEPS = 4
PROMPTS = [
    Prompt("a", "a ball", scene="one_ball", scene_seed=1),
    Prompt("b", "two balls", scene="two_balls", scene_seed=2),
]
REWARDS = [{"name": "vjepa2"}, {"name": "motion"}, {"name": "tinyworld_truth"}]
NOISY = Kernel("ddim_eta", 0.7)


def generator():
    job = Job()
    tiny_defaults(job)
    job.generator.steps = STEPS
    return job.generator


def cluster(generators: int = 1, rewards: int = 1, **more) -> ClusterConfig:
    return ClusterConfig(generators=PoolConfig(generators, 0.5), rewards=PoolConfig(rewards, 0.5), **more)


@pytest.fixture(params=["inline", "ray-1", "ray-3"])
def executor(request, tmp_path):
    store = str(tmp_path / "latents")
    if request.param == "inline":
        made = Inline(generator(), REWARDS, store=store)
    else:
        request.getfixturevalue("local_ray")
        made = RayExecutor(cluster(int(request.param[-1])), generator(), REWARDS, store=store)
    yield made
    made.close()


def answers(executor, *jobs) -> list:
    tickets = {executor.submit(job): i for i, job in enumerate(jobs)}
    found: dict[int, object] = {}
    while len(found) < len(jobs):
        for ticket, answer in executor.ready(0.5):
            assert tickets[ticket] not in found, "answered twice"
            found[tickets[ticket]] = answer
    return [found[i] for i in range(len(jobs))]


def searches() -> list[Task]:
    todo = [Task(f"bon-{p.id}", p, strategy("best_of_n")(0, STEPS, n=3), digest(["s", p.id])) for p in PROMPTS]
    return todo + [
        Task(f"smc-{p.id}", p, strategy("smc")(0, STEPS, n=4, kernel=NOISY), digest(["s", p.id])) for p in PROMPTS
    ]


@pytest.fixture(scope="module")
def reference(tmp_path_factory) -> list[str]:
    done = Coordinator(Inline(generator(), REWARDS), Journal(str(tmp_path_factory.mktemp("ref")), {})).run(searches())
    return [end.result.digest() for end in done]


def test_every_executor_finds_the_same_bits(executor, reference, tmp_path):
    done = Coordinator(executor, Journal(str(tmp_path / "j"), {}), films="best").run(searches())
    assert [end.result.digest() for end in done] == reference
    for end in done:
        frames, fps = videos.decode(end.films[end.result.winner.key])
        assert frames.shape == (17, 256, 256, 3) and fps == 8
    assert all(pool["replicas"] == pool["alive"] for pool in executor.status().values())


def test_moves_films_and_missing_states(executor):
    whole, half = Move(None, (0, 0, 0), STEPS), Move(None, (0, 0, 0), 2, score=False)
    first, second, lost = answers(
        executor, Work("whole", PROMPTS[0], whole), Work("half", PROMPTS[0], half),
        Work("child", PROMPTS[0], Move("nowhere", (0, 1, 0), STEPS)),
    )  # fmt: skip
    assert isinstance(first, Outcome) and first.cost.nfe == STEPS and first.cost.reward_calls == 1
    assert set(first.rewards) >= {"vjepa2", "motion", "tinyworld_truth", "tinyworld_truth.mse"}
    assert first.reward == first.rewards["vjepa2"]
    assert second.cost.nfe == 2 and second.rewards == {} and np.isnan(second.reward)
    assert isinstance(lost, Failure) and lost.missing == "nowhere"
    child, film, none = answers(
        executor, Work("end", PROMPTS[0], Move("half", (0, 0, 0), STEPS)), Work("whole", PROMPTS[0], None),
        Work("never", PROMPTS[0], None),
    )  # fmt: skip
    assert child.rewards == first.rewards  # the ode: a chain equals the unsplit run
    assert isinstance(film, Film) and len(film.mp4) > 1000
    assert isinstance(none, Failure) and none.missing == "never"


def test_a_forgotten_state_comes_back_from_the_store(executor):
    answers(executor, Work("half", PROMPTS[0], Move(None, (0, 0, 0), 2)))
    executor.forget(["half"])
    (child,) = answers(executor, Work("end", PROMPTS[0], Move("half", (0, 0, 0), STEPS)))
    assert isinstance(child, Outcome) and child.cost.nfe == STEPS - 2


def killed(executor, replicas, signum, tmp_path, after=2):
    """Run all searches; strike one replica when the `after`-th Outcome arrives."""
    import ray

    pid = ray.get(replicas[0].actor.pid.remote())

    class Strike:
        left = after

        def on_round(self, task, number, round): ...
        def on_finish(self, finished): ...
        def on_wait(self, ledger, status): ...

        def on_outcome(self, task, outcome, recalled):
            Strike.left -= 1
            if Strike.left == 0:
                os.kill(pid, signum)

    coordinator = Coordinator(executor, Journal(str(tmp_path / "j"), {}), [Strike()], films="best")
    done = coordinator.run(searches())
    assert Strike.left <= 0
    return [end.result.digest() for end in done], coordinator.ledger


@pytest.mark.parametrize("pool", ["generators", "rewards"])
def test_a_killed_worker_changes_nothing(local_ray, reference, tmp_path, pool):
    executor = RayExecutor(cluster(2, 2), generator(), REWARDS, store=str(tmp_path / "latents"))
    try:
        hashes, ledger = killed(executor, getattr(executor, pool).replicas, signal.SIGKILL, tmp_path)
        assert hashes == reference
        assert getattr(executor, pool).restarts == 1
        assert len(Journal(str(tmp_path / "j"), {}).outcomes) == ledger.executed
    finally:
        executor.close()


def test_a_frozen_worker_is_replaced_after_its_deadline(local_ray, reference, tmp_path):
    executor = RayExecutor(cluster(2, 1, deadline_s=5.0), generator(), REWARDS, store=str(tmp_path / "latents"))
    try:
        answers(executor, Work("warm", PROMPTS[0], Move(None, (9, 9, 9), STEPS)))  # all models loaded
        hashes, _ = killed(executor, executor.generators.replicas, signal.SIGSTOP, tmp_path)
        assert hashes == reference and executor.generators.restarts >= 1
    finally:
        executor.close()


def test_deadlines_grow_with_the_work_and_are_not_learnt_from_idle_calls(local_ray):
    executor = RayExecutor(cluster(1, deadline_s=1e6), generator(), REWARDS)
    try:
        idle = [Work(f"n{i}", PROMPTS[0], Move(None, (0, 0, i), 0, score=False)) for i in range(4)]
        answers(executor, *idle, *(Work(f"n{i}", PROMPTS[0], None) for i in range(4)))
        assert executor.generators.deadline(STEPS) == 1e6  # nothing learnt from draws and films
        answers(executor, *(Work(f"m{i}", PROMPTS[0], Move(None, (0, 0, i), 1)) for i in range(3)))
        short, long = (executor.generators.deadline(w) for w in (1e4, 2e4))
        assert 20 < short < 1e6 and long == pytest.approx(2 * short)
        assert executor.generators.deadline(None) == 1e6
    finally:
        executor.close()


def test_a_poison_move_fails_on_two_replicas_and_ends_its_search_alone(local_ray, tmp_path):
    def poison():
        outcomes = yield Round((Move(None, (0, 0, 0), STEPS, guide=Guide("no such guide", 1.0)),))
        return Result.of_best(outcomes)

    executor = RayExecutor(cluster(2), generator(), REWARDS)
    try:
        todo = [Task("bad", PROMPTS[0], poison(), "s"), searches()[0]]
        done = Coordinator(executor, Journal(str(tmp_path), {})).run(todo)
        assert "failed on 2 replicas" in done[0].error and "no such guide" in done[0].error
        assert done[1].error is None
    finally:
        executor.close()


def test_more_than_the_cluster_has_is_refused_at_once(local_ray):
    with pytest.raises(UsageError, match=r"has 8 CPU, but 40 generators x 0.5 \+ 1 rewards x 0.5 = 20.5"):
        RayExecutor(cluster(40), generator(), REWARDS)


def test_a_model_that_cannot_be_loaded_says_why(local_ray, tmp_path):
    config = generator()
    config.model = str(tmp_path)
    executor = RayExecutor(cluster(1), config, REWARDS)
    try:
        with pytest.raises(UsageError, match=r"cluster.generators: the model cannot be loaded: .*model_index.json"):
            answers(executor, Work("x", PROMPTS[0], Move(None, (0,), STEPS)))
    finally:
        executor.close()
