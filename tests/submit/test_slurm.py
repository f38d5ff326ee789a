"""The batch script: as rendered, as refused, and run for real on two Rays of this machine by a stand-in of Slurm."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from raysearch.cli import main
from raysearch.submit import slurm
from tests.submit.conftest import ROOT, SMALL, environment, outcomes_in, raysearch

STANDIN = Path(__file__).parent / "slurm"
GOLDEN = Path(__file__).parent / "golden"
CLUSTER = """\
wait_s: 180
slurm: {nodes: 2, cpus_per_node: 1, setup: [":"], retries: %d, script: %s/clusters/slurm/script.sbatch}
generators: {replicas: 1, num_cpus: 0.75}
rewards: {replicas: 1, num_cpus: 0.75}
"""  # each of the two nodes has room for one of them


def at(tmp_path: Path, home: Path, retries: int, path: str = "") -> tuple[list[object], dict[str, str]]:
    """A command for a small job in an empty working directory, and its environment."""
    (tmp_path / "state").mkdir()
    (tmp_path / "work").mkdir()
    (tmp_path / "run.yaml").write_text(CLUSTER % (retries, ROOT))
    env = environment(home, STANDIN=str(tmp_path / "state"))
    env["PATH"] = f"{path}{STANDIN}{os.pathsep}{env['PATH']}"
    return ["slurm", ROOT / "jobs/demo.yaml", *SMALL, "run=out", "--cluster", tmp_path / "run.yaml"], env


def log(tmp_path: Path) -> str:
    return "".join(p.read_text() for p in (tmp_path / "work/runs/slurm").rglob("log-*.txt"))


def until(what, seconds: float, tmp_path: Path):
    """The first true value of what()."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, log(tmp_path)
        time.sleep(0.05)
    return found


def test_the_script_is_the_golden_one(monkeypatch):
    monkeypatch.chdir(ROOT)
    script = slurm.render("run", "jobs/demo.yaml", ["search.n=32"], "clusters/slurm/run.yaml")
    text = script.text.replace(str(ROOT), "/home/me/project").replace(script.name, "raysearch-run-0123456789ab")
    golden = GOLDEN / "slurm.sbatch"
    if "RAYSEARCH_WRITE_GOLDEN" in os.environ:
        golden.write_text(text)
    assert text == golden.read_text()
    assert subprocess.run(["bash", "-n"], input=text, text=True).returncode == 0
    assert "ray stop" not in text and not re.search("@[A-Z_]+@", text)


@pytest.mark.parametrize(
    "text, wants",
    [
        ("slurm: {script: nowhere.sbatch}", "nowhere.sbatch"),
        ("slurm: {partion: gpu}", "did you mean 'cluster.slurm.partition'"),
        ("slurm: {nodes: 0}", "cluster.slurm.nodes=0"),
        ("slurm: {options: [qos=high], script: %s}" % (ROOT / "clusters/slurm/script.sbatch"), "qos=high"),
    ],
)
def test_a_wrong_cluster_file_is_one_line(tmp_path, capsys, text, wants):
    (tmp_path / "run.yaml").write_text(text)
    assert main(["slurm", str(ROOT / "jobs/demo.yaml"), "--cluster", str(tmp_path / "run.yaml"), "--dry-run"]) == 2
    error = capsys.readouterr().err
    assert wants in error and error.count("\n") == 1


def test_without_slurm_it_says_so(tmp_path, home):
    command, env = at(tmp_path, home, 0)
    env["PATH"] = env["PATH"].replace(f"{STANDIN}{os.pathsep}", "")
    code, out = raysearch(*command, env=env, cwd=tmp_path / "work")
    assert code == 2 and "squeue: no such program" in out


def test_a_ray_that_does_not_start_is_no_success(tmp_path, home):
    """`srun` may return 0 whatever happened on the nodes; what counts is the file that the job alone writes."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/ray").write_text("#!/bin/sh\necho no ray today\nexit 1\n")
    (tmp_path / "bin/ray").chmod(0o755)
    command, env = at(tmp_path, home, 1, f"{tmp_path / 'bin'}{os.pathsep}")
    assert raysearch(*command, "cluster.slurm.nodes=1", env=env, cwd=tmp_path / "work")[0] == 0
    code = until(lambda: list((tmp_path / "state").glob("*.code")), 60, tmp_path)[0].read_text()
    assert code.strip() == "1"
    assert log(tmp_path).count("the job did not get to its end") == 2  # the first attempt and one more
    assert "no ray today" in next((tmp_path / "work/runs/slurm").rglob("*.0.head")).read_text()


def test_before_the_time_is_up_it_asks_for_more(tmp_path, home):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/ray").write_text('#!/bin/sh\n[ "$1" = start ] && exec sleep 300\nexit 1\n')
    (tmp_path / "bin/ray").chmod(0o755)
    command, env = at(tmp_path, home, 1, f"{tmp_path / 'bin'}{os.pathsep}")
    state = tmp_path / "state"
    assert raysearch(*command, "cluster.slurm.nodes=1", env=env, cwd=tmp_path / "work")[0] == 0
    for attempt in range(2):
        until(lambda n=attempt: list((tmp_path / "work/runs/slurm").rglob(f"*.{n}.head")), 60, tmp_path)
        os.kill(int((state / "700000.pid").read_text()), signal.SIGUSR1)  # as Slurm does, 180 s before the end
        until(lambda n=attempt: log(tmp_path).count("time is nearly up") == n + 1, 30, tmp_path)
    codes = until(lambda: [text for p in state.glob("*.code") if (text := p.read_text().strip())], 30, tmp_path)
    assert codes[0] == "1"  # once it is written whole


@pytest.mark.slow
@pytest.mark.cluster
def test_killed_on_two_nodes_requeued_and_finished_with_the_same_hash(tmp_path, home):
    command, env = at(tmp_path, home, 3)
    work, state = tmp_path / "work", tmp_path / "state"
    code, out = raysearch(*command, env=env, cwd=work)
    assert code == 0 and "is Slurm job 700000" in out
    code, again = raysearch(*command, env=env, cwd=work)
    assert code == 0 and "is already Slurm job 700000" in again

    until(lambda: outcomes_in(work / "out") >= 3, 180, tmp_path)
    group = int((state / "700000.pid").read_text())
    driver = next(p for p in psutil.Process(group).children(recursive=True) if is_driver(p))
    token = driver.environ()["RAY_AUTH_TOKEN"]
    os.kill(driver.pid, signal.SIGKILL)

    until(lambda: (state / "700000.code").exists(), 240, tmp_path)
    assert (state / "700000.code").read_text().strip() == "0", log(tmp_path)
    told = log(tmp_path)
    assert "the job was killed: attempt 0 of 3 is over" in told
    assert "recalled from the journal" in told and " 0 recalled" not in told.splitlines()[-3]
    assert not list(Path("/tmp").glob("rs-700000*"))
    assert not [p for p in psutil.process_iter(["cmdline"]) if "rs-700000" in " ".join(p.info["cmdline"] or [])]
    for file in work.rglob("*"):  # of the token nothing stays behind
        assert not file.is_file() or token.encode() not in file.read_bytes()
    assert hash_of(work / "out") == undisturbed(tmp_path)


def is_driver(process: psutil.Process) -> bool:
    words = process.cmdline()
    return "raysearch.cli" in words and "run" in words


def undisturbed(tmp_path: Path) -> str:
    """The hash of the same job in this process."""
    run = tmp_path / "inline"
    assert main(["run", str(ROOT / "jobs/demo.yaml"), *SMALL, f"run={run}", "cluster.executor=inline"]) == 0
    return hash_of(run)


def hash_of(run: Path) -> str:
    return json.loads((run / "result.json").read_text())["hash"]
