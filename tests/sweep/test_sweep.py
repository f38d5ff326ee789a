"""Sweeps: what points share runs once, estimates are exact, a killed sweep ends with the same bytes."""

import csv
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from raysearch import config, sweep
from raysearch.cli import main
from raysearch.config.settings import Job
from raysearch.errors import UsageError
from raysearch.moves import Outcome, Result
from raysearch.sweep import files, table
from raysearch.sweep.table import Cell
from tests.waiting import until

ROOT = Path(__file__).parents[2]
DEMO, SWEEP = str(ROOT / "jobs/demo.yaml"), str(ROOT / "jobs/sweep_particles.yaml")
SMALL = ["cluster.executor=inline", "generator.steps=2", "prompts.heldout=1"]
OUTPUTS = ("table.csv", "sweep.json", "sweep.html")


def journal(folder: Path) -> list[str]:
    lines = [line for file in sorted(folder.glob("outcomes/*.jsonl")) for line in file.read_text().splitlines()]
    return [json.loads(line)["outcome"]["key"] for line in lines]


def outputs(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in OUTPUTS]


def test_one_to_thirty_two_costs_thirty_two(tmp_path, capsys):
    words = [*SMALL, "search=best_of_n", "seed=0"]
    assert main(["sweep", DEMO, *words, "particles=1,2,4,8,16,32", f"run={tmp_path / 'all'}"]) == 0
    assert main(["sweep", DEMO, *words, "particles=32", f"run={tmp_path / 'last'}"]) == 0
    every, last = journal(tmp_path / "all"), journal(tmp_path / "last")
    assert len(every) == 32 and set(every) == set(last)
    printed = list(csv.DictReader((tmp_path / "all/table.csv").open()))
    assert [row["n"] for row in printed] == ["1", "2", "4", "8", "16", "32"]
    rewards = [float(row["reward.mean"]) for row in printed]
    assert rewards == sorted(rewards) and {row["pool"] for row in printed} == {"32"}


@pytest.mark.slow
def test_killed_and_resumed_gives_the_same_bytes(tmp_path, capsys):
    words = [*SMALL, "generator.steps=6", "particles=2,12", "search=best_of_n,smc", "seed=0,1"]
    assert main(["sweep", SWEEP, *words, f"run={tmp_path / 'whole'}"]) == 0
    total, part = len(journal(tmp_path / "whole")), tmp_path / "part"
    command = [sys.executable, "-m", "raysearch.cli", "sweep", SWEEP, *words, f"run={part}"]
    child = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL)
    until(
        lambda: list(part.glob("outcomes/*")) and len(journal_so_far(part)) >= total // 3,
        meanwhile=lambda: time.sleep(0.01),
        possible=lambda: child.poll() is None,
    )
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    before = len(journal_so_far(part))
    assert 0 < before < total
    assert main(["sweep", SWEEP, *words, f"run={part}"]) == 0
    assert outputs(part) == outputs(tmp_path / "whole")
    assert json.loads((part / "budget.json").read_text())["ledgers"][0]["executed"] == total - before


def journal_so_far(folder: Path) -> list[bytes]:
    text = b"".join(file.read_bytes() for file in folder.glob("outcomes/*.jsonl"))
    return text.split(b"\n")[:-1]


def test_partial_results_are_readable_and_say_so():
    cells = [cell(4, [0.1, 0.4, 0.2, 0.3]), Cell("later", {"search.n": 8}, "best_of_n", 8, 0, "p", "vjepa2")]
    made = files.files(cells)
    found = json.loads(made["sweep.json"])
    assert not found["complete"] and [s["done"] for s in found["searches"]] == [True, False]
    assert "1 of 2 searches done" in made["sweep.html"] and made["table.csv"].count("\n") == 2


def cell(n, rewards, seed=0, prompt="p", **more) -> Cell:
    finals = [Outcome(f"{prompt}{seed}{i}", r, {"other": -r}) for i, r in enumerate(rewards[:n])]
    settings = {"search.n": n, **more}
    return Cell(f"{n}/{prompt}/{seed}", settings, "best_of_n", n, seed, prompt, "vjepa2", Result.of_best(finals), nfe=n)


def test_best_of_n_is_the_mean_over_all_subsets_of_the_largest_pool():
    pools = {(seed, p): np.random.default_rng((seed, p)).normal(size=6).tolist() for seed in (0, 1) for p in range(3)}
    cells = [cell(n, r, seed, str(p)) for (seed, p), r in pools.items() for n in (1, 2, 6)]
    _, lines = table.rows(cells)
    for row in lines:
        wants = np.mean([np.mean([max(s) for s in itertools.combinations(r, row.n)]) for r in pools.values()])
        assert row.values["reward"].mean == pytest.approx(wants, abs=1e-12)
        assert row.values["other"].mean == pytest.approx(-wants, abs=1e-12)
        assert row.pool == 6 and row.prompts == 3 and row.seeds == 2
    assert lines[0].values["reward"].gain == 0 and lines[2].values["reward"].gain > 0


def test_other_settings_are_series_of_their_own():
    cells = [cell(2, [0.1, 0.2]), cell(2, [0.5, 0.6], **{"search.kernel.eta": 0.3})]
    _, lines = table.rows(cells)
    assert [row.label for row in lines] == ["best_of_n", "best_of_n search.kernel.eta=0.3"]


def test_any_key_can_be_swept_and_other_models_get_folders_of_their_own(tmp_path, capsys):
    words = [*SMALL[:1], "prompts.heldout=1", "particles=2", "search=best_of_n", "generator.steps=2,3"]
    assert main(["sweep", DEMO, *words, "prompts.first=0,1", f"run={tmp_path}"]) == 0
    assert [len(journal(folder)) for folder in sorted((tmp_path / "models").iterdir())] == [4, 4]
    assert len(json.loads((tmp_path / "sweep.json").read_text())["table"]) == 4


def test_rewards_said_in_two_ways_are_one_model(tmp_path, capsys):
    both = "reward={name: vjepa2},{name: vjepa2, model: tiny, dtype: float32}"
    assert main(["sweep", DEMO, *SMALL, "particles=2", "search=best_of_n", both, f"run={tmp_path}"]) == 0
    assert not (tmp_path / "models").exists() and len(journal(tmp_path)) == 2


def test_no_axis_is_said(tmp_path, capsys):
    assert main(["sweep", DEMO, *SMALL, "search.n=1", f"run={tmp_path}"]) == 0
    assert "there is no axis, so this is a single point; write one as key=a,b" in capsys.readouterr().err
    assert len(journal(tmp_path)) == 1


def test_words_replace_the_axes_of_the_job():
    assert len(sweep.points(SWEEP)) == 24
    found = sweep.points(SWEEP, ["search.n=3", "seed=7"])
    assert [(p.job.search["name"], p.job.search["n"], p.job.seed) for p in found] == [
        ("best_of_n", 3, 7),
        ("smc", 3, 7),
    ]
    assert found[1].job.search["kernel"]["name"] == "ddim_eta" and "kernel" not in found[0].job.search
    assert {p.job.films for p in found} == {"none"}


def test_commas_in_brackets_are_no_axis():
    given, rest = sweep.axes(["watch=[motion,tinyworld_truth]", "seed=1,2", 'prompts.items=["a, b"],["c"]'])
    assert rest == ["watch=[motion,tinyworld_truth]"]
    assert given == {"seed": [1, 2], "prompts.items": [["a, b"], ["c"]]}


@pytest.mark.parametrize(
    "words, wants",
    [
        (["run=a,b"], "share one folder"),
        (["cluster.generators.replicas=1,2"], "share one cluster"),
        (["seed=1,1"], "given twice"),
        (["seed=1,"], "empty value"),
        (["search=best_of_n,smx"], "did you mean 'smc'"),
        (["particels=1,2"], "particels"),
        (["seed=1,many"], "seed"),
    ],
    ids=lambda v: v[0] if isinstance(v, list) else "",
)
def test_a_wrong_axis_is_one_line_and_leaves_nothing(tmp_path, capsys, words, wants):
    assert main(["sweep", DEMO, f"run={tmp_path / 'run'}", *SMALL, *words]) == 2
    error = capsys.readouterr().err
    assert wants in error and error.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("path", sorted((ROOT / "jobs").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_job_file_loads_and_says_what_to_run_never_where(path):
    job = config.load(str(path))
    assert job.cluster == Job().cluster and path.read_text().startswith("# ")
    with pytest.raises(UsageError, match="did you mean"):
        config.load(str(path), ["generator.stepz=3"])
