"""The budget as result.json and the report tell it: this invocation, the whole run, and every replica."""

import json
from itertools import pairwise

import pytest

from raysearch.moves import Result, decode
from raysearch.report.budget import bars, size
from tests.report.case import candidates, page, run_folder, search

WHOLE = {
    "moves": 240, "cost": {"nfe": 4321, "reward_calls": 230, "generate_s": 7200.0, "reward_s": 61.0},
    "invocations": 3, "seconds": 3700.0,
    "pools": {"generators": {"busy_s": 7200.0, "restarts": 4, "retries": 9, "hedges": 6, "hedges_won": 2,
                             "moved_bytes": 91e6}, "rewards": {"busy_s": 61.0, "restarts": 1}},
}  # fmt: skip
GENERATORS = {"replicas": 4, "alive": 3, "busy": 0, "queue": 0, "restarts": 2, "busy_s": 90.0, "retries": 5,
              "hedges": 3, "hedges_won": 1, "drained": 0, "mismatches": 2, "moved_bytes": 4.83e7, "moved_states": 12,
              "replica_s": [30.0, 20.0, 25.0, 15.0]}  # fmt: skip


def folder(tmp_path, **budget):
    root = run_folder(tmp_path / "run", [search("a", Result.of_best(candidates([0.1, 0.2, 0.3])), films=False)])
    found = json.loads((root / "result.json").read_text())
    found["budget"] |= budget
    (root / "result.json").write_text(json.dumps(found))
    return root


def test_last_invocation_and_whole_run_stand_side_by_side(tmp_path):
    pools = {"generators": GENERATORS, "rewards": {"replicas": 1, "alive": 1, "restarts": 0, "busy_s": 10.0}}
    shown = page(folder(tmp_path, run=WHOLE, worked_s=50.0, pools=pools))
    for text in (
        "Spent on All results Whole run Last invocation", "Moves – 240 5", "Network function evaluations 24 4,321 60",
        "Reward calls 2 230 5", "Generators, busy 1.0 s 2 h 00 min 3.0 s", "Wall clock – 1 h 01 min 1 min 15 s",
        "Last invocation Generators Rewards", "Replicas 3 of 4 1", "In use, of 50.0 s of work 45 % 20 %",
        "Restarts 2 0 Retries 5 – Hedges 3 (1 won) –", "Hedges that disagreed 2 –", "nodes 48.3 MB (12 states) –",
        "begun 3 times; in all: restarts 5, retries 9, hedges 6 (2 won), moved between nodes 91 MB.",
    ):  # fmt: skip
        assert text in shown.words, text
    labels = [s["aria-label"] for s in shown.all("svg") if "busy from" in s["aria-label"]]
    assert labels == ["4 replicas, busy from 30 % to 60 %"]


def test_an_older_result_lacks_columns_not_the_section(tmp_path):
    shown = page(folder(tmp_path))
    assert "Spent on All results Last invocation" in shown.words and "Whole run" not in shown.words
    assert "In use" not in shown.words and "Retries" not in shown.words and "Restarts 3" in shown.words


@pytest.mark.parametrize("count", [1, 7, 1000])
def test_bars_are_as_high_as_replicas_were_busy_and_stay_inside(count):
    shares = [k / count for k in range(1, count + 1)]
    drawn = [tag.split() for tag in bars(shares).split("<rect")[1:]]
    at = [{k: float(v.strip('"')) for k, v in (a.split("=") for a in tag[:4])} for tag in drawn]
    assert [a["height"] for a in at] == pytest.approx([68 * s for s in shares], abs=0.06)
    assert all(a["y"] + a["height"] == pytest.approx(76, abs=0.11) for a in at)
    assert all(a["x"] + a["width"] <= b["x"] for a, b in pairwise(at))
    assert at[0]["x"] >= 0 and at[-1]["x"] + at[-1]["width"] <= 420


@pytest.mark.parametrize(
    "value, text", [(0, "0 B"), (999, "999 B"), (4.83e7, "48.3 MB"), (2e12, "2 TB"), (9e15, "9e+03 TB")]
)
def test_sizes(value, text):
    assert size(value) == text


def test_a_stopped_run_adds_up(tmp_path, monkeypatch, request):
    """With real models, in this process: what the second call executed and what the run did in both."""
    from raysearch import config, runs
    from raysearch.observe import Lines

    monkeypatch.chdir(request.config.rootpath)
    words = ["cluster.executor=inline", "prompts.heldout=2", "search.n=2", "generator.steps=2", "films=none"]
    job = config.load("jobs/demo.yaml", [f"run={tmp_path / 'r'}", *words])

    def stop(self, *args):
        self.answered += 1
        if self.answered == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Lines, "on_outcome", stop)
        runs.run(job)
    runs.run(job)
    result = decode(json.loads((tmp_path / "r" / "result.json").read_text()))
    budget, whole = result["budget"], result["budget"]["run"]
    assert (budget["executed"], budget["recalled"], whole["moves"], whole["invocations"]) == (2, 2, 4, 2)
    assert (budget["cost"]["nfe"], whole["cost"]["nfe"]) == (4, 8)
    assert 0 < budget["worked_s"] <= budget["seconds"] and whole["cost"]["generate_s"] > budget["cost"]["generate_s"]
    events = (tmp_path / "r" / "events.jsonl").read_text()
    assert events.count('"event": "started"') == 2 and events.count('"event": "interrupted"') == 1
