"""The time line of replicas, and what it answers."""

import json

import pytest

from raysearch.report import timeline

START = 1_800_000_000.0


def log(folder, spans, seconds=100.0, executor="ray", after=10.0):
    from datetime import datetime, timezone

    def at(t):
        return datetime.fromtimestamp(START + t, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    lines = [
        {"time": at(after), "event": "started", "after_s": after, "executor": executor},
        {"time": at(seconds), "event": "spans", "spans": [[p, s, w, START + b, t, d] for p, s, w, b, t, d in spans]},
        {"time": at(seconds), "event": "ended", "seconds": seconds},
    ]
    (folder / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return timeline.read(str(folder))


BUSY = [("generators", 0, "load", 0.0, 10.0, 0.0), ("generators", 0, "move", 10.0, 80.0, 20.0),
        ("generators", 0, "film", 90.0, 5.0, 0.0), ("rewards", 0, "load", 0.0, 5.0, 0.0),
        ("rewards", 0, "score", 90.0, 2.0, 0.0)]  # fmt: skip


def test_shares_are_those_of_the_spans(tmp_path):
    line = log(tmp_path, BUSY)
    found = line.shares("generators")
    assert found == pytest.approx(
        {"loading": 0.1, "network": 0.6, "decode": 0.2, "score": 0, "film": 0.05, "idle": 0.05}, abs=1e-6
    )
    assert line.first_work_s == pytest.approx(10) and line.shares("rewards")["idle"] == pytest.approx(0.93)


def test_it_says_what_was_slow(tmp_path):
    assert "generators are the bottleneck, and most of the work is the network" in timeline.why(log(tmp_path, BUSY))
    idle = [("generators", 0, "move", 10.0, 20.0, 0.0), ("rewards", 0, "score", 40.0, 20.0, 0.0)]
    assert "Neither pool was busy" in timeline.why(log(tmp_path, idle))
    late = [("generators", 0, "load", 0.0, 80.0, 0.0), ("generators", 0, "move", 80.0, 20.0, 0.0)]
    assert "starting and loading" in timeline.why(log(tmp_path, late))
    scoring = [("generators", 0, "move", 10.0, 10.0, 0.0), ("rewards", 0, "score", 20.0, 75.0, 0.0)]
    assert "rewards are the bottleneck, and most of the work is scoring" in timeline.why(log(tmp_path, scoring))
    assert "One process did everything in turn; most of it was scoring" in timeline.why(
        log(tmp_path, scoring, executor="inline")
    )


def test_boxes_stay_within_the_drawing_however_many_there_are(tmp_path):
    many = [("generators", k % 100, "move", 10 + 0.01 * k, 0.004, 0.001) for k in range(9000)]
    drawn = str(timeline.timeline(log(tmp_path, many)))
    assert drawn.count("<rect") == timeline.ROWS and "36 more replicas not drawn" in drawn and len(drawn) < 300_000


def test_a_run_that_recalled_everything_shows_the_one_before(tmp_path):
    log(tmp_path, BUSY)
    text = (tmp_path / "events.jsonl").read_text()
    (tmp_path / "events.jsonl").write_text(text + text.splitlines()[0] + "\n")
    assert timeline.read(str(tmp_path)).seconds == pytest.approx(100)
    (tmp_path / "events.jsonl").write_text(text + text.splitlines()[0].replace("2027", "20x7") + "\n")
    assert timeline.read(str(tmp_path)) is None
    (tmp_path / "events.jsonl").unlink()
    assert timeline.read(str(tmp_path)) is None and timeline.timeline(None) is None


def test_what_runs_beside_the_work_of_a_replica_takes_none_of_its_time(tmp_path):
    spans = [("generators", 0, "load", 0, 10, 0), ("generators", 0, "move", 10, 40, 10)]
    line = log(tmp_path, [*spans, ("generators", 0, "save", 20, 5, 0), ("generators", 0, "encode", 30, 20, 0)])
    assert line.shares("generators")["network"] == pytest.approx(0.3) and len(line.replicas["generators", 0]) == 3
    assert "Time line" in str(timeline.timeline(line))
