"""A run with a tracker, interrupted and resumed: what the tracker then has of it."""

import json
from itertools import pairwise

import numpy as np
import pytest

from raysearch import builtin, config, storage, videos
from raysearch.observe import trackers
from raysearch.observe.tracking import STATE, Tracking
from tests.observe.case import NOISY, Clock, Ticking, Watch, drive, searches
from tests.observe.trackers.stored import READERS, local

READS = 4


def job(seed=0):
    return config.load(str(builtin.jobs()["demo"]), ["cluster.executor=inline", "search.name=smc", f"seed={seed}"])


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


def resumed(name, tmp_path, monkeypatch):
    """A run that is interrupted, resumed, and asked for once more: one run of the tracker, every read once."""
    made = job()
    with local(monkeypatch, tmp_path):
        with pytest.raises(KeyboardInterrupt):
            tracked(made, tmp_path, stopping(after=30), name=name)
        first = json.loads((tmp_path / STATE).read_text())
        assert first["name"] == name and first["id"] and 0 < sum(first["reads"].values()) < 3 * READS
        ended, coordinator = tracked(made, tmp_path, name=name)
        before = READERS[name](tmp_path)
        assert tracked(made, tmp_path, name=name)[1].ledger.executed == 0, "all is recorded"
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
