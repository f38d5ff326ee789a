"""What Prometheus reads of a run on a real Ray, and that the dashboard asks for exactly that."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.observe.case import NFE_S, SCORE_S
from tests.observe.export import COUNTED
from tests.waiting import PATIENCE_S

ROOT = Path(__file__).parents[2]
DASHBOARD = json.loads((ROOT / "clusters/grafana.json").read_text())
RUN = {"run": "runs/x"}
GENERATORS = {**RUN, "pool": "generators"}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """In a process of its own, whose Ray exports often."""
    command = [sys.executable, "-m", "tests.observe.export", str(tmp_path_factory.mktemp("run"))]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S)
    assert out.returncode == 0, out.stderr
    return json.loads(out.stdout)


def panels():
    return [p for p in DASHBOARD["panels"] if p["type"] != "row"]


def expressions():
    return [t["expr"] for p in panels() for t in p["targets"]]


def test_exported_values_are_those_the_coordinator_counted(exported):
    def value(name, tags=RUN):
        (found,) = (v for n, t, v in exported["samples"] if n == f"raysearch_{name}" and t == tags)
        return found

    assert value("moves_total") == exported["executed"] > 0
    assert value("recalled_total") == exported["recalled"] > 0
    assert value("rebuilt_total") == exported["rebuilt"] > 0
    assert value("nfe_total") == exported["nfe"] and value("reward_calls_total") == exported["reward_calls"]
    assert value("busy_seconds_total", GENERATORS) == pytest.approx(exported["busy_s"])
    assert [value(f"searches{s}") for s in ("", "_done", "_failed")] == [3, 3, 1]
    assert value("best_reward") == max(exported["best"])
    assert value("mean_best_reward") == pytest.approx(sum(exported["best"]) / 3)
    for key, count in COUNTED.items():
        assert value(f"{key}_total", GENERATORS) == count
    for pool in ("generators", "rewards"):
        assert value("alive_replicas", {**RUN, "pool": pool}) == value("replicas", {**RUN, "pool": pool}) == 2
    assert value("draining_replicas", GENERATORS) == 1 and value("busy_replicas", GENERATORS) == 1


@pytest.mark.parametrize("name, seconds", [("seconds_per_nfe", NFE_S), ("seconds_per_score", SCORE_S)])
def test_histograms_hold_every_executed_move_in_its_bucket(exported, name, seconds):
    """Recalled Moves are none of them, nor is one in flight whose search failed meanwhile and asks no more."""
    found = [(float(t["le"]), v) for n, t, v in exported["samples"] if n == f"raysearch_{name}_bucket"]
    counts = dict(sorted(found))
    assert exported["executed"] - 4 <= max(counts.values()) <= exported["executed"]
    assert [n for le, n in counts.items() if le < seconds] == [0] * sum(le < seconds for le in counts)
    assert {n for le, n in counts.items() if le >= seconds} == {max(counts.values())}


def test_the_dashboard_shows_every_metric_and_no_other(exported):
    asked = set(re.findall(r"ray_(raysearch_\w+)", " ".join(expressions())))
    there = {name for name, _, _ in exported["samples"]}
    assert asked == {n for n in there if not re.search(r"seconds_per_\w+_(count|sum)$", n)}


def test_the_dashboard_is_one_for_any_prometheus_and_any_run():
    variables = {v["name"]: v for v in DASHBOARD["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource" and variables["run"]["query"]["query"].startswith("label_")
    for panel in panels():
        assert panel["datasource"]["uid"] == "${datasource}" and panel["title"] and panel["description"]
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == "${datasource}"
            names = re.findall(r"ray_raysearch_\w+(\{[^}]*\})?", target["expr"])
            assert names and all('run=~"$run"' in selector for selector in names)
    assert len({p["id"] for p in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_panels_do_not_overlap():
    taken = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken and at["x"] + at["w"] <= 24
        taken |= cells
