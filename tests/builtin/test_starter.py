"""The files to begin with: each can be read, resolved and explained as it was written."""

import pytest

from raysearch import config, devices
from raysearch.builtin import starter
from raysearch.builtin.starter import HERE, MODELS, TRACKS, Start
from raysearch.errors import UsageError

KNOWN = [(model, track) for model, tracks in MODELS.items() for track in tracks] + [("my-org/model", "t2v")]


@pytest.mark.parametrize("model, track", KNOWN)
def test_a_written_job_is_read_as_it_was_meant(tmp_path, model, track):
    job_file, cluster_file = map(str, starter.write(tmp_path, Start(model, track, gpus=2)))
    job = config.load(job_file, [], cluster_file, elsewhere=True)
    prompts = job.prompts
    if model == "tiny":
        assert prompts.heldout == 8 and job.watch[1]["name"] == "tinyworld_truth"
    else:
        assert (prompts.file, bool(prompts.items)) == {"t2v": (None, True), "i2v": ("frames", False),
                                                       "v2v": ("clips", False)}[track]  # fmt: skip
        assert model in job.generator.model.lower()


@pytest.mark.parametrize("gpus, generators, rewards", [
    (0, (2, 0), (1, 0)), (1, (1, 0.9), (1, 0.1)), (4, (4, 0.9), (4, 0.1)), (8, (8, 0.9), (8, 0.1)),
])  # fmt: skip
def test_the_pools_share_the_gpus_of_this_machine(tmp_path, gpus, generators, rewards):
    cluster = config.load_cluster(str(starter.write(tmp_path, Start(gpus=gpus))[1]))
    assert (cluster.generators.replicas, cluster.generators.num_gpus) == generators
    assert (cluster.rewards.replicas, cluster.rewards.num_gpus) == rewards
    assert cluster.placement == ("paired" if gpus else "free") and cluster.address == "local"


def test_a_cluster_file_comes_with_what_it_needs(tmp_path):
    names = [path.name for path in starter.write(tmp_path, Start(machine="slurm"))]
    assert names == ["job.yaml", "cluster.yaml", "script.sbatch"]
    assert config.load_cluster(str(tmp_path / "cluster.yaml")).slurm.script == "script.sbatch"


@pytest.mark.parametrize("start, wants", [
    (Start(track="t2w"), "did you mean 't2v'"),
    (Start(machine="slrum"), "did you mean 'slurm'"),
    (Start("cogvideox", "v2v"), "--track v2v: cogvideox takes i2v"),
])  # fmt: skip
def test_what_cannot_be_is_refused(tmp_path, start, wants):
    with pytest.raises(UsageError, match=wants):
        starter.write(tmp_path / "new", start)
    assert not (tmp_path / "new").exists()


def test_nothing_is_overwritten_unless_asked(tmp_path):
    starter.write(tmp_path, Start())
    (tmp_path / "job.yaml").write_text("run: mine\n")
    with pytest.raises(UsageError, match=r"job\.yaml is already there"):
        starter.write(tmp_path, Start())
    assert (tmp_path / "job.yaml").read_text() == "run: mine\n"
    starter.write(tmp_path, Start(), replace=True)
    assert "heldout" in (tmp_path / "job.yaml").read_text()


def test_gpus_are_counted_by_nvidia_smi_and_else_by_torch(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert starter.gpus() == (devices.count(), "torch")
    tool = tmp_path / "nvidia-smi"
    tool.write_text('#!/bin/sh\necho "GPU 0: H100 (UUID: a)"\necho "GPU 1: H100 (UUID: b)"\necho "  MIG 1g.10gb"\n')
    tool.chmod(0o755)
    assert starter.gpus() == (2, "nvidia-smi")


def test_every_track_has_prompts():
    assert {*TRACKS, "tiny"} == set(starter.PROMPTS) and HERE not in starter.PROMPTS
