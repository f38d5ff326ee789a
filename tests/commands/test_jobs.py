"""`raysearch status` and `logs` of a run folder; those of submitted jobs are tested in tests/submit."""

import json

import pytest

from raysearch.cli import main
from tests.observe.test_standing import ENDED, RUNNING, run

__all__ = ["run"]  # the fixture


def test_status_of_a_folder(run, capsys):
    folder = run(*RUNNING)
    assert main(["status", folder]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{folder}  killed" and "searches 1 of 3 finished" in lines
    assert "working  b: round 4, 1 of 3 moves" in lines and lines[-1].startswith("to go on with it: raysearch run ")


def test_status_as_json(run, capsys):
    assert main(["status", run(*RUNNING), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["best_reward"] == 0.75


def test_logs_follow_to_the_exit_code(run, capsys):
    folder = run(*RUNNING, {**ENDED, "event": "interrupted"})
    assert main(["logs", folder]) == 0 and main(["logs", folder, "--follow"]) == 130
    assert capsys.readouterr().out.count("interrupted after 90 s") == 2


@pytest.mark.parametrize("words, wants", [
    (["status", "runs/none"], "runs/none: no such folder"),
    (["status", "raysearch-run-1"], "no cluster is named; give --address URL"),
    (["logs", "."], ".: no run has begun there"),
])  # fmt: skip
def test_mistakes_are_one_line(tmp_path, monkeypatch, capsys, words, wants):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"raysearch: {wants}")
