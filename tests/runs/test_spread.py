"""lambda in units of the reward's spread: measured once for all prompts, at no cost, recorded, or given."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from examples.clockwork import Clockwork
from raysearch import config, report, runs
from raysearch.engine.journal import Journal
from raysearch.errors import UsageError
from raysearch.moves import decode
from raysearch.runs import plan, resolve, spread
from raysearch.search import strategy
from raysearch.sweep import execute as sweep
from raysearch.sweep.grid import GridPoint

ITEMS = "[{id: a, text: a ball}, {id: b, text: two balls}, {id: c, text: three balls}]"


def job(folder, search, *more):
    return config.load("jobs/demo.yaml", [
        f"run={folder}", f"search={search}", f"prompts={{items: {ITEMS}, heldout: 0}}",
        "generator={name: 'examples.clockwork:load', model: clockwork, steps: 8, fps: 8}", "reward=motion", "watch=[]",
        "films=none", "latents=none", "cluster.executor=inline", *more,
    ])  # fmt: skip


def found(folder):
    return decode(json.loads((folder / "result.json").read_text()))


def notes(folder):
    return [search["notes"] for search in found(folder)["searches"]]


@pytest.fixture
def calls(monkeypatch):
    """The steps of all network calls."""
    made, denoise = [], Clockwork.denoise
    monkeypatch.setattr(
        Clockwork, "denoise", lambda self, x, k, *a, **o: made.append(k) or denoise(self, x, k, *a, **o)
    )
    return made


@pytest.mark.parametrize(
    "search", ["{name: smc, n: 6, lam: {sd: 1.9}}", "{name: pcn, n: 3, rounds: 2, lam: {sd: 1.9}}"]
)
def test_the_spread_of_the_first_round_of_all_prompts_is_measured_at_no_cost(search, tmp_path, calls, capsys):
    one = job(tmp_path / "run", search)
    runs.run(one)
    told = notes(tmp_path / "run")
    first = [replayed.finals for replayed in first_rounds(one)]
    rewards = [[o.reward for o in finals] for finals in first]
    n = len(rewards[0])
    by_hand = math.sqrt(np.mean([np.var(r) for r in rewards]) * n / (n - 1))
    assert [t["spread"] for t in told] == [pytest.approx(by_hand)] * 3 and len({t["spread"] for t in told}) == 1
    lam = told[0]["lambda"]
    assert (lam[-1] if isinstance(lam, list) else lam) == pytest.approx(1.9 / by_hand)
    assert len(calls) == found(tmp_path / "run")["budget"]["cost"]["nfe"]
    alone = job(tmp_path / "alone", search.replace("1.9}", f"1.9, spread: {told[0]['spread']!r}}}"))
    del calls[:]
    runs.run(alone)
    assert found(tmp_path / "alone")["hash"] == found(tmp_path / "run")["hash"]
    spent = found(tmp_path / "run")["budget"]["cost"]["nfe"]
    assert len(calls) == spent  # the pilots have made nothing twice
    capsys.readouterr()
    del calls[:]
    runs.run(one)
    assert "0 moves executed" in capsys.readouterr().out and not calls


def first_rounds(one):
    resolved = resolve(one)
    journal = Journal(one.run, resolved.manifest)
    return [spread.replay(task, journal).result for task in spread.pilots(resolved)]


def test_a_plan_counts_the_same_and_an_interim_report_knows_the_spread(tmp_path):
    one = job(tmp_path / "run", "{name: smc, n: 4, lam: {sd: 1.0}}")
    planned = plan.simulate(one, plan.Pace(1.0), 2, 1)
    with pytest.raises(UsageError, match="none is finished yet"):
        begun = tmp_path / "begun"
        runs.run(job(begun, "{name: best_of_n, n: 1}"))
        (begun / "config.yaml").write_text(config.to_yaml(job(begun, "{name: smc, n: 4, lam: {sd: 1.0}}")))
        report.read(str(begun), partial=True)
    runs.run(one)
    assert planned.nfe == found(tmp_path / "run")["budget"]["cost"]["nfe"]
    assert [r.notes for r in report.read(str(tmp_path / "run"), partial=True).results] == notes(tmp_path / "run")
    assert "Spread of the reward" in (report.write(report.read(str(tmp_path / "run")))).read_text()


def test_states_of_the_first_round_are_let_go_when_its_search_ends(tmp_path, monkeypatch):
    held = []

    def watched(self, live, done, real=runs.execute.Coordinator._finish):
        real(self, live, done)
        held.append((live.task.pilot, sum(self._held.values())))

    monkeypatch.setattr(runs.execute.Coordinator, "_finish", watched)
    runs.run(job(tmp_path / "run", "{name: smc, n: 4, lam: {sd: 1.0}}"))
    assert [pilot for pilot, _ in held] == [True] * 3 + [False] * 3
    assert held[2][1] == 12 and held[-1][1] == 0


def test_what_is_wrong_is_told_before_anything_is_spent(tmp_path):
    for lam, message in (
        ("{sdd: 1.9}", "search.lam: key 'sdd'"),
        ("{spread: 0.1}", "sd is missing"),
        ("{sd: -1}", "search.lam="),
        ("{sd: 1.9, spread: 0}", "search.lam="),
        ("strong", "search.lam='strong': give a number of at least 0 or a mapping"),
    ):
        with pytest.raises(UsageError, match=message):
            resolve(job(tmp_path, f"{{name: smc, lam: {lam}}}"))
    with pytest.raises(UsageError, match=r"spread is missing; give .*raysearch run measures it"):
        next(strategy("smc")(0, 8, lam={"sd": 1.9}))
    with pytest.raises(UsageError, match="its spread must be given"):
        sweep.run([GridPoint({}, job(tmp_path / "sweep", "{name: smc, lam: {sd: 1.9}}"))])
    assert not (tmp_path / "sweep").exists()


def test_the_pooled_standard_deviation():
    assert spread.pooled([[1.0, 3.0], [10.0, 10.0, 13.0]]) == pytest.approx(math.sqrt((2 + 6) / 3))
    assert spread.pooled([[1.0, math.nan, 3.0, -math.inf], [math.nan], []]) == pytest.approx(math.sqrt(2))
    with pytest.raises(UsageError, match="do not differ within any prompt"):
        spread.pooled([[1.0, 1.0], [2.0]])
