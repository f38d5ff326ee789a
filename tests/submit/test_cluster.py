"""On a real Ray cluster of this machine, with dashboard and token: submitted, killed, submitted again, cancelled."""

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import ray

from raysearch.cli import main
from tests.submit.conftest import ROOT, SMALL, environment, outcomes_in, raysearch

pytestmark = [pytest.mark.slow, pytest.mark.cluster]
POOLS = "generators: {replicas: 1, num_cpus: 0.75}\nrewards: {replicas: 1, num_cpus: 0.75}\n"


@dataclass
class Cluster:
    url: str
    token: str
    process: subprocess.Popen
    session: Path
    address: str  # of Ray itself


@pytest.fixture
def work(tmp_path):
    """A working directory to send: a job, and raysearch comes along."""
    (tmp_path / "work/jobs").mkdir(parents=True)
    shutil.copy(ROOT / "jobs/demo.yaml", tmp_path / "work/jobs")
    return tmp_path / "work"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    base = free_ports()
    with head(tmp_path_factory.mktemp("head"), base, base + 3) as made:
        yield made


@contextlib.contextmanager
def head(home: Path, base: int, agent: int, python: Path = Path(sys.executable)) -> Iterator[Cluster]:
    """A head with ports and a folder of its own, and its agent at one more port; ended by its own process, never by
    `ray stop`."""
    token, session = secrets.token_hex(32), Path(tempfile.gettempdir(), f"rst-{base}")  # short: sockets
    env = environment(home, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=token, RAY_worker_niceness="0")
    del env["PYTHONPATH"]  # jobs bring raysearch along
    env["PATH"] = f"{python.parent}{os.pathsep}{env['PATH']}"
    command = [
        python, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--disable-usage-stats", "--num-cpus=3",
        f"--port={base}", f"--ray-client-server-port={base + 1}", f"--dashboard-port={base + 2}",
        f"--dashboard-agent-listen-port={agent}", "--dashboard-host=127.0.0.1", "--node-ip-address=127.0.0.1",
        "--include-dashboard=true", f"--temp-dir={session}", "--object-store-memory=150000000",
    ]  # fmt: skip
    with (home / "head.log").open("wb") as log:
        process = subprocess.Popen(command, env=env, cwd=home, stdout=log, stderr=subprocess.STDOUT)
    try:
        made = Cluster(f"http://127.0.0.1:{base + 2}", token, process, session, f"127.0.0.1:{base}")
        deadline = time.monotonic() + 120
        while raysearch("list", "--address", made.url, env=user(home, token))[0]:
            assert process.poll() is None and time.monotonic() < deadline, (home / "head.log").read_text()
        yield made
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A Python with Ray and without raysearch: that of the tests, but for what is installed to be edited."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    python = folder / "venv/bin/python"
    here = str(Path(ray.__file__).parents[1])
    (site,) = (folder / "venv/lib").glob("python*/site-packages")
    (site / "shared.pth").write_text(here)  # its own .pth files, by which raysearch is found, are not read
    lacking = subprocess.run([python, "-E", "-c", "import ray, raysearch"], cwd=folder, capture_output=True, text=True)
    if "No module named 'raysearch'" not in lacking.stderr:
        pytest.skip("raysearch is installed beside Ray as a copy")
    return python


def free_ports() -> int:
    """The first of four free ports, outside of the ranges that Ray and the system give out."""
    for base in range(20000 + os.getpid() % 500 * 20, 32000, 20):
        try:
            for port in range(base, base + 4):
                with socket.socket() as s:
                    s.bind(("127.0.0.1", port))
            return base
        except OSError:
            continue
    raise AssertionError("no free ports")


def user(home: Path, token: str | None) -> dict[str, str]:
    return environment(home, **({"RAY_AUTH_TOKEN": token} if token else {}))


def drivers(cluster: Cluster) -> list[psutil.Process]:
    found = []
    for process in psutil.Process(cluster.process.pid).children(recursive=True):
        try:
            if "raysearch.cli" in process.cmdline() and "sh" not in process.name():
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def until(what, seconds: float, told=lambda: ""):
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, told()
        time.sleep(0.05)
    return found


def test_without_the_token_nothing_is_said(cluster, home, work):
    job = ["submit", "jobs/demo.yaml", "run=/tmp/nowhere", "--address", cluster.url]
    for token, wants in (
        (None, "requires a token, and none is given"),
        (secrets.token_hex(32), "refuses the given token"),
    ):
        code, out = raysearch(*job, env=user(home, token), cwd=work)
        assert code == 2 and wants in out and "RAY_AUTH_TOKEN" in out and "Traceback" not in out
        assert token is None or token not in out


def test_killed_and_submitted_again_ends_with_the_same_hash(cluster, home, work, tmp_path):
    env, run = user(home, cluster.token), tmp_path / "out"
    (tmp_path / "pools.yaml").write_text(POOLS)  # outside of the working directory: it is carried along
    where = ["--address", cluster.url]
    job = ["submit", "jobs/demo.yaml", *SMALL, f"run={run}", "--cluster", tmp_path / "pools.yaml", *where]
    first = start(job, env, work, tmp_path / "first.txt")
    told = (tmp_path / "first.txt").read_text
    until(lambda: outcomes_in(run) >= 3, 180, told)
    (driver,) = drivers(cluster)
    os.kill(driver.pid, signal.SIGSTOP)  # so that it cannot finish meanwhile

    code, out = raysearch(*job, "--detach", env=env, cwd=work)
    assert code == 0 and "is already doing this job" in out and "follow it:" in out
    code, out = raysearch(*job, "search.n=7", env=env, cwd=work)
    assert code == 2 and "is alive and writes to" in out and str(run) in out
    every = [" ".join(p.info["cmdline"] or []) for p in psutil.process_iter(["cmdline"])]
    assert not [line for line in every if cluster.token in line]
    os.kill(driver.pid, signal.SIGKILL)
    assert first.wait(60) == 137, told()
    assert "searches into" in told() and "has failed, exit code 137" in told()

    second = start(job, env, work, tmp_path / "second.txt")  # goes on; one looks away and comes back
    told = (tmp_path / "second.txt").read_text
    name = until(lambda: "submitted " in told() and told().split("submitted ")[1].split(";")[0], 60, told)
    assert name.startswith("raysearch-run-") and name.endswith("-2")
    until(lambda: "searches into" in told(), 120, told)
    second.send_signal(signal.SIGINT)
    assert second.wait(30) == 130 and f"raysearch logs {name} --follow" in told()
    code, out = raysearch("logs", name, "--follow", *where, env=env)
    assert code == 0 and "has succeeded" in out and " 0 recalled" not in out and "recalled from the journal" in out
    assert (run / "report.html").is_file()

    code, out = raysearch(*job, env=env, cwd=work)
    assert code == 0 and "has already done this job" in out
    assert [line.split()[1] for line in raysearch("list", *where, env=env)[1].splitlines()[1:]] == [
        "SUCCEEDED",
        "FAILED",
    ]
    assert str(run) in raysearch("status", *where, env=env)[1]
    inline = tmp_path / "inline"
    assert main(["run", str(ROOT / "jobs/demo.yaml"), *SMALL, f"run={inline}", "cluster.executor=inline"]) == 0
    assert result(run)["hash"] == result(inline)["hash"]
    assert_nowhere(cluster.token, [*tmp_path.rglob("*"), *cluster.session.rglob("*")])


def test_cancelled_and_still_there(cluster, home, work, tmp_path):
    env, where = user(home, cluster.token), ["--address", cluster.url]
    job = ["submit", "sweep", "jobs/demo.yaml", "particles=1,2", "search.name=best_of_n", f"run={tmp_path / 'out'}",
           "cluster.executor=inline", "prompts.heldout=60", *where]  # fmt: skip
    code, out = raysearch(*job, "--detach", env=env, cwd=work)
    assert code == 0 and "raysearch-sweep-" in out
    name = out.split("submitted ")[1].split(";")[0]
    until(lambda: drivers(cluster), 120)
    code, out = raysearch("cancel", name[:20], *where, env=env)
    assert code == 0 and f"{name} is stopped" in out
    assert "STOPPED" in raysearch("status", name, *where, env=env)[1]
    assert until(lambda: not drivers(cluster), 30)
    code, out = raysearch("logs", "nothing", *where, env=env)
    assert code == 2 and "no job nothing on this cluster" in out and name in out


def test_an_agent_port_that_another_ray_has_is_told_in_one_line(cluster, home, work, tmp_path):
    """Only the head that came first takes jobs; the other one answers, and says that it has no agent."""
    taken, base = int(cluster.address.rpartition(":")[2]) + 3, free_ports()
    with head(home, base, taken) as second:
        job = ["submit", "jobs/demo.yaml", *SMALL, f"run={tmp_path}/out", "cluster.executor=inline"]
        code, out = raysearch(*job, "--address", second.url, env=user(home, second.token), cwd=work)
    (line,) = [line for line in out.splitlines() if line.startswith("raysearch: ")]
    assert code == 2 and "Traceback" not in out, out
    assert "another Ray" in line and "--dashboard-agent-listen-port" in line and "in a minute" in line


def test_a_python_without_raysearch_is_told_in_one_line(bare, home, work, tmp_path):
    base = free_ports()
    run = ["jobs/demo.yaml", *SMALL, f"run={tmp_path}/out"]
    with head(home, base, base + 3, bare) as made:
        env = user(home, made.token)
        job = ["submit", *run, "cluster.executor=inline", "cluster.submit.ship=false"]
        code, out = raysearch(*job, "--address", made.url, env=env, cwd=work)
        assert code == 2 and out.splitlines()[-1].startswith("raysearch: raysearch-run-"), out
        assert "the Python of the cluster has no raysearch" in out and "cluster.submit.ship" in out

        small = ["cluster.generators.num_cpus=0.5", "cluster.rewards.num_cpus=0.5", f"cluster.address={made.address}"]
        env |= {"RAY_AUTH_MODE": "token"}
        code, out = raysearch("run", *run, *small, env=env, cwd=work)
    told = [line for line in out.splitlines() if line.startswith("raysearch: ")]
    assert code == 2 and len(told) == 1 and "Traceback" not in out, out
    assert "the Python of a node has no raysearch" in told[0] and "raysearch submit" in told[0]


def start(job: list, env: dict[str, str], work: Path, log: Path) -> subprocess.Popen:
    with log.open("wb") as file:
        command = [sys.executable, "-m", "raysearch.cli", *map(str, job)]
        return subprocess.Popen(
            command, env=env, cwd=work, stdout=file, stderr=subprocess.STDOUT,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
        )  # fmt: skip


def result(run: Path) -> dict:
    return json.loads((run / "result.json").read_text())


def assert_nowhere(token: str, files: list[Path]) -> None:
    read = [f for f in files if f.is_file() and not f.is_symlink()]
    assert len(read) > 20 and not [f for f in read if token.encode() in f.read_bytes()]
