"""Trackers: what each has of a run that was interrupted and resumed, and that none of them can stop a search."""

import importlib.util
import json
import threading
import time
from itertools import pairwise

import numpy as np
import pytest

from raysearch import config, storage, videos
from raysearch.errors import UsageError
from raysearch.observe import trackers, tracking
from raysearch.observe.tracking import STATE, Tracking
from tests.observe.case import NOISY, Clock, Ticking, Watch, drive, searches
from tests.observe.trackers.stored import READERS, local

READS = 4


@pytest.fixture
def job(monkeypatch, request):
    monkeypatch.chdir(request.config.rootpath)
    return config.load("jobs/demo.yaml", ["cluster.executor=inline", "search.name=smc"])


def tracked(job, folder, *observers, name="tensorboard", options=None):
    clock = Clock()
    with Tracking(trackers.read({"name": name, **(options or {})}), job, str(folder), clock) as seen:
        todo = searches(3, "smc", n=6, kernel=NOISY)
        ended, coordinator = drive(folder, Ticking(clock), todo, seen, *observers)
        for k, end in enumerate(ended):
            frames = np.full((3, 16, 16, 3), 40 * k, np.uint8)
            storage.write(f"{folder}/best/{end.task.name}.mp4", videos.encode(frames, 8))
    return ended, coordinator


def stopping(after):
    def stop(ledger):
        if ledger.executed >= after:
            raise KeyboardInterrupt

    return Watch(stop)


@pytest.mark.parametrize(
    "name", [name if name == "tensorboard" else pytest.param(name, marks=pytest.mark.slow) for name in trackers.CLASSES]
)
def test_a_resumed_run_is_one_run_of_the_tracker_and_every_read_is_there_once(name, tmp_path, job, monkeypatch):
    package = importlib.util.find_spec(name)
    if package is None or package.origin is None:
        pytest.skip(f"pip install 'raysearch[{name}]'")
    with local(monkeypatch, tmp_path):
        with pytest.raises(KeyboardInterrupt):
            tracked(job, tmp_path, stopping(after=30), name=name)
        first = json.loads((tmp_path / STATE).read_text())
        assert first["name"] == name and first["id"] and 0 < sum(first["reads"].values()) < 3 * READS
        ended, coordinator = tracked(job, tmp_path, name=name)
        before = READERS[name](tmp_path)
        assert tracked(job, tmp_path, name=name)[1].ledger.executed == 0, "all is recorded"
    found = READERS[name](tmp_path)
    assert json.loads((tmp_path / STATE).read_text())["id"] == first["id"] and len(found.runs) == 1
    for end in ended:
        of = {k.rsplit("/", 1)[1]: v for k, v in found.numbers.items() if k.startswith(f"searches/{end.task.name}/")}
        assert [step for step, _ in of["reward_mean"]] == list(range(1, READS + 1))
        for key in ("ess", "lambda"):
            assert [value for _, value in of[key]] == pytest.approx(end.result.notes[key], rel=1e-5)
        assert of["best"][-1][1] >= end.result.winner.reward - 1e-4
        assert all(a <= b for (_, a), (_, b) in pairwise(of["best"]))
        assert of["nfe"][-1][1] == end.cost.nfe
    moves = found.numbers["run/moves"]
    assert moves[-1][1] == len(coordinator.journal.outcomes), "of both invocations"
    assert moves[-1][0] == sum(o.cost.nfe for o in coordinator.journal.outcomes.values())
    assert [step for step, _ in moves] == sorted(step for step, _ in moves)
    assert {"run/seconds", "run/best", "run/generators_busy", "run/searches_done"} <= found.numbers.keys()
    assert all(end.task.name in found.tables["searches"] for end in ended)
    assert found.films == {f"best/{end.task.name}" for end in ended}
    assert before.tables.keys() == found.tables.keys()


def test_another_job_in_the_same_folder_is_another_run_of_the_tracker(tmp_path, job):
    pytest.importorskip("tensorboard", reason="pip install 'raysearch[tensorboard]'")
    tracked(job, tmp_path)
    first = json.loads((tmp_path / STATE).read_text())
    other = config.load("jobs/demo.yaml", ["cluster.executor=inline", "search.name=smc", "seed=5"])
    tracked(other, tmp_path)
    second = json.loads((tmp_path / STATE).read_text())
    assert first["id"] != second["id"] and len(READERS["tensorboard"](tmp_path).runs) == 2


def test_a_tracker_that_cannot_write_is_told_in_one_line_and_changes_nothing(tmp_path, job, capsys):
    pytest.importorskip("tensorboard", reason="pip install 'raysearch[tensorboard]'")
    plain, _ = tracked(job, tmp_path / "plain")
    (tmp_path / "file").write_text("in the way")
    capsys.readouterr()
    ended, _ = tracked(job, tmp_path / "broken", options={"folder": str(tmp_path / "file" / "below")})
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


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("wand", "did you mean 'wandb'?"),
        ({"project": "a"}, "track.name is missing; give one of tensorboard, wandb, mlflow"),
        ({"name": "wandb", "api_key": "x"}, "keys of a service come from the environment alone"),
        ({"name": "mlflow", "experiment": 3}, "track.experiment=3: give a text"),
    ],
)
def test_a_wrong_setting_is_refused_without_the_package(given, said):
    with pytest.raises(UsageError, match=r".*") as refused:
        trackers.read(given, here=False)
    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_a_package_that_is_missing_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"track=mlflow: .* not installed; pip install 'raysearch\[mlflow\]'"):
        trackers.read("mlflow")
    assert trackers.read("mlflow", here=False) == {"name": "mlflow"} and trackers.read(None) == {}


def test_without_a_key_weights_and_biases_says_what_to_set(monkeypatch, tmp_path):
    pytest.importorskip("wandb", reason="pip install 'raysearch[wandb]'")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UsageError, match="WANDB_API_KEY is not set; set it in the environment"):
        trackers.read("wandb")
