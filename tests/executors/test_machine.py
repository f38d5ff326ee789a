"""Pools that find no place on this machine are refused before Ray is started."""

import pytest

from raysearch.cli import main
from raysearch.config.settings import ClusterConfig, GeneratorConfig, Job, PoolConfig
from raysearch.errors import UsageError
from raysearch.executors import machine


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """A machine of 4 cores, 1 GPU and 8 GB."""
    monkeypatch.setattr(machine, "cores", lambda: 4)
    monkeypatch.setattr(machine, "gpus", lambda: 1)
    monkeypatch.setattr(machine, "memory_gb", lambda: 8.0)


def cluster(rewards=None, **generators):
    return ClusterConfig(generators=PoolConfig(**generators), rewards=PoolConfig(**(rewards or {"num_cpus": 0.5})))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (cluster(replicas=400), "has 4 cores, but 400 generators x 1 + 1 rewards x 0.5 = 400.5 are asked for; lower "
         "cluster.generators.replicas or cluster.generators.num_cpus"),
        (cluster(num_gpus=1, rewards={"num_gpus": 0.5}), "has 1 GPUs, but 1 generators x 1 + 1 rewards x 0.5 = 1.5"),
        (cluster(memory_gb=100), "has 8 GB of memory, but 1 generators x 100 = 100 are asked for"),
        (cluster(replicas=1, ranks=5), "5 generators x 1"),
        (cluster(rewards={"replicas": 9}), "lower cluster.rewards.replicas"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(asked, message):
    with pytest.raises(UsageError) as refused:
        machine.check(asked)
    assert message in str(refused.value)


def test_what_fits_or_may_fit_passes(monkeypatch):
    machine.check(cluster(replicas=400, at_least=3))
    machine.check(cluster(replicas=3, num_gpus=0.25, rewards={"num_cpus": 1, "num_gpus": 0.25, "memory_gb": 8}))
    monkeypatch.setattr(machine, "gpus", lambda: None)
    machine.check(cluster(num_gpus=8))


def test_a_run_is_refused_without_starting_ray(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("ray.init", lambda *args, **options: pytest.fail("Ray was started"))
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    words = [f"run={tmp_path}/run", "prompts.heldout=1", "search.n=1", "cluster.generators.replicas=400"]
    assert main(["run", "jobs/demo.yaml", *words]) == 2
    assert "this machine has 4 cores, but 400 generators x 0.75" in capsys.readouterr().err


def test_a_video_that_no_memory_holds():
    with pytest.raises(
        UsageError, match=r"generator\.num_frames=100000 of height=16384 .*: one decoded video takes 3e\+05"
    ):
        machine.check_video(GeneratorConfig(num_frames=100_000, height=16_384, width=16_384))
    machine.check_video(GeneratorConfig(num_frames=121, height=720, width=1280))
    machine.check_video(GeneratorConfig(num_frames=100_000))


def test_a_folder_too_deep_for_sockets(monkeypatch):
    monkeypatch.setenv("RAY_TMPDIR", "/scratch/" + "deep/" * 12)
    with pytest.raises(UsageError, match=r"RAY_TMPDIR='/scratch/.*has 69 bytes.*leave room for \d+; set RAY_TMPDIR to"):
        machine.check_sockets()
    monkeypatch.setenv("RAY_TMPDIR", "/scratch/me")
    machine.check_sockets()


def test_this_machine_has_something():
    assert machine.memory_gb() > 0


def test_a_job_that_needs_gpus_is_not_computed_on_a_cpu(monkeypatch):
    job = Job(needs_gpu=True)
    with pytest.raises(
        UsageError, match=r"cluster\.generators\.num_gpus=0: the job needs a GPU .* clusters/gpu-node/run"
    ):
        machine.check_gpus(job)
    job.cluster.generators.num_gpus = 0.9
    machine.check_gpus(job)
    machine.check_gpus(Job())
    job = Job(needs_gpu=True, cluster=ClusterConfig(executor="inline"))
    monkeypatch.setattr(machine, "gpus", lambda: 0)
    with pytest.raises(UsageError, match="this machine has no GPU"):
        machine.check_gpus(job)
    monkeypatch.setattr(machine, "gpus", lambda: 1)
    machine.check_gpus(job)
