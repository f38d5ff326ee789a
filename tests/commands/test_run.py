"""Runs from the command line: whole, again, with more candidates, with parts of one's own, stopped and gone on with."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from raysearch import config
from raysearch.cli import main
from raysearch.moves import decode
from raysearch.videos import decode as read_video
from tests.test_cli import DEMO, INLINE, ROOT, SMALL, told
from tests.waiting import PATIENCE_S, until


def test_a_strategy_of_ones_own(capsys, tmp_path, monkeypatch):
    page = (ROOT / "docs/strategies.md").read_text()
    own = page.split("```python")[1].split("```")[0] + "\n\ndef short(seed):\n    yield\n"
    (tmp_path / "my_searches.py").write_text(own)
    monkeypatch.syspath_prepend(str(tmp_path))
    words = ["run", DEMO, f"run={tmp_path / 'run'}", *SMALL, INLINE]
    assert main([*words, "search=my_searches:second_thoughts", "search.n=2"]) == 0
    found = result(tmp_path / "run")
    assert [len(s["finals"]) for s in found["searches"]] == [3, 3] and found["budget"]["executed"] == 8
    capsys.readouterr()
    for name, wants in (
        ("my_searches:first", "has no attribute 'first'"), ("nowhere:f", "No module named 'nowhere'"),
        ("my_searches:short", "takes seed, steps and its options"),
        ("my_searches:second_thoughts", "'m' is unknown; There are: "),
    ):  # fmt: skip
        code, error = told(capsys, *words, f"search={name}", "search.m=2")
        assert code == 2 and wants in error and error.count("\n") == 1


def result(run: Path) -> dict:
    return decode(json.loads((run / "result.json").read_text()))


def test_a_run_and_the_same_again(capsys, tmp_path):
    run = tmp_path / "run"
    assert main(["run", DEMO, f"run={run}", *SMALL, INLINE]) == 0
    first = result(run)
    assert first["budget"]["executed"] == 6 and first["budget"]["cost"]["nfe"] == 18
    assert [s["error"] for s in first["searches"]] == [None, None]
    names = [s["name"] for s in first["searches"]]
    assert sorted(p.name for p in (run / "best").glob("*.mp4")) == sorted(f"{n}.mp4" for n in names)
    assert len(list((run / "films").rglob("*.mp4"))) == 6
    assert len(list((run / "latents").iterdir())) == 2  # the best of each
    assert "<video" in (run / "report.html").read_text()
    best = first["searches"][0]
    assert best["finals"][best["best"]]["reward"] == max(o["reward"] for o in best["finals"])
    assert main(["run", DEMO, f"run={run}", *SMALL, INLINE]) == 0
    again = result(run)
    assert again["hash"] == first["hash"]
    assert again["budget"]["executed"] == again["budget"]["rebuilt"] == 0 and again["budget"]["recalled"] == 6


def test_the_config_of_a_run_goes_on_with_it(capsys, tmp_path):
    run = tmp_path / "run"
    assert main(["run", DEMO, f"run={run}", *SMALL, INLINE]) == 0
    first = result(run)
    assert main(["config", str(run / "config.yaml")]) == 0
    (tmp_path / "again.yaml").write_text(capsys.readouterr().out.partition("\nreport: ")[2].partition("\n")[2])
    for job in (run / "config.yaml", tmp_path / "again.yaml"):
        assert main(["run", str(job)]) == 0
        assert result(run)["hash"] == first["hash"] and result(run)["budget"]["executed"] == 0


def test_the_notebook_of_the_docs(tmp_path, monkeypatch):
    (tmp_path / "jobs").symlink_to(ROOT / "jobs")
    monkeypatch.chdir(tmp_path)
    scope: dict = {}
    exec((ROOT / "docs/how-it-works.md").read_text().split("```python")[2].split("```")[0], scope)
    assert len(scope["rows"]) == 8 and (tmp_path / "runs/notebook/report.html").is_file()
    assert {"prompt", "reward", "motion", "tinyworld_truth.trajectory_error"} <= set(scope["rows"][0])


@pytest.mark.slow
def test_the_one_line_of_the_docs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scope: dict = {}
    exec((ROOT / "docs/how-it-works.md").read_text().split("```python")[1].split("```")[0], scope)
    assert len(scope["ran"].rows) == 8 and (tmp_path / "runs/first/report.html").is_file()


def test_more_candidates_cost_only_the_new_ones(tmp_path):
    run = tmp_path / "run"
    assert main(["run", DEMO, f"run={run}", *SMALL, INLINE]) == 0
    assert main(["run", DEMO, f"run={run}", *SMALL, "search.n=5", INLINE]) == 0
    assert result(run)["budget"]["executed"] == 4 and result(run)["budget"]["recalled"] == 6


def test_another_model_in_the_same_folder_is_refused(capsys, tmp_path):
    run = tmp_path / "run"
    assert main(["run", DEMO, f"run={run}", *SMALL, INLINE]) == 0
    before = result(run)
    capsys.readouterr()
    code, error = told(capsys, "run", DEMO, f"run={run}", *SMALL, INLINE, "generator.shift=3")
    assert code == 2 and "holds another run: generator.shift was 1.5, now 3" in error and "another run=" in error
    code, error = told(capsys, "run", DEMO, f"run={run}", *SMALL, INLINE, "reward.stride=3", "watch=[motion]")
    assert code == 2 and "run: reward.stride was " in error and "now 3; watch was [" in error and "weights" not in error
    assert result(run) == before


def test_spelling_a_default_out_is_the_same_run(capsys, tmp_path):
    """And a folder made before manifests had an identity goes on with the words it was begun with."""
    run = tmp_path / "run"
    words = ["run", DEMO, f"run={run}", *SMALL, INLINE]
    assert main(words) == 0
    first, manifest = result(run), json.loads((run / "manifest.json").read_text())
    spelt = ["reward={name: vjepa2, model: tiny, preset: tiny, context: [4, 6, 8], revision: null}",
             "watch=[{name: motion, relative: false, label: motion}, tinyworld_truth]"]  # fmt: skip
    assert config.load(DEMO, spelt).watch != config.load(DEMO).watch
    assert main([*words, *spelt]) == 0
    assert result(run)["hash"] == first["hash"] and result(run)["budget"]["executed"] == 0
    capsys.readouterr()
    for other in ("reward.stride=2", "watch=[{name: motion, relative: true}, tinyworld_truth]", "watch=[motion]"):
        code, error = told(capsys, *words, other)
        assert code == 2 and "holds another run: " in error and "identity" not in error
    del manifest["rewards"]["identity"]
    (run / "manifest.json").write_text(json.dumps(manifest))
    assert main(words) == 0 and result(run)["budget"]["executed"] == 0
    code, error = told(capsys, *words, spelt[1])
    assert code == 2 and "run: watch was [" in error


def test_scores_of_files(capsys, tmp_path):
    run = tmp_path / "run"
    assert main(["run", DEMO, f"run={run}", "prompts.heldout=1", "search.n=2", "generator.steps=3", INLINE]) == 0
    best = next((run / "best").glob("*.mp4"))
    assert read_video(best)[0].shape == (17, 256, 256, 3)
    capsys.readouterr()
    assert main(["score", str(best), "--json"]) == 0
    row = json.loads(capsys.readouterr().out)["videos"][0]
    assert row["frames"] == 17 and row["fps"] == 8
    final = max(o["reward"] for o in result(run)["searches"][0]["finals"])
    assert row["reward"] == pytest.approx(final, abs=0.05)  # H.264 is lossy
    assert main(["score", "--set", "stride=4", str(best)]) == 0
    assert "surprise" in capsys.readouterr().out
    assert told(capsys, "score", "--set", "stride=4")[1].startswith("raysearch: no video is named")
    code, error = told(capsys, "score", best, "--set", "window=64", "context=8")
    assert code == 2 and "fewer than reward.window=64" in error


def outcomes_in(run: Path) -> int:
    return sum(file.read_bytes().count(b"\n") for file in run.glob("outcomes/*.jsonl"))


@pytest.mark.slow
@pytest.mark.cluster
def test_ctrl_c_in_the_middle_and_the_same_command_again(tmp_path):
    """On Ray: finished Moves are not run again, and the result is that of an undisturbed run."""
    words = [DEMO, "prompts.heldout=2", "search.n=8"]
    env = {k: v for k, v in os.environ.items() if k != "RAY_AUTH_MODE"}  # as a user has it: a token of its own
    command = [sys.executable, "-m", "raysearch.cli", "run", *words, f"run={tmp_path / 'run'}"]
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    until(
        lambda: outcomes_in(tmp_path / "run") >= 4,
        possible=lambda: process.poll() is None,
        state=lambda: process.poll() is not None and process.communicate()[0],
    )
    process.send_signal(signal.SIGINT)
    assert "give the same command again" in process.communicate(timeout=PATIENCE_S)[0]
    assert process.returncode == 130
    before = outcomes_in(tmp_path / "run")
    assert before < 16
    assert main(["run", *words, f"run={tmp_path / 'run'}", INLINE]) == 0
    budget = result(tmp_path / "run")["budget"]
    assert budget["recalled"] == before and budget["executed"] == 16 - before and budget["rebuilt"] == 0
    assert main(["run", *words, f"run={tmp_path / 'whole'}", INLINE]) == 0
    assert result(tmp_path / "run")["hash"] == result(tmp_path / "whole")["hash"]
