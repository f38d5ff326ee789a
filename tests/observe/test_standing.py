"""How far a run is, from its folder alone: while it goes on, after it ended, and after it was killed."""

import json
from datetime import datetime, timedelta, timezone

import pytest

from raysearch.engine.lease import Lease
from raysearch.errors import UsageError
from raysearch.observe import standing

BEGIN = datetime.now(timezone.utc) - timedelta(seconds=100)
STARTED = {"event": "started", "searches": 3, "strategy": "smc", "executor": "ray", "after_s": 5.0}
OUTCOME = {"event": "outcome", "search": "a", "key": "k1", "reward": 0.5, "recalled": False, "nfe": 12}
RUNNING = [
    STARTED,
    {"event": "round", "search": "a", "round": 1, "moves": 2},
    {"event": "round", "search": "b", "round": 4, "moves": 3},
    OUTCOME,
    {**OUTCOME, "key": "k2", "reward": 0.75},
    {**OUTCOME, "search": "b", "key": "k3", "reward": 0.25, "recalled": True},
    {"event": "finished", "search": "a", "error": None, "reward": 0.75},
]
ENDED = {"event": "ended", "seconds": 90.0, "ledger": {}, "pools": {}}


@pytest.fixture
def run(tmp_path):
    """Writes these events, one each second, and returns the folder."""

    def write(*events):
        stamped = [{"time": (BEGIN + timedelta(seconds=k)).isoformat(), **e} for k, e in enumerate(events)]
        (tmp_path / "events.jsonl").write_text("".join(json.dumps(e) + "\n" for e in stamped))
        return str(tmp_path)

    return write


def test_a_run_that_goes_on_names_who_works_and_what_is_open(run):
    folder = run(*RUNNING)
    with Lease(folder):
        found = standing.read(folder)
    assert found["state"] == "running" and found["by"].startswith("process ") and not found["remedy"]
    counts = [found[name] for name in ("searches", "finished", "executed", "recalled", "nfe")]
    assert counts == [3, 1, 2, 1, 24]
    assert (found["best_reward"], found["best_search"]) == (0.75, "a")
    assert found["working"] == [{"search": "b", "round": 4, "moves": 3, "answered": 1}]
    assert found["began_s"] > 104 and found["began_s"] - found["last_s"] == pytest.approx(len(RUNNING) + 4, abs=0.5)


@pytest.mark.parametrize("end, state, code", [
    ([], "killed", 1),
    ([ENDED], "finished", 0),
    ([{**ENDED, "event": "interrupted"}], "interrupted", 130),
    ([{**ENDED, "event": "failed", "error": "no"}], "failed", 1),
    ([{"event": "finished", "search": "b", "error": "no place"}, ENDED], "failed", 1),
])  # fmt: skip
def test_how_a_run_has_ended(run, end, state, code):
    folder = run(*RUNNING, *end)
    found = standing.read(folder)
    assert (found["state"], standing.code(folder)) == (state, code)
    assert (not end) == bool(found["working"])
    if state != "finished":
        assert found["remedy"] == f"to go on with it: raysearch run {folder}/config.yaml"


def test_only_the_last_invocation_counts(run):
    found = standing.read(run(*RUNNING, {**ENDED, "event": "interrupted"}, STARTED, OUTCOME))
    assert (found["finished"], found["executed"]) == (0, 1)


def test_what_has_happened_is_told_line_by_line(run):
    lines = [line.split("  ", 1)[1] for line in standing.lines(run(*RUNNING, ENDED), follow=True)]
    assert lines[0] == "started: 3 searches, smc, on ray" and "b: round 4, 3 moves" in lines
    assert lines[-2:] == ["a: best reward 0.7500", "ended after 90 s"]


def test_a_folder_without_a_run_is_told(tmp_path):
    with pytest.raises(UsageError, match="no run has begun there"):
        standing.read(str(tmp_path))
