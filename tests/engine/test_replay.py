"""A run of which nothing is left to execute is free: nothing is started or loaded, and it ends as it did."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from raysearch import config, runs
from raysearch.cli import main
from raysearch.engine.journal import Journal
from raysearch.engine.replay import complete, replay
from raysearch.errors import UsageError
from raysearch.executors import Request
from raysearch.executors.idle import Idle
from raysearch.executors.inline import Inline
from raysearch.moves import decode
from raysearch.runs import resolve
from raysearch.runs.films import Films
from tests.fresh import heavy

ROOT = Path(__file__).parents[2]
DEMO, SWEEP = str(ROOT / "jobs/demo.yaml"), str(ROOT / "jobs/sweep_particles.yaml")
SMALL = ["prompts.heldout=2", "search.n=4", "generator.steps=2", "films=best", "cluster.executor=inline"]
OTHER = "choose={how: sum, parts: [{name: vjepa2, weight: -1}]}"  # the lowest reward


def read(run: Path) -> dict:
    return decode(json.loads((run / "result.json").read_text()))


def films(run: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in run.glob("films/*/*.mp4")}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    run = tmp_path_factory.mktemp("finished") / "run"
    assert main(["run", DEMO, f"run={run}", *SMALL]) == 0
    return run


@pytest.fixture
def broken(monkeypatch):
    """No executor can be made."""

    def refuse(*args, **options):
        raise AssertionError("an executor was made")

    monkeypatch.setattr(Inline, "__init__", refuse)
    monkeypatch.setattr("raysearch.runs.execute.executor", refuse)


def test_a_finished_run_again_makes_no_executor(finished, broken, capsys):
    first, filmed = read(finished), films(finished)
    (finished / "report.html").unlink()
    assert main(["run", DEMO, f"run={finished}", *SMALL]) == 0
    again, out = read(finished), capsys.readouterr().out
    assert again["hash"] == first["hash"] and again["searches"] == first["searches"]
    assert again["budget"]["executed"] == again["budget"]["rebuilt"] == 0 and again["budget"]["recalled"] == 8
    assert "no model is loaded" in out and "0 moves executed, 8 recalled" in out and "loading models" not in out
    assert "<video" in (finished / "report.html").read_text() and films(finished) == filmed
    assert again["budget"]["run"]["invocations"] == first["budget"]["run"]["invocations"] + 1


def test_a_part_of_a_finished_run_is_free_too(finished, broken):
    assert main(["run", DEMO, f"run={finished}", *SMALL, "prompts.heldout=1"]) == 0
    assert [s["name"] for s in read(finished)["searches"]] == ["one_ball-000"]


def test_neither_ray_nor_torch_is_imported(finished):
    """On the default executor, in a fresh interpreter; its ledger and its metrics need no Ray."""
    words = ["run", DEMO, f"run={finished}", *SMALL, "cluster.executor=ray", "cluster.generators.replicas=400"]
    loaded, printed = heavy(*words)
    assert not loaded and "no model is loaded" in printed


def test_another_choice_makes_just_the_films_it_lacks(finished, tmp_path, monkeypatch, capsys):
    first, filmed = read(finished), films(finished)
    made = []
    film = Inline._film
    monkeypatch.setattr(Inline, "_film", lambda self, job: (made.append(job.key), film(self, job))[1])
    assert main(["run", DEMO, f"run={finished}", *SMALL, OTHER]) == 0
    again = read(finished)
    lacked = {s["finals"][s["best"]]["key"] for s in again["searches"]}
    assert set(made) == lacked and len(films(finished)) == len(filmed) + 2
    assert again["budget"]["executed"] == 0 and again["budget"]["recalled"] == 8 and again["budget"]["rebuilt"] == 2
    assert lacked.isdisjoint(s["finals"][s["best"]]["key"] for s in first["searches"])
    with monkeypatch.context() as patch:
        patch.setattr(runs, "executor", None)  # either choice is free from now on
        for words, wants in (([OTHER], again), ([], first)):
            assert main(["run", DEMO, f"run={finished}", *SMALL, *words]) == 0
            assert read(finished)["hash"] == wants["hash"]


def test_where_work_is_due_checks_come_before_anything_is_written(finished, tmp_path, capsys):
    run = tmp_path / "run"
    words = ["run", DEMO, f"run={run}", *SMALL, "cluster.executor=ray", "cluster.generators.replicas=400"]
    assert main(words) == 2 and "400 generators" in capsys.readouterr().err and not run.exists()


def test_a_finished_sweep_again_makes_no_executor(tmp_path, monkeypatch, capsys):
    words = ["sweep", SWEEP, "cluster.executor=inline", "generator.steps=6", "prompts.heldout=1", "seed=0",
             "search=best_of_n,smc", f"run={tmp_path}"]  # fmt: skip
    assert main([*words, "particles=1,2"]) == 0
    table = (tmp_path / "table.csv").read_bytes()
    (tmp_path / "sweep.html").unlink()
    with monkeypatch.context() as patch:
        patch.setattr(runs, "executor", None)
        capsys.readouterr()
        assert main([*words, "particles=1,2"]) == 0
        assert "0 moves executed" in capsys.readouterr().out
    assert (tmp_path / "table.csv").read_bytes() == table and (tmp_path / "sweep.html").is_file()
    assert main([*words, "particles=1,2,4"]) == 0  # a point more is executed
    assert (tmp_path / "table.csv").read_bytes() != table


def test_a_replay_is_what_the_run_found(finished):
    job = config.load(DEMO, [f"run={finished}", *SMALL])
    journal, wants = Journal(job.run, runs.manifest(job)), read(finished)["searches"]
    ends = [replay(task, journal) for task in resolve(job).tasks()]
    assert [end.result.digest() for end in ends] == [s["hash"] for s in wants]
    assert [end.cost.nfe for end in ends] == [s["cost"]["nfe"] for s in wants]
    journal.outcomes.popitem()
    assert sum(replay(task, journal) is None for task in resolve(job).tasks()) == 1


def test_complete_leaves_the_searches_as_they_are(finished):
    job = config.load(DEMO, [f"run={finished}", *SMALL])
    journal, todo, films = Journal(job.run, runs.manifest(job)), resolve(job).tasks(), Films(job.run)
    assert complete(todo, journal, "best", films.has) and complete(todo, journal, "none", lambda *which: False)
    assert not complete(todo, journal, "all", films.has)
    assert all(replay(task, journal) is not None for task in todo)  # each still at its beginning
    unknown = [replace(task, again=None) for task in resolve(job).tasks()]
    assert not complete(unknown, journal, "best", films.has)


def test_a_film_that_vanishes_at_the_last_moment_is_told(finished):
    task = resolve(config.load(DEMO, [f"run={finished}", *SMALL])).tasks()[0]
    with pytest.raises(UsageError, match="give the same command again"):
        Idle().submit(Request("0123456789abcdef", task.prompt, None))
