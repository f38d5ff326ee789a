"""Guided Moves on replicas: the same bits inline and on Ray, wherever the gradient comes from and whoever dies."""

import os
import signal

import pytest

from raysearch.config import tiny_defaults
from raysearch.config.settings import ClusterConfig, Job, PoolConfig
from raysearch.engine.coordinator import Coordinator
from raysearch.engine.journal import Journal
from raysearch.engine.task import Observer, Task
from raysearch.executors.inline import Inline
from raysearch.executors.ray.executor import RayExecutor
from raysearch.moves import Guide, Kernel, digest
from raysearch.prompts import Prompt
from raysearch.search import strategy

STEPS = 3
SCENE = Prompt("a", "a ball", scene="one_ball", scene_seed=1)
REWARDS = [{"name": "vjepa2", "stride": 8}, {"name": "motion"}]


def generator():
    job = Job()
    tiny_defaults(job)
    job.generator.steps = STEPS
    return job.generator


def searches() -> list[Task]:
    bon = strategy("best_of_n")(0, STEPS, n=2, guide=Guide("full", 0.02, every=2))
    noisy = Kernel("ddim_eta", 0.7)
    guide = Guide("mean", 0.05, clip=1.0, strict=True)
    smc = strategy("smc")(0, STEPS, n=3, kernel=noisy, guide=guide, reads=(0.4,), threshold=1.0, lam=20.0)
    return [Task("bon", SCENE, bon, digest("s")), Task("smc", SCENE, smc, digest("s"))]


def run(executor, folder, observers=()):
    coordinator = Coordinator(executor, Journal(str(folder), {}), observers)
    done = coordinator.run(searches())
    assert [end.error for end in done] == [None, None]
    return [end.result.digest() for end in done], done, coordinator.ledger


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inline")
    hashes, done, _ = run(Inline(generator(), REWARDS), folder)
    bon, smc = (end.result for end in done)
    assert all(o.log_ratio == 0 for o in bon.finals) and all(o.log_ratio != 0 for o in smc.finals)
    assert [o.cost.gradients for o in bon.finals] == [2, 2] and [o.cost.nfe for o in bon.finals] == [5, 5]
    return hashes, folder


def test_a_resumed_guided_run_executes_nothing_and_finds_the_same(reference):
    hashes, folder = reference
    again, _, ledger = run(Inline(generator(), REWARDS), folder)
    assert again == hashes and ledger.executed == 0
    lines = [line for file in sorted(folder.glob("outcomes/*.jsonl")) for line in file.read_text().splitlines()]
    half = folder.parent / "half"
    (half / "outcomes").mkdir(parents=True)
    (half / "manifest.json").write_bytes((folder / "manifest.json").read_bytes())
    (half / "outcomes/00000.jsonl").write_text("\n".join(lines[: len(lines) // 2]) + "\n")
    resumed, _, ledger = run(Inline(generator(), REWARDS), half)
    assert resumed == hashes and 0 < ledger.executed < len(lines)


def cluster(generators, rewards, **more):
    return ClusterConfig(generators=PoolConfig(generators, 0.5), rewards=PoolConfig(rewards, 0.5), **more)


@pytest.mark.slow
@pytest.mark.parametrize("place", ["colocated", "remote"])
def test_ray_finds_the_same_bits_wherever_the_gradient_comes_from(local_ray, reference, tmp_path, place):
    executor = RayExecutor(cluster(2, 1, guide_from=place), generator(), REWARDS)
    try:
        hashes, done, _ = run(executor, tmp_path)
        assert hashes == reference[0]
        assert sum(end.cost.gradients for end in done) > 0
    finally:
        executor.close()


@pytest.mark.slow
def test_a_reward_replica_that_dies_under_a_guide_is_no_fault_of_the_move(local_ray, reference, tmp_path):
    executor = RayExecutor(cluster(2, 1, guide_from="remote"), generator(), REWARDS)

    class Strike(Observer):
        """Kills the only reward replica while guided calls are under way, before any answer; sees who is blamed."""

        struck, blamed = False, 0

        def on_wait(self, ledger, status):
            self.blamed = max(self.blamed, *(r.faults for r in executor.generators.replicas))
            if not self.struck and status["generators"]["busy"]:
                self.struck = True
                os.kill(executor.rewards.replicas[0].pid, signal.SIGKILL)

    try:
        strike = Strike()
        hashes, _, _ = run(executor, tmp_path, [strike])
        assert strike.struck and hashes == reference[0]
        assert executor.rewards.restarts == 1 and executor.generators.restarts == 0
        assert strike.blamed == 0  # nobody asked the new replica before it had loaded
    finally:
        executor.close()
