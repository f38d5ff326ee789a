"""The event log: every event once, over stops and resumes, with and without append, and never in the way."""

import json
from collections import Counter
from datetime import datetime, timedelta, timezone
from itertools import pairwise

import fsspec
import pytest

from raysearch import config
from raysearch.observe import EventLog, events, history
from tests.observe.case import NOISY, Clock, Ticking, Watch, drive, searches

JOB = "jobs/demo.yaml"


@pytest.fixture
def job(monkeypatch, request):
    monkeypatch.chdir(request.config.rootpath)
    return config.load(JOB, ["cluster.executor=inline", "search.name=smc"])


def logged(job, folder, clock, run, count=3, into=None):
    """Run `run` as one invocation with its log; returns what came of it."""
    with EventLog(job, str(into or folder), count, {"raysearch": "0"}, clock=clock) as log:
        return run(log)


def whole(folder, clock, *observers, count=3, **options):
    def run(log):
        todo = searches(count, "smc", n=6, kernel=NOISY)
        return drive(folder, Ticking(clock, **options), todo, log, *observers)

    return run


def read(text):
    return [json.loads(line) for line in text.splitlines()]


def test_every_event_of_a_run_in_order(tmp_path, job):
    clock = Clock()
    done, coordinator = logged(job, tmp_path, clock, whole(tmp_path, clock, extra={"hedges": 2}))
    found = read((tmp_path / "events.jsonl").read_text())
    kinds = Counter(e["event"] for e in found)
    assert kinds["started"] == kinds["ended"] == 1 and kinds["round"] == 3 * 4 and kinds["finished"] == 3
    assert kinds["outcome"] == coordinator.ledger.executed == 3 * 6 * 4
    assert found[0]["event"] == "started" and found[-1]["event"] == "ended"
    times = [datetime.fromisoformat(e["time"].replace("Z", "+00:00")) for e in found]
    assert times == sorted(times) and times[0] == datetime.fromtimestamp(1000, timezone.utc)
    assert times[-1] - times[0] == timedelta(seconds=found[-1]["seconds"])
    assert kinds["pools"] == pytest.approx(found[-1]["seconds"] / 10, abs=1)
    assert found[0]["config"] and found[0]["pools"]["generators"]["replicas"] == 2 and found[0]["searches"] == 3
    second = next(e for e in found if e["event"] == "round" and e["round"] == 2)
    assert second["note"]["rounds"] == 4 and second["note"]["ess"] > 0 and "ancestors" not in second["note"]
    notes = [e["note"] for e in found if e["event"] == "round" and "unique_ancestors" in e["note"]]
    assert notes and all(1 <= n["unique_ancestors"] <= 6 for n in notes)
    outcomes = {e["key"]: e for e in found if e["event"] == "outcome"}
    for key, outcome in coordinator.journal.outcomes.items():
        event = outcomes[key]
        assert (event["reward"], event["nfe"]) == (outcome.reward, outcome.cost.nfe) and not event["recalled"]
    assert found[-1]["ledger"]["nfe"] == coordinator.ledger.cost.nfe and found[-1]["pools"]["generators"]["hedges"] == 2
    assert [e["hash"] for e in found if e["event"] == "finished"] == [d.result.digest() for d in _by_end(done, found)]


def _by_end(done, found):
    names = [e["search"] for e in found if e["event"] == "finished"]
    return sorted(done, key=lambda d: names.index(d.task.name))


class Killed(BaseException):
    """As if the process were killed: the log is not told."""


def stop(at, error):
    def look(ledger):
        if ledger.executed == at:
            raise error

    return Watch(look)


def test_it_grows_over_stops_and_names_what_was_recalled(tmp_path, job):
    clock = Clock()
    with pytest.raises(KeyboardInterrupt):
        logged(job, tmp_path, clock, whole(tmp_path, clock, stop(20, KeyboardInterrupt())))
    with pytest.raises(RuntimeError):
        logged(job, tmp_path, clock, whole(tmp_path, clock, stop(10, RuntimeError("disk full"))))
    clock.now += 3600
    logged(job, tmp_path, clock, whole(tmp_path, clock))
    found = read((tmp_path / "events.jsonl").read_text())
    ends = [e for e in found if e["event"] in history.ENDS]
    assert [e["event"] for e in ends] == ["interrupted", "failed", "ended"]
    assert ends[1]["error"] == "RuntimeError: disk full"
    fresh = [e["key"] for e in found if e["event"] == "outcome" and not e["recalled"]]
    assert len(fresh) == len(set(fresh)) == 72
    again = [e for e in found if e["event"] == "outcome" and e["recalled"]]
    assert {e["key"] for e in again} <= set(fresh) and len(again) >= 30


def test_what_all_invocations_took_together(tmp_path, job):
    """One is stopped, one is killed in the middle of a line, one ends; its last pools event speaks for the killed."""
    clock, pools = Clock(), []

    def run(log, *observers, retries):
        pools.append(Ticking(clock, extra={"retries": retries}))
        drive(tmp_path, pools[-1], searches(3, "smc", n=6, kernel=NOISY), log, *observers)

    with pytest.raises(KeyboardInterrupt):
        logged(job, tmp_path, clock, lambda log: run(log, stop(20, KeyboardInterrupt()), retries=2))
    first = clock.now - 1000
    clock.now += 3600
    log, began = EventLog(job, str(tmp_path), 3, {}, clock=clock), clock.now
    log.__enter__()
    with pytest.raises(Killed):
        run(log, stop(30, Killed()), retries=3)
    second = clock.now - began
    with (tmp_path / "events.jsonl").open("a") as file:
        file.write('{"time": "20')
    clock.now += 3600
    logged(job, tmp_path, clock, lambda log: run(log, retries=5))
    found = history.invocations(str(tmp_path))
    assert [i.how for i in found] == ["interrupted", "lost", "ended"]
    assert found[0].last - found[0].began == first and second - 1 <= found[1].last - found[1].began <= second
    totals = history.totals(str(tmp_path))
    assert totals["invocations"] == 3 and totals["pools"]["generators"]["retries"] == 2 + 3 + 5
    busy = sum(p.busy_s for p in pools)
    assert busy - 11 <= totals["pools"]["generators"]["busy_s"] <= busy


def test_the_time_before_the_log_counts(tmp_path, job):
    """Starting Ray and loading models comes before the first event."""
    clock = Clock()
    with EventLog(job, str(tmp_path), 1, {}, began=clock.now - 25.0, clock=clock):
        clock.now += 10.0
    (found,) = history.invocations(str(tmp_path))
    assert (found.began, found.last, found.how) == (975.0, 1010.0, "ended")
    assert '"seconds": 35.0' in (tmp_path / "events.jsonl").read_text()


def test_a_run_without_a_log_has_no_history(tmp_path):
    assert history.totals(str(tmp_path)) == {"invocations": 0, "seconds": 0, "pools": {}}


@pytest.mark.parametrize("late", [False, True])
def test_segments_where_nothing_can_be_appended(job, tmp_path, late, monkeypatch):
    fs, clock = fsspec.filesystem("memory"), Clock()
    if late:  # what was written is not listed yet
        monkeypatch.setattr(fs, "ls", lambda *args, **options: [])
    root = f"memory://{tmp_path.name}"
    for _ in range(2):
        logged(job, tmp_path, clock, whole(tmp_path / "journal", clock), into=root)
    paths = events.segments(fs, f"/{tmp_path.name}")
    assert [p.rsplit("/")[-1] for p in paths] == [f"{k:05d}.jsonl" for k in range(len(paths))] and 3 <= len(paths) <= 10
    found = [e for p in paths for e in read(fs.cat_file(p).decode())]
    assert Counter(e["event"] for e in found)["outcome"] == 2 * 72
    assert [i.how for i in history.invocations(root)] == ["ended", "ended"]


def test_lines_are_gathered(tmp_path, job, monkeypatch):
    """At most one writing a second, and one at each end."""
    written, clock = [], Clock()
    monkeypatch.setattr(EventLog, "_put", lambda self, data: written.append((clock.now, data)))
    logged(job, tmp_path, clock, whole(tmp_path, clock, count=20), 20)
    times = [t for t, _ in written]
    assert all(b - a >= events.FLUSH_S for a, b in pairwise(times[:-1]))
    assert Counter(e["event"] for _, d in written for e in read(d.decode()))["outcome"] == 20 * 24


def test_a_log_that_cannot_be_written_is_disabled_after_one_warning(tmp_path, job, capsys):
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    clock = Clock()
    done, coordinator = logged(job, tmp_path, clock, whole(tmp_path / "run", clock), into=blocked)
    assert all(d.result for d in done) and coordinator.ledger.executed == 72
    out = capsys.readouterr().out
    assert out.count("the event log") == 1 and "the run continues" in out and blocked.read_text() == "no folder"


def test_a_hundred_thousand_moves_are_no_burden(tmp_path, job):
    """Per event well below what a Move costs the coordinator; measured, with room for a busy machine."""
    import time

    from raysearch.moves import Cost, Outcome

    task, outcome = searches(1)[0], Outcome("k" * 32, 0.5, {"a": 0.5}, 0.0, Cost(10, 1, 3.0, 0.1))
    with EventLog(job, str(tmp_path), 1, {}) as log:
        start = time.process_time()
        for _ in range(20_000):
            log.on_outcome(task, outcome, False)
        each = (time.process_time() - start) / 20_000
    assert each < 0.4e-3
    assert (tmp_path / "events.jsonl").stat().st_size < 20_000 * 300
