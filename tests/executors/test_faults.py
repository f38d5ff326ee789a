"""What the Ray executor does when replicas die, freeze, lag, fail or are too many: real processes."""

import os
import signal
import time

import pytest
import ray

from examples import clockwork
from raysearch.config.settings import ClusterConfig, PoolConfig
from raysearch.engine.coordinator import Coordinator
from raysearch.engine.journal import Journal
from raysearch.engine.task import Observer, Task
from raysearch.errors import UsageError
from raysearch.executors import Request
from raysearch.executors.inline import Inline
from raysearch.executors.ray.executor import RayExecutor
from raysearch.moves import Guide, Kernel, Move, Outcome, Result, Round, digest
from raysearch.prompts import Prompt
from raysearch.search import strategy
from tests.waiting import until

pytestmark = pytest.mark.cluster
STEPS = 6
PROMPTS = [Prompt(f"p{k}", "a ball") for k in range(3)]
REWARDS = [{"name": "motion"}]
NOISY = Kernel("ddim_eta", 0.7)


def cluster(generators: int = 2, rewards: int = 1, **more) -> ClusterConfig:
    return ClusterConfig(generators=PoolConfig(generators, 0.5), rewards=PoolConfig(rewards, 0.5), **more)


def searches() -> list[Task]:
    todo = [Task(f"bon-{p.id}", p, strategy("best_of_n")(0, STEPS, n=3), digest(["s", p.id])) for p in PROMPTS]
    return todo + [
        Task(f"smc-{p.id}", p, strategy("smc")(0, STEPS, n=4, kernel=NOISY), digest(["s", p.id])) for p in PROMPTS
    ]


def model(seconds: float = 0.02, **call):
    return clockwork.settings(STEPS, seconds=seconds, **call)


@pytest.fixture(scope="module")
def reference(tmp_path_factory) -> list[str]:
    journal = Journal(str(tmp_path_factory.mktemp("ref")), {})
    return hashes(Coordinator(Inline(model(0.0), REWARDS), journal).run(searches()))


def hashes(done) -> list[str]:
    assert [end.error for end in done] == [None] * len(done)
    return [end.result.digest() for end in done]


def answers(executor, *jobs) -> list:
    tickets = {executor.submit(job): i for i, job in enumerate(jobs)}
    found: dict[int, object] = {}
    while len(found) < len(jobs):
        for ticket, answer in executor.ready(0.5):
            assert tickets[ticket] not in found, "answered twice"
            found[tickets[ticket]] = answer
    return [found[i] for i in range(len(jobs))]


class Strike(Observer):
    """An observer that does something when the `after`-th new Outcome arrives."""

    def __init__(self, what, after: int = 3):
        self.what, self.left = what, after

    def on_outcome(self, task, outcome, recalled):
        self.left -= not recalled
        if self.left == 0:
            self.what()


def run(executor, tmp_path, observers=()):
    coordinator = Coordinator(executor, Journal(str(tmp_path / "j"), {}), observers, films="best")
    return hashes(coordinator.run(searches())), coordinator.ledger


def at_work(pool) -> int:
    """The process of a replica that is doing something, else of any."""
    ready = [r for r in pool.replicas if r.phase == "ready"]
    return next((r for r in ready if r.calls), ready[0]).pid


@pytest.mark.slow
@pytest.mark.parametrize("replicas", [1, 2, 4])
def test_any_number_of_replicas_finds_the_same_bits(started, reference, tmp_path, replicas):
    found, ledger = run(started(cluster(replicas, 2), model(0.0), REWARDS), tmp_path)
    assert found == reference and ledger.rebuilt == 0


@pytest.mark.slow
def test_the_smc_of_a_whole_sweep_shares_its_moves_and_finds_the_same_bits(started, tmp_path):
    def sweep() -> list[Task]:
        sizes = (2, 4, 8)
        return [
            Task(f"{p.id}-{n}", p, strategy("smc")(0, STEPS, n=n, kernel=NOISY), digest(["s", p.id]))
            for p in PROMPTS[:2] for n in sizes
        ]  # fmt: skip

    def run_on(executor, folder):
        coordinator = Coordinator(executor, Journal(str(folder), {}))
        return hashes(coordinator.run(sweep())), coordinator.ledger

    inline, one = run_on(Inline(model(0.0), REWARDS), tmp_path / "inline")
    ray, ledger = run_on(started(cluster(4, 2), model(0.0), REWARDS), tmp_path / "ray")
    assert ray == inline and ledger.executed == one.executed
    assert ledger.executed < sum(
        2 * n * 5 for n in (2, 4, 8)
    )  # the first round of a small one is part of a large one's


@pytest.mark.slow
def test_replicas_that_disagree_are_told(started, tmp_path):
    executor = started(cluster(3, hedge=2.0), model(0.05, slow=str(tmp_path), factor=12.0, unsteady=True), REWARDS)
    jobs = [Request(f"m{i}", PROMPTS[0], Move(None, (9, i), STEPS)) for i in range(16)]
    with pytest.warns(RuntimeWarning, match="gave other latents on another replica"):
        answers(executor, *jobs)
        # The slower one of a pair may still be running.
        until(lambda: executor.mismatches, meanwhile=lambda: executor.ready(0.2))
    assert executor.status()["generators"]["mismatches"] >= 1


@pytest.mark.parametrize("pool", ["generators", pytest.param("rewards", marks=pytest.mark.slow)])
def test_a_killed_worker_changes_nothing(started, reference, tmp_path, pool):
    executor = started(cluster(2, 1), model(), REWARDS, store=str(tmp_path / "latents"))
    struck = Strike(lambda: os.kill(at_work(getattr(executor, pool)), signal.SIGKILL))
    found, ledger = run(executor, tmp_path, [struck])
    assert found == reference and struck.left <= 0
    assert getattr(executor, pool).restarts == 1
    assert len(Journal(str(tmp_path / "j"), {}).outcomes) == ledger.executed


@pytest.mark.slow
def test_a_call_that_ends_in_any_other_error_of_ray_is_made_again(started, reference, tmp_path):
    """Ray's memory monitor, for one, does not say that the actor died. Cancelling a call does not either."""
    executor = started(cluster(2, 1), model(0.1), REWARDS, store=str(tmp_path / "latents"))

    def cancel():
        waiting = next(r.calls[-1] for r in executor.generators.replicas if len(r.calls) > 1)
        ray.cancel(waiting.refs[0])

    struck = Strike(cancel)
    found, _ = run(executor, tmp_path, [struck])
    assert found == reference and struck.left <= 0 and executor.retries >= 1


@pytest.mark.slow
def test_a_frozen_worker_is_replaced_after_its_deadline(started, reference, tmp_path):
    executor = started(cluster(2, 1, deadline_s=3.0, hedge=0), model(), REWARDS, store=str(tmp_path / "latents"))
    struck = Strike(lambda: os.kill(at_work(executor.generators), signal.SIGSTOP))
    assert run(executor, tmp_path, [struck])[0] == reference
    assert executor.generators.restarts >= 1 and executor.retries >= 1


def test_a_frozen_worker_is_hedged_long_before_its_deadline(started, reference, tmp_path):
    executor = started(cluster(3, 1, deadline_s=600.0), model(), REWARDS)
    answers(executor, *(Request(f"w{i}", PROMPTS[0], Move(None, (9, i), STEPS)) for i in range(12)))  # all have loaded
    struck = Strike(lambda: os.kill(at_work(executor.generators), signal.SIGSTOP))
    found, ledger = run(executor, tmp_path, [struck])
    assert found == reference
    assert executor.hedges >= 1 and executor.hedges_won >= 1 and executor.mismatches == 0
    assert ledger.cost.nfe == sum(o.cost.nfe for o in Journal(str(tmp_path / "j"), {}).outcomes.values())


def test_deadlines_grow_with_the_work_and_are_not_learnt_from_idle_calls(started):
    executor = started(cluster(1, deadline_s=1e6), model(), REWARDS)
    idle = [Request(f"n{i}", PROMPTS[0], Move(None, (0, 0, i), 0, score=False)) for i in range(4)]
    answers(executor, *idle, *(Request(f"n{i}", PROMPTS[0], None) for i in range(4)))
    assert executor.generators.durations.deadline(STEPS) == 1e6  # nothing learnt from draws and films
    answers(executor, *(Request(f"m{i}", PROMPTS[0], Move(None, (0, 0, i), 1)) for i in range(3)))
    short, long = (executor.generators.durations.deadline(w) for w in (1e4, 2e4))
    assert 20 < short < 1e6 and long == pytest.approx(2 * short)
    assert executor.generators.durations.deadline(None) == 1e6


def test_a_poison_move_fails_on_two_replicas_and_ends_its_search_alone(started, tmp_path):
    def poison():
        outcomes = yield Round((Move(None, (0, 0, 0), STEPS, guide=Guide("no such guide", 1.0)),))
        return Result.of_best(outcomes)

    executor = started(cluster(2), model(0.0), REWARDS)
    todo = [Task("bad", PROMPTS[0], poison(), "s"), searches()[0]]
    done = Coordinator(executor, Journal(str(tmp_path), {})).run(todo)
    assert "failed on 2 replicas" in done[0].error and "no such guide" in done[0].error
    assert done[1].error is None


def test_more_than_the_cluster_has_is_refused_at_once(local_ray):
    begun = time.monotonic()
    with pytest.raises(UsageError, match=r"has 8 CPU, but 40 generators x 0.5 \+ 1 rewards x 0.5 = 20.5"):
        RayExecutor(cluster(40), model(), REWARDS)
    short = cluster(1)
    for setting, value, told in (
        ("num_gpus", 2.0, "the cluster has 0 GPU, but 1 generators x 2"),
        ("memory_gb", 1e6, r"GiB of memory, but 1 generators x 1e\+06"),
        ("accelerator_type", "H100", "accelerator_type:H100"),
        ("labels", {"zone": "b"}, r"room for 0 of 1 replicas of cluster.generators: .* labels \{'zone': 'b'\}"),
        ("resources", {"tape": 1.0}, "the cluster has 0 tape"),
    ):
        short.generators = PoolConfig(1, 0.5, **{setting: value})
        with pytest.raises(UsageError, match=told):
            RayExecutor(short, model(), REWARDS)
    assert time.monotonic() - begun < short.load_timeout_s / 4  # takes a second; it does not wait for room


def test_pools_of_different_size_cannot_be_paired(local_ray):
    with pytest.raises(UsageError, match=r"paired needs one reward replica per generator replica, .* 1 and 2"):
        RayExecutor(cluster(2, 1, placement="paired"), model(), REWARDS)


@pytest.mark.slow
def test_paired_replicas_live_on_one_node_and_survive_a_kill(started, reference, tmp_path):
    executor = started(cluster(2, 2, placement="paired"), model(), REWARDS)
    struck = Strike(lambda: os.kill(at_work(executor.generators), signal.SIGKILL))
    assert run(executor, tmp_path, [struck])[0] == reference
    assert executor.generators.restarts == 1


def test_states_move_only_where_they_must_and_bytes_are_counted(started):
    executor = started(cluster(2), model(0.0, numbers=1000), REWARDS)
    first = answers(executor, *(Request(f"a{i}", PROMPTS[0], Move(None, (0, i), 2)) for i in range(4)))
    assert all(isinstance(one, Outcome) for one in first)
    answers(executor, *(Request(f"b{i}", PROMPTS[0], Move(f"a{i}", (1, i), STEPS)) for i in range(4)))
    assert executor.status()["generators"]["moved_bytes"] == 0  # one node: nothing moves
