"""The section "From laptop to cluster" of the README: its commands as they stand there."""

import os
import re
import shlex
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
import yaml

from raysearch.cli import main
from tests.submit.conftest import ROOT, environment, raysearch

SECTION = (ROOT / "README.md").read_text().split("## From laptop to cluster")[1].split("\n## ")[0]
BLOCKS = [
    [line.split("  #")[0].strip() for line in block.splitlines() if line.strip()]
    for block in re.findall(r"```bash\n(.*?)```", SECTION, re.S)
]
LOOK, START, TRY = BLOCKS


@pytest.mark.parametrize("command", LOOK)
def test_looking_before_leaping(command, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    program, *words = shlex.split(command)
    assert program == "raysearch" and main(words) == 0
    assert len(capsys.readouterr().out.splitlines()) > 50


def test_the_table_names_files_that_are_there():
    table = [line for line in SECTION.splitlines() if line.startswith("| ")]
    files = re.findall(r"(?:clusters|jobs)/\S+?\.yaml", "\n".join(table))
    assert len(files) >= 8
    for file in files:
        assert yaml.safe_load((ROOT / file).read_text())
    commands = [c for line in table for c in re.findall(r"`(raysearch [^`]+)`", line)]
    assert len(commands) == 4


def test_every_command_is_tried():
    assert all(c.startswith("raysearch ") for c in LOOK + TRY) and [c.split()[0] for c in START] == [
        "ray",
        "RAY_AUTH_MODE=token",
    ]
    tried = {shlex.split(c)[1] for c in LOOK + TRY}
    assert {"config", "submit", "slurm", "list", "status", "cancel", "logs"} <= tried


@pytest.mark.slow
@pytest.mark.cluster
def test_trying_it_without_a_cloud(tmp_path, home):
    for folder in ("jobs", "clusters"):
        shutil.copytree(ROOT / folder, tmp_path / "work" / folder)
    work, env = (
        tmp_path / "work",
        environment(home, RAY_worker_niceness="0", RAY_TMPDIR=f"{tempfile.gettempdir()}/rsr-{os.getpid()}"),
    )
    generate, start = START
    assert shell(generate, env, work)[0] == 0 and (home / ".ray/auth_token").is_file()
    with (tmp_path / "head.log").open("wb") as log:
        cluster = subprocess.Popen(
            ["bash", "-c", start.replace("ray start", "exec ray start")], env=env, cwd=work, stdout=log
        )
    try:
        deadline = time.monotonic() + 120
        while raysearch("list", "--address", "http://127.0.0.1:8270", env=env)[0]:
            assert cluster.poll() is None and time.monotonic() < deadline, (tmp_path / "head.log").read_text()
        told = [shell(command, env, work) for command in TRY]
        assert [code for code, _ in told] == [0] * len(TRY), told
        assert "has succeeded" in told[0][1] and "has already done this job" in told[1][1]
        assert "jobs/sweep_particles.yaml" in told[3][1] and "is stopped" in told[5][1]
        assert (work / "runs/sent/report.html").is_file()
    finally:
        cluster.terminate()
        cluster.wait(60)


def shell(command: str, env: dict[str, str], work: Path) -> tuple[int, str]:
    """As typed, with the raysearch of this checkout."""
    bash = f'raysearch() {{ python -m raysearch.cli "$@"; }}; {command}'
    done = subprocess.run(
        ["bash", "-c", bash],
        env=env,
        cwd=work,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=300,
    )
    return done.returncode, done.stdout
