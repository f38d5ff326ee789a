"""`raysearch plan`: seconds from a run or by hand, and a table that says what more replicas would buy."""

import json
import shutil
from dataclasses import replace

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


@pytest.fixture(scope="module")
def slowed(tmp_path_factory):
    """A real run in one process whose calls are given other seconds: every eighth takes a hundred times as long."""
    folder = tmp_path_factory.mktemp("slowed")
    job = config.load("jobs/demo.yaml", [
        f"run={folder}", "search={name: smc, n: 6}", "prompts={items: [a ball, two balls], heldout: 0}",
        "generator={name: 'examples.clockwork:load', model: clockwork, steps: 8, fps: 8}", "reward=motion", "watch=[]",
        "films=none", "latents=none", "cluster.executor=inline",
    ])  # fmt: skip
    runs.run(job)
    manifest = json.loads((folder / "manifest.json").read_text())
    outcomes = Journal(str(folder), manifest).outcomes.values()
    shutil.rmtree(folder / "outcomes")
    journal, took = Journal(str(folder), manifest), 0.0
    for k, outcome in enumerate(outcomes):
        cost = replace(outcome.cost, generate_s=outcome.cost.nfe * (0.1 if k % 8 else 10.0), reward_s=2.0)
        journal.record(replace(outcome, cost=cost))
        took += cost.generate_s + cost.reward_s
    result = json.loads((folder / "result.json").read_text())
    result["budget"] |= {"worked_s": 1.25 * took, "seconds": 1.25 * took + 12}
    (folder / "result.json").write_text(json.dumps(result))
    return folder, job, result["budget"]


def test_the_plan_from_a_run_agrees_with_it(slowed):
    folder, job, budget = slowed
    itself = plan.took(str(folder))
    alone = plan.simulate(job, plan.measured(str(folder)), 1, 0)
    assert itself.share == pytest.approx(1.25, rel=0.05), "a quarter lies between calls; slow calls count, in a row"
    assert itself.held(alone).seconds == pytest.approx(budget["worked_s"])
    assert itself.held(alone).generators_busy == pytest.approx(1 / itself.share)
    two = plan.simulate(job, plan.measured(str(folder)), 2, 2)
    assert two.seconds < 0.6 * alone.seconds, "two generators with rewards beside them"


def test_what_a_run_itself_took_is_told_with_loading_and_waiting_apart(slowed):
    folder, _, budget = slowed
    text = plan.took(str(folder)).text
    assert f"{folder} itself: 12 s to start and load models, which no time above holds, and " in text
    assert (
        f"for {budget['executed']} moves. Its calls alone would take" in text and "2" in text.split("waiting take")[1]
    )
    result = json.loads((folder / "result.json").read_text())
    for executed, said in ((0, "nothing to compare with"), (3, "had begun earlier")):
        (folder / "result.json").write_text(json.dumps({"budget": result["budget"] | {"executed": executed}}))
        assert said in plan.took(str(folder)).text and plan.took(str(folder)).share == 1.0
    settings = (folder / "config.yaml").read_text()
    (folder / "result.json").write_text(json.dumps(result))
    (folder / "config.yaml").write_text(f"{settings}unheard: of\n")  # as a later release may write it
    assert "not counted, for it cannot be simulated here" in plan.took(str(folder)).text
    (folder / "config.yaml").write_text(settings)
    (folder / "result.json").write_text(json.dumps(result))


def test_a_search_that_goes_by_breaks_is_planned_with_its_whole_budget():
    job = config.load("jobs/demo.yaml", [
        "search={name: backtrack, n: 4, lengths: [9, 8]}", "prompts={items: [{id: a, text: a ball}], heldout: 0}",
        "generator={name: 'tests.runs.test_plan:chunked', model: clockwork, steps: 8, fps: 8}", "watch=[]",
        "reward={name: breaks, above: 0.3, parts: [{name: vjepa2}]}", "cluster.executor=inline",
    ])  # fmt: skip
    assert plan.simulate(job, plan.Pace(1.0), 2, 1).nfe == 4 * 8


def chunked(config, device):
    """Two chunks."""
    raise AssertionError("a plan loads nothing")


chunked.ends = lambda config: [0.5]
