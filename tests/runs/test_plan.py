"""`raysearch plan`: seconds from a run or by hand, and a table that says what more replicas would buy."""

import json

import pytest

from examples.clockwork import Clockwork
from raysearch import config, runs
from raysearch.engine.journal import Journal
from raysearch.moves import Cost, Outcome
from raysearch.runs import plan

DEMO = "jobs/demo.yaml"


@pytest.mark.parametrize("search", [
    "best_of_n", "halving", "smc", "beam", "{name: beam, lookahead: 1, width: 2}", "paths", "pcn", "evolutionary",
    "{name: smc, n: 8, last: 2, reads: [0.25, 0.5]}", "{name: halving, budget: 50}", "{name: beam, budget: 70}",
])  # fmt: skip
def test_the_plan_counts_the_network_calls_that_a_run_makes(search, tmp_path, monkeypatch):
    calls, denoise = [], Clockwork.denoise
    monkeypatch.setattr(
        Clockwork, "denoise", lambda self, x, k, *a, **o: calls.append(k) or denoise(self, x, k, *a, **o)
    )
    job = config.load("jobs/demo.yaml", [
        f"run={tmp_path}", f"search={search}", "prompts={items: [{id: a, text: a ball}], heldout: 0}",
        "generator={name: 'examples.clockwork:load', model: clockwork, steps: 8, fps: 8}", "reward=motion", "watch=[]",
        "films=none", "latents=none", "cluster.executor=inline",
    ])  # fmt: skip
    runs.run(job)
    spent = json.loads((tmp_path / "result.json").read_text())["budget"]["cost"]["nfe"]
    assert len(calls) == spent == plan.simulate(job, plan.Pace(1.0), 2, 1).nfe


def test_the_searches_without_the_guide_are_part_of_the_plan():
    guided = ["search.n=4", "search.guide=cheap", "prompts.heldout=2"]
    both, alone = (
        plan.simulate(config.load(DEMO, [*guided, f"baseline={wanted}"]), plan.Pace(1.0), 2, 1)
        for wanted in ("true", "false")
    )
    assert (alone.moves, both.moves) == (8, 16) and both.seconds > 1.5 * alone.seconds


def test_the_pace_of_a_run_is_read_from_its_journal(tmp_path):
    journal = Journal(str(tmp_path), {"what": "a run"})
    for k, nfe in enumerate([2, 2, 2, 10, 10, 10]):
        cost = Cost(nfe, 1, 0.5 * nfe + 3.0, 0.25)
        journal.record(Outcome(f"k{k}", 0.1, {"r": 0.1}, cost=cost))
    (tmp_path / "result.json").write_text("{}")
    pace = plan.measured(str(tmp_path))
    assert (pace.evaluation_s, pace.decode_s, pace.score_s) == pytest.approx((0.5, 3.0, 0.25))


def test_a_plan_loads_nothing_and_writes_nothing(tmp_path):
    job = config.load(DEMO, [f"run={tmp_path / 'run'}"])
    assert plan.simulate(job, plan.Pace(1.0), 2, 1).moves == 128
    assert not (tmp_path / "run").exists()


def test_what_a_run_itself_took_is_told_with_loading_apart(tmp_path):
    pools = {"generators": {"replicas": 2, "busy_s": 30.0}, "rewards": {"replicas": 1, "busy_s": 5.0}}
    budget = {"seconds": 32.0, "worked_s": 20.0, "executed": 16, "pools": pools}
    for name in ("manifest.json", "config.yaml"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "result.json").write_text(json.dumps({"budget": budget}))
    assert plan.took(str(tmp_path)) == (
        f"{tmp_path} itself: 12 s to start and load models, which no time above holds, and 20 s of work on "
        "2 generators busy 75%, 1 rewards busy 25%, for 16 moves"
    )
    (tmp_path / "result.json").write_text(json.dumps({"budget": budget | {"executed": 0}}))
    assert plan.took(str(tmp_path)).endswith("executed nothing, so there is nothing to compare with")
