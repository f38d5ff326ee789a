"""What a job takes of GPUs and memory; and that the machines of the shipped cluster files have it."""

from pathlib import Path

import pytest
import yaml

from raysearch import config
from raysearch.generators.scale import scale
from raysearch.runs.footprint import GB, footprint, gpus_of, viewed
from raysearch.runs.judges import judges

NODE = "clusters/gpu-node/run.yaml"


def of(job_file, where, particles=16, per_node=8, words=()):
    job = config.load(job_file, list(words), where, elsewhere=True)
    return footprint(job, judges(job), scale(job.generator), particles, per_node)


def test_the_challenge_on_one_machine():
    found = of("jobs/physics_iq_v2v.yaml", NODE)
    assert found.on_gpu == pytest.approx(36.7e9, rel=0.02) and found.replicas == 8 and found.nodes == 1
    assert found.state == 19_968_000 and found.view == 97 * 384 * 384 * 3
    loading = found.on_gpu - 2.06e9
    assert found.ram == pytest.approx(found.encoders + 2 * loading + found.store, rel=0.01)
    assert not any("DOES NOT FIT" in line for line in found.lines("H100"))
    assert any("DOES NOT FIT" in line for line in found.lines("L4"))


def test_two_experts_take_the_room_of_both():
    one = of("jobs/physics_iq_i2v.yaml", NODE, words=["generator.model=Wan-AI/Wan2.1-T2V-14B-Diffusers"])
    assert of("jobs/physics_iq_i2v.yaml", NODE).on_gpu - one.on_gpu == pytest.approx(28e9, rel=0.02)


def test_whole_frames_travel_where_a_reward_wants_them():
    job = config.load("jobs/physics_iq_v2v.yaml", ["reward={name: motion}", "watch=[]"], elsewhere=True)
    known = scale(job.generator)
    assert viewed(judges(job), known) == 97 * 480 * 832 * 3


def test_gpus_are_counted_over_ranks_and_rewards():
    words = ["cluster.generators.ranks=4", "cluster.generators.replicas=2", "cluster.generators.num_gpus=1"]
    assert gpus_of(config.load("jobs/demo.yaml", [*words, "cluster.rewards.num_gpus=0.5"])) == 8.5
    assert gpus_of(config.load("jobs/physics_iq_v2v.yaml", cluster_file=NODE, elsewhere=True)) == pytest.approx(8)


MACHINES = {  # GB of memory of the generator machines of the launch files, by the data sheets of the clouds
    "aws": ("g6e.xlarge", 32), "gcp": ("a2-highgpu-1g", 85),
}  # fmt: skip
SHIPPED = [("aws", "jobs/wan_t2v.yaml"), ("gcp", "jobs/cogvideox_i2v.yaml"), ("kuberay", "jobs/wan_i2v.yaml"),
           ("kuberay", "jobs/physics_iq_v2v.yaml"), ("kuberay", "jobs/physics_iq_i2v.yaml")]  # fmt: skip


@pytest.mark.parametrize(("where", "job"), SHIPPED)
def test_the_machines_of_the_cluster_files_have_the_memory_of_the_jobs_that_name_them(where, job):
    folder = Path("clusters") / where
    if where == "kuberay":
        spec = yaml.safe_load((folder / "rayjob.yaml").read_text())["spec"]["rayClusterSpec"]["workerGroupSpecs"][0]
        limit = spec["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"]
        memory = float(limit.removesuffix("Gi")) * 2**30
    else:
        machine, gigabytes = MACHINES[where]
        assert machine in (folder / "launch.yaml").read_text()
        memory = gigabytes * GB
    found = of(job, str(folder / "run.yaml"), per_node=1)
    assert found.ram < 0.9 * memory, f"{found.ram / GB:.0f} of {memory / GB:.0f} GB"
