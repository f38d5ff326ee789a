"""An adapter on quantised weights, read through a tiny decoder: on Ray, killed, resumed, and the same hash."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch
import yaml

from raysearch.cli import main
from raysearch.generators.tiny_decoder import Layout, TinyDecoder, save
from tests.generators.cheaper.files import adapter, gguf_file
from tests.submit.conftest import environment, outcomes_in

ROOT = Path(__file__).parents[3]


@pytest.fixture
def job(tmp_path):
    """A search that reads three times before the end."""
    torch.manual_seed(0)
    save(TinyDecoder(Layout(96, (16, 8, 8, 8), (1, 1, 2))), tmp_path / "decoder.safetensors")
    values = {
        "prompts": {"heldout": 1, "scenes": ["one_ball"]},
        "search": {"name": "smc", "n": 4, "kernel": {"name": "renoise"}},
        "generator": {
            "steps": 5, "lora": [{"model": adapter(tmp_path), "scale": 0.5}],
            "quantization": {"transformer": {"with": "gguf", "model": gguf_file(tmp_path)}},
            "preview": {"decoder": str(tmp_path / "decoder.safetensors")},
        },
        "reward": {"name": "vjepa2", "model": "tiny"}, "watch": [], "films": "best",
        "cluster": {"generators": {"replicas": 1, "num_cpus": 0.5}, "rewards": {"replicas": 1, "num_cpus": 0.5}},
    }  # fmt: skip
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(values))
    return str(tmp_path / "job.yaml")


def result(folder):
    return json.loads((folder / "result.json").read_text())


def test_all_of_it_in_one_process_and_another_adapter_or_scale_is_another_run(job, tmp_path, capsys):
    words = [job, "cluster.executor=inline", f"run={tmp_path / 'run'}", "search.n=2", "reward=flicker"]
    assert main(["run", *words]) == 0
    (search,) = result(tmp_path / "run")["searches"]
    assert search["error"] is None and not any(final["decode"] for final in search["finals"])
    assert '"decode": "decoder"' in "".join(p.read_text() for p in (tmp_path / "run").rglob("*.jsonl")).replace(
        '"decode":"decoder"', '"decode": "decoder"')  # fmt: skip
    capsys.readouterr()
    adapter(tmp_path, seed=1)  # other weights in the same file
    assert main(["run", *words]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "generator" in told
    adapter(tmp_path)
    assert main(["run", *words, "generator.lora=[]"]) == 2


@pytest.mark.slow
@pytest.mark.cluster
def test_a_run_killed_on_ray_goes_on_to_the_hash_of_an_unbroken_one(job, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    (tmp_path / "home").mkdir()
    words = [job, "cluster.executor=ray", f"run={tmp_path / 'run'}"]
    command = [sys.executable, "-m", "raysearch.cli", "run", *words]
    env = environment(tmp_path / "home") | {"PYTHONPATH": str(ROOT), "RAY_worker_niceness": "0"}
    process = subprocess.Popen(command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + 900
    while outcomes_in(tmp_path / "run") < 2:
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()[0]
        time.sleep(0.02)
    killed = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    for one in killed:
        if one.is_running():
            os.kill(one.pid, signal.SIGKILL)
    psutil.wait_procs(killed, timeout=30)
    assert 2 <= outcomes_in(tmp_path / "run") < 16, "it had ended before it was killed"
    again = subprocess.run(command, env=env, text=True, capture_output=True)
    assert again.returncode == 0, again.stdout + again.stderr
    assert main(["run", job, "cluster.executor=inline", f"run={tmp_path / 'unbroken'}"]) == 0
    assert result(tmp_path / "run")["hash"] == result(tmp_path / "unbroken")["hash"]
