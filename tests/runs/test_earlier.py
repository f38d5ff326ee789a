"""One folder holds the results of one search: another says what it replaces, and `best/` is never that of two."""

import json
from pathlib import Path

import pytest

from raysearch import config, runs
from raysearch.errors import UsageError
from raysearch.runs.earlier import begin

JOB = """
prompts: {items: [{id: a, text: a ball}, {id: b, text: two}]}
search: {name: best_of_n, n: 2}
generator: {name: "examples.clockwork:load", model: clockwork, steps: 2, fps: 8}
reward: motion
watch: []
films: best
latents: none
cluster: {executor: inline}
"""


@pytest.fixture
def job(tmp_path):
    (tmp_path / "job.yaml").write_text(JOB)
    return lambda *words: config.load(str(tmp_path / "job.yaml"), [f"run={tmp_path / 'run'}", *words])


@pytest.fixture
def run(job, tmp_path):
    runs.run(job())
    return tmp_path / "run"


def files(run: Path) -> set[str]:
    return {p.name for p in run.iterdir()}


def test_the_same_search_again_replaces_nothing(job, run, capsys):
    before = (run / "best/a.mp4").stat().st_mtime_ns, (run / "result.json").read_bytes()
    begin(job("cluster.generators.threads=2", "films=all"), str(run))
    assert "Replaced" not in capsys.readouterr().out
    assert ((run / "best/a.mp4").stat().st_mtime_ns, (run / "result.json").read_bytes()) == before


@pytest.mark.parametrize(
    "words, told",
    [
        (["search.n=3"], "search.n was 2, now 3. Replaced: result.json, best/"),
        (["seed=7"], "seed was 0, now 7."),
        (["search={name: smc, n: 2, kernel: {name: ddim_eta, eta: 0.7}}"], 'search.name was "best_of_n", now "smc"'),
        (["prompts={items: [{id: c, text: a}]}"], "prompts.items was"),
    ],
)
def test_another_search_says_what_it_replaces(job, run, capsys, words, told):
    kept = {p.name for p in (run / "outcomes").iterdir()}
    begin(job(*words), str(run))
    assert told in capsys.readouterr().out
    assert files(run) == {"config.yaml", "manifest.json", "outcomes", "films", "latents", "events.jsonl"}
    assert {p.name for p in (run / "outcomes").iterdir()} == kept


def test_best_holds_the_prompts_of_the_last_search_alone(job, run, capsys):
    runs.run(job("prompts={items: [{id: b, text: two}, {id: c, text: three}]}"))
    assert "2 moves executed, 2 recalled" in capsys.readouterr().out
    assert {p.name for p in (run / "best").iterdir()} == {"b.mp4", "b.json", "c.mp4", "c.json"}
    assert json.loads((run / "best/c.json").read_text())["prompt"]["text"] == "three"


@pytest.mark.parametrize("damage", [lambda p: p.unlink(), lambda p: p.write_text("{"), lambda p: p.write_text("a: b")])
def test_results_of_nobody_knows_what_are_replaced(job, run, capsys, damage):
    damage(run / "config.yaml")
    begin(job(), str(run))
    assert "its config.yaml is missing or damaged" in capsys.readouterr().out and "result.json" not in files(run)


@pytest.mark.parametrize("name", ["a.mp4", "a.json"])
def test_a_damaged_film_is_made_again(job, run, capsys, name):
    whole = {p: p.read_bytes() for p in sorted(run.rglob("films/*/*"))}
    for path in whole:
        if path.suffix == Path(name).suffix:
            path.write_bytes(path.read_bytes()[:-1] + b"x")
    runs.run(job())
    assert {p: p.read_bytes() for p in whole} == whole and "0 moves executed" in capsys.readouterr().out
    assert (run / "best" / name).read_bytes() == next(d for p, d in whole.items() if p.match(f"a/*{Path(name).suffix}"))


def test_nothing_is_left_where_a_model_cannot_be_loaded(job, tmp_path):
    with pytest.raises((UsageError, TypeError)):
        runs.run(job("generator.call={nosuch: 1}"))
    assert not (tmp_path / "run").exists()
