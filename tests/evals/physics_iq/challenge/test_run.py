"""The challenge on the stand-in: killed in the middle and resumed, it finds what an undisturbed one finds."""

import os
import signal
import subprocess
import sys
import time

import pytest

from raysearch import cli, runs
from raysearch.errors import UsageError
from raysearch.evals.physics_iq.challenge import run
from tests.evals.physics_iq.challenge.case import JOB, WORDS, job


@pytest.mark.slow
def test_killed_and_resumed_finds_the_same(whole, tmp_path):
    folder = tmp_path / "run"
    words = [*WORDS, f"run={folder}", "challenge.runs=2"]
    command = [sys.executable, "-m", "raysearch.cli", "challenge", JOB, *words]
    for pattern, enough in (("best_of_n/run_01/outcomes/*", 4), ("best_of_n/run_01/scores/*.json", 2)):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 240
            while time.monotonic() < deadline and process.poll() is None:
                lines = sum(p.read_bytes().count(b"\n") or 1 for p in folder.glob(pattern))
                if lines >= enough:
                    break
                time.sleep(0.02)
            assert process.poll() is None, "it ended before it could be killed"
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        assert not (folder / "challenge.json").exists()
    found = run.run(job(folder, "challenge.runs=2"))
    assert found["hash"] == whole[1]["hash"]
    assert not list(folder.rglob("*.partial"))


def test_a_finished_challenge_again_makes_no_executor(whole, monkeypatch):
    folder, found = whole
    monkeypatch.setattr(runs, "executor", None)
    again = run.run(job(folder, "challenge.runs=2"))
    assert again["hash"] == found["hash"] and len(again["costs"]) == 4


def test_partial_reports_what_is_finished(whole, tmp_path):
    folder = tmp_path / "run"
    run.run(job(folder, "challenge.strategies=[]"), limit=2)
    found = run.run(job(folder, "challenge.strategies=[]"), partial=True)
    assert found["partial"] and (found["views"], found["of_views"]) == (2, 6)
    with pytest.raises(UsageError, match="no view is finished in every run"):
        run.run(job(folder, "challenge.strategies=[{name: smc}]", "challenge.runs=3"), partial=True)


def test_a_dry_run_counts_what_a_run_does(whole, tmp_path, capsys):
    _, found = whole
    words = [JOB, *WORDS, f"run={tmp_path / 'dry'}", "--dry-run", "--seconds-per-nfe", "36"]
    assert cli.main(["challenge", *words]) == 0
    told = capsys.readouterr().out
    nfe = {n: found["costs"][f"{n}/run_01"]["nfe"] for n in ("best_of_n", "halving")}
    assert f"best_of_n, run 1: 6 prompts, 18 moves, {nfe['best_of_n']} network evaluations" in told
    assert f"{nfe['halving']} network evaluations" in told
    assert f"{sum(nfe.values()) * 36 / 3600:.1f} GPU-hours" in told
    assert not (tmp_path / "dry" / "best_of_n").exists()
