"""A guided job as a user runs it, and what its report says of a guide that helped and of one that hacked its reward."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from raysearch import report
from raysearch.cli import main
from raysearch.moves import Cost, Result
from raysearch.report import reading, steering
from tests.report.case import candidates, run_folder, search

JOB = str(Path(__file__).parents[2] / "jobs/guided.yaml")


def steered(root, rewards, errors, motions=(4.0, 4.0), prompts=8, baseline=True):
    """A finished guided run. rewards, errors, motions: (unguided, guided) of the chosen video, the same for all."""

    def entries(side, name):
        found = []
        for k in range(prompts):
            wobble = 0.01 * (k % 3)
            pair = candidates(
                [rewards[side] + wobble, 0.0], [errors[side] + wobble, 9.0], [motions[side] + wobble, 1.0], f"{name}{k}"
            )
            found.append(search(f"s{k}", Result.of_best(pair), films=False))
        return found

    folder = run_folder(root, entries(1, "guided"))
    result = json.loads((folder / "result.json").read_text())
    if baseline:
        plain = run_folder(root.with_name("plain"), entries(0, "plain"))
        result["unguided"] = json.loads((plain / "result.json").read_text())["searches"]
        for entry in result["searches"]:
            entry["cost"] = asdict(Cost(48, 2, 1.0, 0.5, gradients=12))
    (folder / "result.json").write_text(json.dumps(result))
    (folder / "config.yaml").write_text("search: {name: best_of_n, guide: {name: full, scale: 0.02}}\n")
    return folder


def page(folder):
    return report.write(str(folder)).read_text()


def test_a_guide_that_pleases_its_reward_alone_is_named(tmp_path):
    folder = steered(tmp_path / "run", (0.2, 0.7), (3.0, 4.5))
    (line,) = report.warnings(str(folder))
    assert "the guide raised the reward" in line and "trajectory error 3.0" in line and "search.guide.scale" in line
    text = page(folder)
    assert "Warning: the guide raised" in text and "What the guide did" in text and ">worse<" in text
    assert "96 gradients" in text
    assert "<h1>Guided best of 2 " in text
    assert "Against the same search without guide the change is +1.50 px [+1.50 to +1.50]." in text


def test_a_guide_that_freezes_the_video_is_named(tmp_path):
    (line,) = report.warnings(str(steered(tmp_path / "run", (0.2, 0.7), (3.0, 3.0), (4.0, 2.0))))
    assert "motion 4.0" in line


@pytest.mark.parametrize(
    "options",
    [
        {"rewards": (0.2, 0.7), "errors": (3.0, 2.0)},  # it helped
        {"rewards": (0.2, 0.2), "errors": (3.0, 4.0)},  # it harmed, but pleased nobody
        {"rewards": (0.2, 0.7), "errors": (3.0, 4.0), "prompts": 3},  # too few to tell
        {"rewards": (0.2, 0.7), "errors": (3.0, 3.0), "motions": (4.0, 3.9)},  # a little less motion
    ],
    ids=["helped", "harmed", "few", "calmer"],
)
def test_otherwise_nobody_cries_wolf(tmp_path, options):
    folder = steered(tmp_path / "run", **options)
    assert report.warnings(str(folder)) == []
    text = page(folder)
    assert "Warning:" not in text and "What the guide did" in text and "Nothing corrects it" in text


def test_without_a_baseline_the_page_says_what_it_cannot_tell(tmp_path):
    folder = steered(tmp_path / "run", (0.2, 0.7), (3.0, 4.0), baseline=False)
    assert "has no unguided baseline" in page(folder) and report.warnings(str(folder)) == []
    plain = run_folder(tmp_path / "plain", [search("a", Result.of_best(candidates([0.1, 0.2])))])
    assert "unguided baseline" not in page(plain) and "What the guide did" not in page(plain)


def test_a_guided_run_from_job_to_report(tmp_path, capsys):
    words = ["prompts.heldout=1", "search.n=2", "generator.steps=3", "films=none", "cluster.executor=inline"]
    run = tmp_path / "run"
    assert main(["run", JOB, f"run={run}", *words]) == 0
    result = json.loads((run / "result.json").read_text())
    (guided,), (plain,) = result["searches"], result["unguided"]
    assert plain["name"] == f"{guided['name']}-unguided" and plain["cost"]["gradients"] == 0
    assert guided["cost"] | {"generate_s": 0, "reward_s": 0} == {
        "nfe": 2 * (3 + 2), "reward_calls": 2, "gradients": 2 * 2, "generate_s": 0, "reward_s": 0,
    }  # fmt: skip
    rewards = [[o["reward"] for o in e["finals"]] for e in (plain, guided)]
    assert sum(rewards[1]) > sum(rewards[0])
    effects = steering.effects(reading.read(str(run)))
    assert effects[0].measure.key is None and effects[0].change > 0
    assert {"motion", "tinyworld_truth.trajectory_error"} <= {e.measure.key for e in effects}
    first = result["hash"]
    assert main(["run", JOB, f"run={run}", *words]) == 0
    assert "0 moves executed" in capsys.readouterr().out
    assert json.loads((run / "result.json").read_text())["hash"] == first


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["search.guide=cheep"], "did you mean 'cheap'"),
        (["search.guide.scale=-1"], "search.guide.scale=-1: give a number of at least 0"),
        (["cluster.guide_from=elsewhere"], "cluster.guide_from: 'elsewhere' is unknown; There are: colocated, remote"),
        (["search.name=smc", "search.guide.strict=false"], "set guide.strict = true"),
        (["search.name=smc", "search.kernel=ode", "search.prune=true"], "has no noise at any guided step"),
    ],
    ids=lambda v: v[0] if isinstance(v, list) else "",
)
def test_a_wrong_guide_is_one_line(tmp_path, capsys, words, told):
    assert main(["run", JOB, f"run={tmp_path / 'run'}", "cluster.executor=inline", *words]) == 2
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1 and not (tmp_path / "run").exists()


def test_a_reward_without_gradient_cannot_guide(tmp_path, capsys):
    job = tmp_path / "job.yaml"
    job.write_text(
        Path(JOB).read_text().replace("reward: {name: vjepa2, model: tiny}", "reward: {name: tinyworld_truth}")
    )
    assert main(["run", str(job), f"run={tmp_path / 'run'}", "watch=[]"]) == 2
    assert (
        "search.guide: reward.name='tinyworld_truth' has no gradient; choose one of breaks, flicker"
        in capsys.readouterr().err
    )
