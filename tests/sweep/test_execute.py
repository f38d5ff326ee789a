"""Sweeps: what points share runs once, a killed sweep ends with the same bytes."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from raysearch.cli import main
from tests.sweep.case import DEMO, ROOT, SMALL, SWEEP, journal, journal_so_far, outputs
from tests.waiting import until


@pytest.mark.slow
def test_one_to_thirty_two_costs_thirty_two(tmp_path, capsys):
    words = [*SMALL, "search=best_of_n", "seed=0"]
    assert main(["sweep", DEMO, *words, "particles=1,2,4,8,16,32", f"run={tmp_path / 'all'}"]) == 0
    assert main(["sweep", DEMO, *words, "particles=32", f"run={tmp_path / 'last'}"]) == 0
    every, last = journal(tmp_path / "all"), journal(tmp_path / "last")
    assert len(every) == 32 and set(every) == set(last)
    printed = list(csv.DictReader((tmp_path / "all/table.csv").open()))
    assert [row["n"] for row in printed] == ["1", "2", "4", "8", "16", "32"]
    rewards = [float(row["reward.mean"]) for row in printed]
    assert rewards == sorted(rewards) and {row["pool"] for row in printed} == {"32"}


@pytest.mark.slow
def test_killed_and_resumed_gives_the_same_bytes(tmp_path, capsys):
    words = [*SMALL, "generator.steps=6", "particles=2,12", "search=best_of_n,smc", "seed=0,1"]
    assert main(["sweep", SWEEP, *words, f"run={tmp_path / 'whole'}"]) == 0
    total, part = len(journal(tmp_path / "whole")), tmp_path / "part"
    command = [sys.executable, "-m", "raysearch.cli", "sweep", SWEEP, *words, f"run={part}"]
    child = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL)
    until(
        lambda: list(part.glob("outcomes/*")) and len(journal_so_far(part)) >= total // 3,
        meanwhile=lambda: time.sleep(0.01),
        possible=lambda: child.poll() is None,
    )
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    before = len(journal_so_far(part))
    assert 0 < before < total
    assert main(["sweep", SWEEP, *words, f"run={part}"]) == 0
    assert outputs(part) == outputs(tmp_path / "whole")
    assert json.loads((part / "budget.json").read_text())["ledgers"][0]["executed"] == total - before


def test_any_key_can_be_swept_and_other_models_get_folders_of_their_own(tmp_path, capsys):
    words = [*SMALL[:1], "prompts.heldout=1", "particles=2", "search=best_of_n", "generator.steps=2,3"]
    assert main(["sweep", DEMO, *words, "prompts.first=0,1", f"run={tmp_path}"]) == 0
    assert [len(journal(folder)) for folder in sorted((tmp_path / "models").iterdir())] == [4, 4]
    assert len(json.loads((tmp_path / "sweep.json").read_text())["table"]) == 4


def test_rewards_said_in_two_ways_are_one_model(tmp_path, capsys):
    both = "reward={name: vjepa2},{name: vjepa2, model: tiny, dtype: float32}"
    assert main(["sweep", DEMO, *SMALL, "particles=2", "search=best_of_n", both, f"run={tmp_path}"]) == 0
    assert not (tmp_path / "models").exists() and len(journal(tmp_path)) == 2
