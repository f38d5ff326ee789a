"""What a tracker is given, and that none of them can stop a search."""

import json
import threading
import time

import pytest

from raysearch.observe import tracking
from raysearch.observe.tracking import STATE
from tests.observe.trackers.case import job, tracked
from tests.observe.trackers.stored import READERS


def test_another_job_in_the_same_folder_is_another_run_of_the_tracker(tmp_path):
    pytest.importorskip("tensorboard", reason="pip install 'raysearch[tensorboard]'")
    tracked(job(), tmp_path)
    first = json.loads((tmp_path / STATE).read_text())
    tracked(job(seed=5), tmp_path)
    second = json.loads((tmp_path / STATE).read_text())
    assert first["id"] != second["id"] and len(READERS["tensorboard"](tmp_path).runs) == 2


def test_a_tracker_that_cannot_write_is_told_in_one_line_and_changes_nothing(tmp_path, capsys):
    pytest.importorskip("tensorboard", reason="pip install 'raysearch[tensorboard]'")
    plain, _ = tracked(job(), tmp_path / "plain")
    (tmp_path / "file").write_text("in the way")
    capsys.readouterr()
    ended, _ = tracked(job(), tmp_path / "broken", options={"folder": str(tmp_path / "file" / "below")})
    said = capsys.readouterr().out.splitlines()
    assert [end.result.digest() for end in ended] == [end.result.digest() for end in plain]
    assert len(said) == 1 and said[0].startswith("the tracker cannot be written to and is left alone (")
    assert said[0].endswith("; the run continues")


class Stuck:
    """As a server that accepts a connection and says nothing."""

    id = "stuck"

    def __init__(self, until):
        self.until = until

    def numbers(self, values, step):
        self.until.wait()

    def close(self, failed):
        pass


def test_a_tracker_that_does_not_answer_holds_up_nobody(monkeypatch, capsys):
    monkeypatch.setattr(tracking, "PATIENCE_S", 0.05)
    until, began = threading.Event(), time.monotonic()
    worker = tracking._Worker(lambda: Stuck(until), lambda id, done: None)
    worker.start()
    for k in range(1000):
        worker.give(lambda tracker, k=k: tracker.numbers({"a": k}, k))
    worker.finish(False)
    until.set()
    assert "has not taken everything" in capsys.readouterr().out and time.monotonic() - began < 30
