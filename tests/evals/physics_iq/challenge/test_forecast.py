"""The dry run of a full challenge, without data, model or GPU."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from raysearch import config
from raysearch.cli import main
from raysearch.errors import UsageError
from raysearch.evals.physics_iq.challenge import estimate
from raysearch.evals.physics_iq.challenge.forecast import Asked, disk, forecast, hours
from raysearch.runs.plan import Pace

ROOT = Path(__file__).parents[4]
NODE = "clusters/gpu-node/run.yaml"


def of(track, *words, asked=None):
    return forecast(config.load(f"jobs/physics_iq_{track}.yaml", list(words), NODE), asked or Asked())


def test_the_figures_of_video_to_video_are_those_of_the_docs():
    """As worked out by hand in docs/challenge.md."""
    found = of("v2v", "challenge.runs=1")
    total = found.total
    assert (total.prompts, total.moves, total.evaluations) == (198, 198 * 16, 198 * 16 * 30)
    assert (total.scored, total.films, total.longest, found.lost) == (198 * 16, 198 * 16, 30, 17)
    assert found.speed.pace.evaluation_s == pytest.approx(11.92, abs=0.01)
    assert hours(found) == pytest.approx(327, abs=1)
    assert [s.rewards for s in estimate.shares(found)] == [0, 1]
    assert estimate.shares(found)[0].seconds / 3600 == pytest.approx(40.9, abs=0.1)
    assert estimate.values(found)["longest_call_s"] == pytest.approx(364, abs=1)
    sizes = disk(found)
    assert sizes["latents written meanwhile"] == pytest.approx(63.3e9, rel=0.01)
    assert sizes["films"] + sizes["clips"] == pytest.approx(16.6e9, rel=0.01)
    assert sizes["cache of real clips"] == pytest.approx(51.3e9, rel=0.01)
    assert found.memory.state == 19_968_000 and found.memory.view == pytest.approx(42.9e6, rel=0.01)


def test_the_figures_of_image_to_video():
    found = of("i2v", "challenge.runs=1")
    assert found.total.evaluations == 198 * 16 * 40 and found.lost == 1 and found.scale.made == 81
    assert hours(found) == pytest.approx(276, abs=1) and found.memory.on_gpu == pytest.approx(58.8e9, rel=0.02)


def test_four_runs_take_four_times_as_much():
    one, four = of("v2v", "challenge.runs=1"), of("v2v")
    assert hours(four) == pytest.approx(4 * hours(one)) and len(four.runs) == 4


def test_a_deadline_that_kills_every_call_is_told():
    told = estimate.lines(of("i2v", "cluster.deadline_s=300", "challenge.runs=1"))
    (line,) = [line for line in told if line.startswith("longest call")]
    assert "IS TOO SHORT" in line and line.endswith("set cluster.deadline_s=600")


def test_seconds_of_a_run_take_the_place_of_computed_ones():
    found = of("v2v", "challenge.runs=1", asked=Asked(pace=Pace(20.0, 8.0, 4.0), measured="runs/a"))
    assert hours(found) == pytest.approx((95040 * 20 + 6336 * 8 + 3168 * 4) / 3600)
    assert any("20 s an evaluation: measured by runs/a" in line for line in estimate.lines(found))


def test_a_part_of_the_views():
    found = of("v2v", "challenge.runs=1", asked=Asked(limit=6))
    assert found.total.prompts == 6
    with pytest.raises(UsageError, match="--scenario 'ball': no view is left; scenarios are scenario-01"):
        of("v2v", asked=Asked(scenario="ball"))


def test_the_official_descriptions_tell_the_scenarios(tmp_path, monkeypatch):
    rows = ["scenario,description,category,generated_video_name"]
    for k in range(6):
        view, name = ("left", "center", "right")[k % 3], ("ball-ramp", "cut-orange")[k // 3]
        tail = f"perspective-{view}_trimmed-{name}.mp4"
        rows.append(f"{k + 1:04d}_perspective-{view}_take-1_trimmed-{name}.mp4,A text.,Solid,{k + 1:04d}_{tail}")
    (tmp_path / "op.csv").write_text("\n".join(rows) + "\n")
    found = of("v2v", f"challenge.descriptions={tmp_path / 'op.csv'}", asked=Asked(scenario="ball"))
    assert [v.scenario for v in found.data.views] == ["trimmed-ball-ramp.mp4"] * 3


def test_a_dry_run_says_all_of_it_and_writes_nothing(tmp_path, capsys, monkeypatch):
    words = ["challenge", "jobs/physics_iq_v2v.yaml", f"run={tmp_path / 'run'}", "--cluster", NODE, "--dry-run"]
    assert main(words) == 0
    told = capsys.readouterr().out
    for part in (
        "198 views of 5 s, 16 frames per second (counted as published", "97 made, 17 of conditioning + 80",
        "95040 network",
        "2 x 2.65 PFLOP", "GPU-hours on H100", "paired on all 8", "longest call", "GPU memory: 36.7 GB", "object store",
        "RAM per machine", "disk: about",
    ):  # fmt: skip
        assert part in told
    assert not (tmp_path / "run").exists()
    assert main([*words, "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["views"] == 198 and values["total"]["evaluations"] == 4 * 95040
    assert values["flop_per_evaluation"] == pytest.approx(5.31e15, rel=0.01)
    assert main([*words, "--seconds-per-nfe", "1.5"]) == 2
    assert "5.31 PFLOP" in capsys.readouterr().err


@pytest.mark.parametrize("track", ["v2v", "i2v"])
def test_a_dry_run_takes_seconds_and_loads_no_model_library(track):
    """CPU seconds of the whole command: what other processes take of this machine does not count."""
    code = (
        "import sys; from raysearch.cli import main; "
        f"code = main(['challenge', 'jobs/physics_iq_{track}.yaml', '--cluster', '{NODE}', '--dry-run']); "
        "loaded = {'torch', 'ray', 'diffusers', 'transformers'} & set(sys.modules); sys.exit(code or bool(loaded))"
    )
    before, began = os.times(), time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    after = os.times()
    assert done.returncode == 0, done.stderr
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    print(f"{spent:.1f} s of CPU, {time.monotonic() - began:.1f} s")
    assert spent < 10
