"""Jobs and cluster files by name: what comes along is found in any folder, and a file of the user comes first."""

from pathlib import Path

import pytest

from raysearch import builtin, config
from raysearch.cli import main

ROOT = Path(__file__).parents[2]


def test_the_built_in_files_are_those_of_the_checkout():
    assert set(builtin.jobs()) == {path.stem for path in (ROOT / "jobs").glob("*.yaml")}
    assert set(builtin.clusters()) == {"local", *(path.parent.name for path in (ROOT / "clusters").glob("*/run.yaml"))}


def test_a_name_works_in_any_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["config", "demo", "--cluster", "local", "--plain"]) == 0
    assert capsys.readouterr().out == config.to_yaml(
        config.load(str(ROOT / "jobs/demo.yaml"), [], str(ROOT / "clusters/local.yaml"))
    )


def test_a_file_of_the_user_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Path(builtin.job("demo")).name == "demo.yaml"
    (tmp_path / "demo").write_text("run: mine\n")
    assert builtin.job("demo") == "demo"


@pytest.mark.parametrize("word, wants", [
    ("dmeo", "dmeo: no such file; did you mean the built-in 'demo'? built-in jobs: challenge_tiny, "),
    ("zzz", "zzz: no such file; built-in jobs: challenge_tiny, "),
    ("jobs/zzz.yaml", "jobs/zzz.yaml: no such file\n"),
])  # fmt: skip
def test_a_name_that_is_unknown_tells_the_near_one(tmp_path, monkeypatch, capsys, word, wants):
    monkeypatch.chdir(tmp_path)
    assert main(["run", word]) == 2
    assert capsys.readouterr().err.startswith(f"raysearch: {wants}")


def test_a_built_in_job_is_submitted_with_its_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["submit", "sweep", "sweep_particles", "--address", "http://127.0.0.1:9", "run=/x", "--dry-run"]) == 0
    assert "-sweep_particles.yaml run=/x" in capsys.readouterr().out
