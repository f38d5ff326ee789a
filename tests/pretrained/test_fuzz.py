"""A short seeded part of `python -m benchmarks.fuzz.models`: broken model folders are right, or refused in one line."""

import os
import subprocess
import sys
import time

import pytest

from benchmarks.fuzz import models
from raysearch.errors import UsageError
from tests.source import ROOT


def test_broken_model_folders():
    """In a process of its own: one with threads, or in which another test runs Ray, cannot be forked."""
    act = "t = m.fuzz(len(m.DAMAGES), 5, 0.0); print(t.text()); exit(bool(t.bad))"
    code = f"from benchmarks.fuzz import models as m; {act}"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_judge_sees_what_must_not_be(tmp_path, monkeypatch):
    monkeypatch.setattr(models, "LIMIT_S", 2.0)
    monkeypatch.setattr(models, "load", lambda kind, folder: "other weights")
    assert models.judge("vjepa2", tmp_path, "weights", True, tmp_path)[0] == "silently wrong"
    assert models.judge("vjepa2", tmp_path, "weights", False, tmp_path)[0] == "right"

    def two_lines(kind, folder):
        raise UsageError("one\ntwo")

    for act, verdict in ((lambda *given: 1 / 0, "traceback"), (lambda *given: time.sleep(60), "hang"),
                         (lambda *given: os.kill(os.getpid(), 9), "crash"), (two_lines, "traceback")):  # fmt: skip
        monkeypatch.setattr(models, "load", act)
        assert models.judge("vjepa2", tmp_path, "weights", False, tmp_path)[0] == verdict


@pytest.mark.slow
def test_a_fresh_interpreter_comes_to_the_same(tmp_path):
    (tmp_path / "empty").mkdir()
    forked, fresh = (
        models.judge("vjepa2", tmp_path / "empty", "", True, tmp_path / "out", way)
        for way in (models.FORK, models.FRESH)
    )
    assert forked == fresh and fresh[0] == "clear"
