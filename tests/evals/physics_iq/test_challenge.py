"""The challenge on the stand-in: killed in the middle and gone on with, it finds what an undisturbed one finds."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from raysearch import cli, config, runs
from raysearch.errors import UsageError
from raysearch.evals.physics_iq import layout, scorer, standin, table
from raysearch.evals.physics_iq.challenge import run, settings
from raysearch.evals.preference.items import read_pairs
from raysearch.videos import decode

WORDS = ["cluster.executor=inline", "search.n=3", "challenge.scenarios=1", "challenge.workers=0",
         "generator.steps=4",
         "challenge.strategies=[{name: halving, n: 3}]"]  # fmt: skip
JOB = "jobs/challenge_tiny.yaml"


def job(folder, *words):
    return config.load(JOB, [*WORDS, f"run={folder}", *words])


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An undisturbed challenge, two runs."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    return folder, run.run(job(folder, "challenge.runs=2"))


@pytest.mark.slow
def test_killed_and_resumed_finds_the_same(whole, tmp_path):
    folder = tmp_path / "run"
    words = [*WORDS, f"run={folder}", "challenge.runs=2"]
    command = [sys.executable, "-m", "raysearch.cli", "challenge", JOB, *words]
    for pattern, enough in (("best_of_n/run_01/outcomes/*", 4), ("best_of_n/run_01/scores/*.json", 2)):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 240
            while time.monotonic() < deadline and process.poll() is None:
                lines = sum(p.read_bytes().count(b"\n") or 1 for p in folder.glob(pattern))
                if lines >= enough:
                    break
                time.sleep(0.02)
            assert process.poll() is None, "it ended before it could be killed"
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        assert not (folder / "challenge.json").exists()
    found = run.run(job(folder, "challenge.runs=2"))
    assert found["hash"] == whole[1]["hash"]
    assert not list(folder.rglob("*.partial"))


def test_a_finished_challenge_again_makes_no_executor(whole, monkeypatch):
    folder, found = whole
    monkeypatch.setattr(runs, "executor", None)
    again = run.run(job(folder, "challenge.runs=2"))
    assert again["hash"] == found["hash"] and len(again["costs"]) == 4


def test_what_it_leaves_behind(whole):
    folder, found = whole
    systems = found["systems"]
    assert list(systems) == ["base", "best_of_n", "halving"] and found["views"] == 3 and not found["partial"]
    assert all(0 < s["score"]["mean"] < 100 and s["score"]["std"] is not None for s in systems.values())
    for name in ("best_of_n", "halving"):
        root = folder / "submission" / name
        card = yaml.safe_load((root / "submission.yaml").read_text())
        assert card["bon_sampling"] == 3 if name == "best_of_n" else card["bon_sampling"] >= 1
        assert name in card["bon_sampling_method"] and card["input_type"] == "v2v" and card["runs"] == 2
        assert card["reported"]["score"]["mean"] == round(systems[name]["score"]["mean"], 2)
        assert card["resolution"] == "256x256" and "nearest" in card["upscaled"]
    pairs = read_pairs(folder / "pairs.jsonl")
    assert all(Path(p.video_a).read_bytes() != Path(p.video_b).read_bytes() for p in pairs)
    assert 1 <= len(pairs) <= 3 and {p.a for p in pairs} == {"base"} and {p.b for p in pairs} == {found["best"]}
    text = (folder / "challenge.html").read_text()
    assert "stand-in" in text and "<svg" in text and "halving" in text
    links = re.findall(r'href="([^"]+)"', text)
    assert links and all((folder / link).is_file() for link in links)


def test_the_folder_to_submit_scores_what_the_card_says(whole):
    """The ordinary scorer, on the exported files alone, must come to the table that the challenge wrote."""
    folder, _ = whole
    data = layout.read(folder / "data/physics-IQ-benchmark", 8)
    for number in (1, 2):
        name = f"best_of_n-op-run_{number:02d}"
        model = scorer.folder(folder / "submission/best_of_n/runs" / name, data)
        assert [p.name for p in model.clips.values()] == [v.name for v in data.views]
        assert scorer.run(data, [model], folder / "cache")[0] == table.read_csv(folder / "results" / f"{name}.csv")


def test_curves_agree_with_what_was_chosen(whole):
    """At N = all, best-of-N by the searched reward is what the search chose; at N = 1 every selector is chance."""
    _, found = whole
    pool = found["pools"]["best_of_n/run_01"]["curves"]
    chosen = found["systems"]["best_of_n"]["run_01"]
    assert pool["n"] == [1, 2, 3]
    assert pool["vjepa2"]["verified"][-1] == pytest.approx(chosen["verified"]["score"])
    assert pool["vjepa2"]["original"][-1] == pytest.approx(chosen["original"]["score"], abs=0.011)
    assert {round(c["verified"][0], 9) for k, c in pool.items() if k != "n"} == {
        round(pool["oracle"]["verified"][0], 9)
    }
    assert all(b >= a for a, b in zip(pool["oracle"]["verified"], pool["oracle"]["verified"][1:], strict=False))
    assert set(found["pools"]["best_of_n/run_01"]["correlations"]) == {"vjepa2", "motion"}


def test_partial_reports_what_is_finished(whole, tmp_path):
    folder = tmp_path / "run"
    run.run(job(folder, "challenge.strategies=[]"), limit=2)
    found = run.run(job(folder, "challenge.strategies=[]"), partial=True)
    assert found["partial"] and (found["views"], found["of_views"]) == (2, 3)
    with pytest.raises(UsageError, match="no view is finished in every run"):
        run.run(job(folder, "challenge.strategies=[{name: smc}]", "challenge.runs=3"), partial=True)


def test_a_dry_run_counts_what_a_run_does(whole, tmp_path, capsys):
    _, found = whole
    words = [JOB, *WORDS, f"run={tmp_path / 'dry'}", "--dry-run", "--seconds-per-nfe", "36"]
    assert cli.main(["challenge", *words]) == 0
    told = capsys.readouterr().out
    nfe = {n: found["costs"][f"{n}/run_01"]["nfe"] for n in ("best_of_n", "halving")}
    assert f"best_of_n, run 1: 3 prompts, 9 moves, {nfe['best_of_n']} network evaluations" in told
    assert f"{nfe['halving']} network evaluations" in told
    assert f"{sum(nfe.values()) * 36 / 3600:.1f} GPU-hours" in told
    assert not (tmp_path / "dry" / "best_of_n").exists()


def test_views_are_picked(tmp_path):
    data = layout.read(standin.write(tmp_path, 2), 8)
    assert [v.id for v in settings.pick(data, None, "two").views] == [4, 5, 6]
    assert [v.id for v in settings.pick(data, 2, "two").views] == [4, 5]
    with pytest.raises(UsageError, match="no view is left"):
        settings.pick(data, None, "three")
    with pytest.raises(UsageError, match="--limit 0: at least 1 view"):
        settings.pick(data, 0, None)


def test_the_stand_in_is_the_same_every_time(tmp_path):
    one, two = (standin.write(tmp_path / n, 1) for n in "ab")
    files = [sorted(p.relative_to(r) for p in r.rglob("*") if p.is_file()) for r in (one, two)]
    assert files[0] == files[1] and all((one / f).read_bytes() == (two / f).read_bytes() for f in files[0])
    assert len([f for f in files[0] if f.suffix == ".mp4"]) == 12
    takes = layout.read(one, 8).views[0].real
    assert decode(takes[1])[0].shape == decode(takes[2])[0].shape == (12, 256, 256, 3)
    with pytest.raises(UsageError, match="other settings"):
        standin.write(tmp_path / "a", 2)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("challenge.trakc=v2v", "key 'challenge.trakc' is unknown; did you mean 'challenge.track'"),
        ("challenge.track=t2v", "challenge.track: 't2v'"),
        ("challenge.runs=5", "challenge.runs=5"),
        ("challenge.runs=four", "challenge.runs='four': give 1, or up to 4"),
        ("challenge.strategies=[{name: best_of_n}]", "two are called 'best_of_n'"),
        ("challenge.strategies=[{n: 3}]", "has no name"),
        ("challenge.data=/nowhere", "/nowhere/split-videos/testing/8FPS: no such folder"),
    ],
)
def test_a_wrong_job_is_one_line(tmp_path, capsys, word, message):
    assert cli.main(["challenge", JOB, *WORDS, f"run={tmp_path}", word]) == 2
    assert message in capsys.readouterr().err and not Path(tmp_path / "best_of_n").exists()
