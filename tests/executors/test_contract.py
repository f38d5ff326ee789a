"""What every executor promises, on the shipped models: inline, virtual and Ray, the same bits from all."""

import numpy as np
import pytest

from raysearch import videos
from raysearch.config import tiny_defaults
from raysearch.config.settings import ClusterConfig, Job, PoolConfig
from raysearch.engine.coordinator import Coordinator
from raysearch.engine.journal import Journal
from raysearch.engine.task import Task
from raysearch.executors import Failure, Film, Request
from raysearch.executors.inline import Inline
from raysearch.executors.ray.executor import RayExecutor
from raysearch.executors.virtual import Cluster as Simulated
from raysearch.executors.virtual import Virtual
from raysearch.moves import Guide, Kernel, Move, Outcome, digest
from raysearch.prompts import Prompt
from raysearch.search import strategy

STEPS = 4
PROMPTS = [
    Prompt("a", "a ball", scene="one_ball", scene_seed=1),
    Prompt("b", "two balls", scene="two_balls", scene_seed=2),
]
REWARDS = [{"name": "vjepa2"}, {"name": "motion"}, {"name": "tinyworld_truth"}, {"name": "likephys", "levels": 2}]
NOISY = Kernel("ddim_eta", 0.7)


def generator():
    job = Job()
    tiny_defaults(job)
    job.generator.steps = STEPS
    return job.generator


def cluster(generators: int = 1, rewards: int = 1, **more) -> ClusterConfig:
    return ClusterConfig(generators=PoolConfig(generators, 0.5), rewards=PoolConfig(rewards, 0.5), **more)


@pytest.fixture(scope="module", params=["inline", "virtual", pytest.param("ray-1", marks=pytest.mark.slow), "ray-3"])
def executor(request, tmp_path_factory):
    """One of each kind for all tests, as in a run: replicas take seconds to start."""
    store = str(tmp_path_factory.mktemp(request.param) / "latents")
    if request.param == "inline":
        made = Inline(generator(), REWARDS, store=store)
    elif request.param == "virtual":
        model = Simulated([1.0, 1.4, 2.0], [0.1, 0.3], load_s=0.5, lost=[(3.0, 1), (9.0, 0)], spread=0.3)
        made = Virtual(model, Inline(generator(), REWARDS, store=store))
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
    todo = [Task(f"bon-{p.id}", p, strategy("best_of_n")(0, STEPS, n=2), digest(["s", p.id])) for p in PROMPTS]
    return [*todo, Task("smc-a", PROMPTS[0], strategy("smc")(0, STEPS, n=4, kernel=NOISY), digest(["s", "a"]))]


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
    assert all(0 < pool["alive"] <= pool["replicas"] and not pool["queue"] for pool in executor.status().values())


def test_moves_films_and_missing_states(executor):
    whole, half = Move(None, (0, 0, 0), STEPS), Move(None, (0, 0, 0), 2, score=False)
    first, second, lost = answers(
        executor, Request("whole", PROMPTS[0], whole), Request("half", PROMPTS[0], half),
        Request("child", PROMPTS[0], Move("nowhere", (0, 1, 0), STEPS)),
    )  # fmt: skip
    assert isinstance(first, Outcome) and first.cost.nfe == STEPS + 2 and first.cost.reward_calls == 1
    assert set(first.rewards) >= {"vjepa2", "motion", "tinyworld_truth", "tinyworld_truth.mse", "likephys"}
    assert first.reward == first.rewards["vjepa2"]
    assert second.cost.nfe == 2 + 1 and second.rewards == {} and np.isnan(second.reward)
    assert isinstance(lost, Failure) and lost.missing == "nowhere"
    child, film, none = answers(
        executor, Request("end", PROMPTS[0], Move("half", (0, 0, 0), STEPS)), Request("whole", PROMPTS[0], None),
        Request("never", PROMPTS[0], None),
    )  # fmt: skip
    assert child.rewards == first.rewards  # the ode: a chain equals the unsplit run
    assert isinstance(film, Film) and len(film.mp4) > 1000
    assert isinstance(none, Failure) and none.missing == "never"


def test_a_job_that_cannot_be_done_is_a_failure_and_the_next_is_done(executor):
    guide = Guide("no such guide", 1.0)
    bad, good = answers(
        executor, Request("bad", PROMPTS[0], Move(None, (0, 0, 0), STEPS, guide=guide)),
        Request("good", PROMPTS[0], Move(None, (0, 0, 0), STEPS)),
    )  # fmt: skip
    assert isinstance(bad, Failure) and bad.missing is None and "guide 'no such guide' is unknown" in bad.reason
    assert isinstance(good, Outcome)


def test_a_forgotten_state_comes_back_from_the_store(executor):
    answers(executor, Request("half", PROMPTS[0], Move(None, (0, 0, 0), 2)))
    executor.forget(["half"])
    (child,) = answers(executor, Request("end", PROMPTS[0], Move("half", (0, 0, 0), STEPS)))
    assert (
        isinstance(child, Outcome) and child.cost.nfe == STEPS - 2 - 1 + 2
    )  # the first was made for the score; two levels of likephys
