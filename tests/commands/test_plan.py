"""`raysearch plan`."""

import json

import pytest

from raysearch.cli import main
from tests.test_cli import DEMO


def test_the_table_of_a_job_by_given_seconds(capsys):
    words = ["--seconds-per-nfe", "2", "--seconds-per-score", "1", "--generators", "1,4", "films=none"]
    assert main(["plan", DEMO, *words, "cluster.generators.num_gpus=1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["plans"]
    assert [p["generators"] for p in found] == [1, 4]
    assert found[0]["moves"] == 128 and found[0]["nfe"] == 128 * 12
    assert found[0]["seconds"] == pytest.approx(128 * 24, rel=0.02)
    assert found[0]["gpu_h"] == pytest.approx(found[0]["seconds"] / 3600)
    assert 3.9 < found[0]["seconds"] / found[1]["seconds"] <= 4.0
    assert main(["plan", DEMO, *words]) == 0
    assert "128 moves, 1536 network evaluations" in capsys.readouterr().out


def test_a_challenge_is_planned_as_its_runs_without_its_data(capsys):
    words = ["plan", "jobs/physics_iq_v2v.yaml", "--cluster", "clusters/gpu-node/run.yaml", "--generators"]
    assert main([*words, "8", "challenge.runs=1", "--json"]) == 0
    one = json.loads(capsys.readouterr().out)
    assert one["plans"][0]["moves"] == 198 * 16 and one["plans"][0]["rewards"] == 8
    assert one["plans"][0]["gpu_h"] == pytest.approx(327, abs=3)  # as the dry run of the challenge says
    assert main([*words, "8", "challenge.runs=2", "search.n=2"]) == 0
    told = capsys.readouterr().out
    assert "792 moves, 23760 network evaluations" in told and "2 x 2.65 PFLOP" in told
    assert "longest call: 30 evaluations and a decode, 364 s" in told and "RAM per machine" in told


def test_wrong_flags_are_one_line(capsys, tmp_path):
    for words, wants in (
        ([], "the speed of a replica cannot be computed"),
        (["--from", str(tmp_path)], "no result.json there"),
        (["--seconds-per-nfe", "1", "search.name=smx"], "did you mean 'smc'"),
    ):
        assert main(["plan", DEMO, *words]) == 2
        error = capsys.readouterr().err
        assert wants in error and error.count("\n") == 1
    for words in (["--generators", "0"], ["--seconds-per-nfe", "-1"]):
        with pytest.raises(SystemExit):
            main(["plan", DEMO, *words])
