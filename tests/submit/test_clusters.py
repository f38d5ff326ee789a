"""clusters/ and jobs/: every file is what its name says, by Ray's own schema, by KubeRay's if given, and by rules."""

import copy
import os
import re
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import jsonschema
import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

from raysearch import __version__, config
from raysearch.config.by_card import part_dtype
from raysearch.errors import UsageError
from raysearch.generators.magi1.stages import each_of
from raysearch.runs import resolve
from raysearch.tinyworld import RUN_BY
from tests.submit.conftest import ROOT

LAUNCH = sorted(ROOT.glob("clusters/*/launch.yaml"))
RUN = sorted([ROOT / "clusters/local.yaml", *ROOT.glob("clusters/*/run.yaml")])
JOBS = sorted((ROOT / "jobs").glob("*.yaml"))
KUBERAY = ROOT / "clusters/kuberay/rayjob.yaml"
IMAGE = f"REGISTRY/raysearch:{__version__}-ray{version('ray')}"
NAME = lambda p: str(p.relative_to(ROOT))  # noqa: E731


def read(path: Path):
    return yaml.safe_load(path.read_text())


@pytest.mark.parametrize("path", LAUNCH, ids=NAME)
def test_launch_files_pass_rays_own_check(path):
    validate_config(prepare_config(read(path)))


@pytest.mark.parametrize("path", LAUNCH, ids=NAME)
def test_rays_check_sees_mistakes(path):
    wrong = read(path) | {"min_wokers": 1}
    with pytest.raises(jsonschema.ValidationError):
        validate_config(prepare_config(wrong))


@pytest.mark.parametrize("path", LAUNCH, ids=NAME)
def test_launch_files_are_safe_and_of_one_version(path):
    found, run = read(path), config.load_cluster(str(path.with_name("run.yaml")))
    assert found["docker"]["image"] == IMAGE
    starts = [*found["head_start_ray_commands"], *found["worker_start_ray_commands"]]
    assert all("RAY_AUTH_MODE=token" in c for c in starts if "ray start" in c)
    assert "--dashboard-host=127.0.0.1" in " ".join(found["head_start_ray_commands"])
    assert found["file_mounts"]["~/.ray/auth_token"] == "~/.ray/auth_token"
    assert run.address == "auto" and run.submit.address == "http://127.0.0.1:8265" and run.storage
    if kinds := found.get("available_node_types"):
        assert kinds["head"]["resources"] == {"CPU": 0}
        for pool in ("generators", "rewards"):
            settings, kind = getattr(run, pool), kinds[pool]
            assert settings.labels == kind["labels"] and settings.at_least and run.wait_s > 0
            assert settings.replicas * settings.num_gpus == kind["min_workers"] * kind["resources"]["GPU"]
            assert settings.replicas * settings.num_cpus <= kind["min_workers"] * kind["resources"]["CPU"]


@pytest.mark.parametrize("path", [p for p in LAUNCH if p.parent.name in ("aws", "gcp")], ids=NAME)
def test_cloud_workers_are_spot_and_the_head_is_not(path):
    kinds = read(path)["available_node_types"]
    for name, kind in kinds.items():
        node = kind["node_config"]
        spot = node.get("InstanceMarketOptions") or any(s["preemptible"] for s in node.get("scheduling", []))
        assert bool(spot) == (name != "head")


@pytest.mark.parametrize("path", [*RUN, *LAUNCH], ids=NAME)
def test_what_one_must_change_stands_at_the_top(path):
    text = path.read_text()
    assert text.startswith("# ")
    if path.name != "local.yaml":
        first = next(i for i, line in enumerate(text.splitlines()) if line and not line.startswith("#"))
        assert "what you must change" in text.splitlines()[first - 1]


@pytest.mark.parametrize("job", JOBS, ids=lambda p: p.name)
@pytest.mark.parametrize("where", RUN, ids=NAME)
def test_every_job_runs_everywhere(job, where):
    found = config.load(str(job), cluster_file=str(where), elsewhere=True)
    assert "cluster" not in read(job)
    resolve(found, elsewhere=True, with_prompts=not found.challenge)


@pytest.mark.parametrize("path", LAUNCH, ids=NAME)
def test_a_launch_file_is_not_taken_for_a_cluster_file(path):
    with pytest.raises(UsageError, match="launch file for `ray up`"):
        config.load(str(JOBS[0]), cluster_file=str(path))
    with pytest.raises(UsageError, match="Kubernetes manifest"):
        config.load(str(JOBS[0]), cluster_file=str(KUBERAY))


FAMILIES = {"Wan-AI": (16, 4), "THUDM": (16, 4), "Lightricks": (32, 8)}  # height and width: multiple; frames: k * . + 1


@pytest.mark.parametrize("path", [p for p in JOBS if read(p)["generator"]["model"] not in RUN_BY], ids=lambda p: p.name)
def test_sizes_are_those_the_families_take(path):
    generator = config.load(str(path), elsewhere=True).generator
    if generator.name == "magi1":  # tests/generators/magi1/test_settings.py knows what it takes
        assert generator.height % 16 == generator.width % 16 == 0 and generator.dtype == "bfloat16"
        assert each_of(generator.steps, generator.chunks, generator.call["window"]) == 64
        return
    size, frames = FAMILIES[generator.model.split("/")[0]]
    assert generator.height % size == generator.width % size == 0 and (generator.num_frames - 1) % frames == 0
    assert part_dtype(generator.dtype, "transformer") == "bfloat16" and generator.fps and generator.steps


def test_weights_are_downloaded_once_on_every_kind_of_cluster():
    """HF_HOME lies on what outlives a container: a volume of the pods, a disk or a shared folder of the machines."""
    for path in LAUNCH:
        options = " ".join(read(path)["docker"]["run_options"])
        folder = re.search(r"-e HF_HOME=(\S+)", options)
        mounts = re.findall(r"-v \S+:(\S+)", options)
        assert folder and any(Path(folder[1]).is_relative_to(mount) for mount in mounts), path
    for _, pod in pods(read(KUBERAY)):
        (container,) = pod["containers"]
        folder = next(e["value"] for e in container["env"] if e["name"] == "HF_HOME")
        mount = next(m for m in container["volumeMounts"] if Path(folder).is_relative_to(m["mountPath"]))
        claim = next(v for v in pod["volumes"] if v["name"] == mount["name"])["persistentVolumeClaim"]["claimName"]
        assert claim == read(KUBERAY.with_name("cache.yaml"))["metadata"]["name"]
    setup = config.load_cluster(str(ROOT / "clusters/slurm/run.yaml")).slurm.setup
    assert any(line.startswith("export HF_HOME=") for line in setup)


def test_one_machine_pairs_a_generator_and_a_reward_on_every_gpu():
    cluster = config.load_cluster(str(ROOT / "clusters/gpu-node/run.yaml"))
    generators, rewards = cluster.generators, cluster.rewards
    assert cluster.placement == "paired" and generators.replicas == rewards.replicas
    assert generators.num_gpus + rewards.num_gpus == 1 and generators.num_gpus > 0.5


def pods(job) -> list[tuple[str, dict]]:
    spec = job["spec"]["rayClusterSpec"]
    groups = [("head", spec["headGroupSpec"]), *((g["groupName"], g) for g in spec["workerGroupSpecs"])]
    return [(name, group["template"]["spec"]) for name, group in groups]


def test_the_rayjob_by_rules():
    job, run = read(KUBERAY), config.load_cluster(str(KUBERAY.with_name("run.yaml")))
    spec = job["spec"]["rayClusterSpec"]
    assert spec["rayVersion"] == version("ray")
    assert spec["authOptions"] == {"mode": "token", "secretName": "raysearch-token"}
    assert spec["headGroupSpec"]["serviceType"] == "ClusterIP" and spec["autoscalerOptions"]["version"] == "v2"
    assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] and job["spec"]["shutdownAfterJobFinishes"]
    python, flag, module, command, *rest = job["spec"]["entrypoint"].split()
    assert (python, flag, command) == ("python", "-m", "run") and find_spec(module)
    mounts = {m["mountPath"] for _, pod in pods(job) for c in pod["containers"] for m in c.get("volumeMounts", [])}
    assert {Path(word).parent.as_posix() for word in rest if word.startswith("/")} <= mounts
    for name, pod in pods(job):
        (container,) = pod["containers"]
        assert container["image"] == IMAGE
        assert container["resources"]["limits"] == container["resources"]["requests"]
        assert {m["name"] for m in container["volumeMounts"]} == {v["name"] for v in pod["volumes"]}
        hub = next(e for e in container["env"] if e["name"] == "HF_TOKEN")
        assert set(hub) == {"name", "valueFrom"}  # from a secret, never a value
        gpus = int(container["resources"]["limits"].get("nvidia.com/gpu", 0))
        assert (gpus > 0) == (name != "head")
    for group in spec["workerGroupSpecs"]:
        pool = getattr(run, group["groupName"])
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
        assert pool.replicas * pool.num_gpus == group["replicas"] and pool.labels == group["labels"]
        assert group["template"]["spec"]["terminationGracePeriodSeconds"] > 30


def strict(schema):
    """A CRD's schema as a JSON schema that allows no unknown keys."""
    if isinstance(schema, list):
        return [strict(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    made = {k: strict(v) for k, v in schema.items()}
    if isinstance(made.get("properties"), dict) and "type" in made:
        made.setdefault("additionalProperties", False)
    if made.pop("x-kubernetes-int-or-string", False):
        made = {"type": ["integer", "string"]}
    if made.pop("nullable", False) and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    return made


@pytest.mark.skipif("KUBERAY_RAYJOB_CRD" not in os.environ, reason="KUBERAY_RAYJOB_CRD names no ray.io_rayjobs.yaml")
def test_the_rayjob_by_kuberays_own_schema():
    crd = read(Path(os.environ["KUBERAY_RAYJOB_CRD"]))
    schema = next(v for v in crd["spec"]["versions"] if v["name"] == "v1")["schema"]["openAPIV3Schema"]
    schema["properties"]["metadata"] = {"type": "object", "additionalProperties": True}
    check, job = jsonschema.Draft7Validator(strict(schema)), read(KUBERAY)
    assert [f"{list(e.absolute_path)}: {e.message}" for e in check.iter_errors(job)] == []
    wrong = copy.deepcopy(job)
    wrong["spec"]["rayClusterSpec"]["workerGroupSpecs"][0]["minReplica"] = 1
    assert list(check.iter_errors(wrong))


def test_the_image_has_the_pinned_ray():
    text = (ROOT / "clusters/image/Dockerfile").read_text()
    assert f"FROM rayproject/ray:{version('ray')}-py311-gpu" in text and IMAGE in text
    pinned = re.search(r"^ray==(\S+)$", (ROOT / "constraints.txt").read_text(), re.M)
    assert pinned and pinned[1] == version("ray")
