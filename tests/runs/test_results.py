"""The report of a run that is going on or was stopped: what is finished, from the journal, which stays as it is."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import fsspec
import pytest

from raysearch import runs
from raysearch.cli import main
from raysearch.moves import decode, encode
from raysearch.report import read
from tests.fresh import heavy
from tests.report.case import Page
from tests.waiting import PATIENCE_S, until

ROOT = Path(__file__).parents[2]
WORDS = [str(ROOT / "jobs/demo.yaml"), "prompts.heldout=4", "search.n=3", "cluster.executor=inline"]


def journal(run: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in [*run.glob("outcomes/*.jsonl"), run / "manifest.json", run / "config.yaml"]}


def page(run: Path) -> str:
    return Page((run / "report.html").read_text()).words


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run stopped by Ctrl-C once its first search was filmed, and the report that was made while it went on."""
    run = tmp_path_factory.mktemp("stopped") / "run"
    command = [sys.executable, "-m", "raysearch.cli", "run", *WORDS, f"run={run}"]
    process = subprocess.Popen(
        command, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    until(
        lambda: list(run.glob("best/*.mp4")),
        possible=lambda: process.poll() is None,
        state=lambda: process.poll() is not None and process.communicate()[0],
    )
    process.send_signal(signal.SIGSTOP)  # in the middle of its work
    try:
        assert main(["report", str(run)]) == 0
        meanwhile = page(run)
    finally:
        process.send_signal(signal.SIGCONT)
    process.send_signal(signal.SIGINT)
    assert "give the same command again" in process.communicate(timeout=PATIENCE_S)[0] and process.returncode == 130
    return run, meanwhile


def test_a_run_that_goes_on_has_a_report(stopped):
    _, words = stopped
    assert "of 4 searches" in words and "interim report" in words and "one_ball-000" in words


def test_a_stopped_run_has_one_too_and_its_journal_stays_as_it_is(stopped, capsys):
    run, _ = stopped
    before, events = journal(run), (run / "events.jsonl").read_bytes()
    assert main(["report", str(run)]) == 0
    found = read(str(run), partial=True)
    done, of = found.progress
    assert f"{done} of 4 searches finished" in capsys.readouterr().out and 1 <= done < of == 4
    assert journal(run) == before and (run / "events.jsonl").read_bytes() == events
    assert not (run / "result.json").exists()
    words = page(run)
    assert f"Interim report: {done} of 4 searches" in words and "failed" not in words
    assert "Moves" in words and "Last invocation" not in words
    assert (run / "report.html").read_text().count("<video") >= 3


def test_it_is_read_without_a_model(stopped):
    loaded, printed = heavy("report", str(stopped[0]))
    assert not loaded and "an interim report" in printed


def test_a_run_in_the_cloud_has_one(stopped, capsys):
    run, _ = stopped
    fs = fsspec.filesystem("memory")
    fs.put(str(run), "/bucket/far", recursive=True)
    fs.rm("/bucket/far/report.html")
    assert main(["report", "memory://bucket/far"]) == 0
    assert "of 4 searches finished" in capsys.readouterr().out
    assert "far · best_of_n" in Page(fs.cat_file("/bucket/far/report.html").decode()).words


def test_what_is_shown_early_is_what_the_whole_run_finds(stopped, capsys):
    run, _ = stopped
    early = decode(json.loads(json.dumps(encode(runs.interim(str(run))))))
    assert main(["run", *WORDS, f"run={run}"]) == 0
    late = {s["name"]: s for s in decode(json.loads((run / "result.json").read_text()))["searches"]}
    assert 1 <= len(early["searches"]) < len(late) == 4
    for search in early["searches"]:
        found = late[search["name"]]
        assert search | {"films": 0} == found | {"films": 0} and len(found["films"]) == len(search["films"]) == 3
    assert "Interim" not in page(run)
    assert main(["report", str(run)]) == 0 and "Interim" not in page(run)
    capsys.readouterr()
    assert main(["report", str(run), "--partial"]) == 0
    assert "4 of 4 searches finished" in capsys.readouterr().out and "Interim report: 4 of 4" in page(run)


def test_with_nothing_finished_it_says_how_to_go_on(tmp_path, capsys, monkeypatch):
    from raysearch.observe import Lines

    def stop(self, *args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Lines, "on_outcome", stop)
        assert main(["run", *WORDS, f"run={tmp_path / 'run'}"]) == 130
    capsys.readouterr()
    assert main(["report", str(tmp_path / "run")]) == 2
    told = capsys.readouterr().err
    assert "of 4 searches none is finished yet" in told and f"raysearch run {tmp_path / 'run/config.yaml'}" in told
    assert not (tmp_path / "run/report.html").exists()
