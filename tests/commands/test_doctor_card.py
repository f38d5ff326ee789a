"""`raysearch doctor MODEL --card`: a job's settings beside the card's, with nothing loaded."""

import json

from raysearch.cli import main

MODEL = "Wan-AI/Wan2.1-VACE-14B-diffusers"


def test_the_settings_stand_beside_those_of_the_card(capsys):
    assert main(["doctor", MODEL, "--card", "steps=30", "scheduler.flow_shift=5"]) == 0
    out = capsys.readouterr().out
    marked = [line.split()[1:4] for line in out.splitlines() if line.startswith("* ")]
    assert sorted(marked) == [["scheduler.flow_shift", "5", "16.0"], ["steps", "30", "50"]]
    assert f"card of {MODEL}" in out and "hub folder: 3" in out and "licence" in out


def test_as_json(capsys):
    assert main(["doctor", MODEL, "--card", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["steps"]["job"] == found["steps"]["card"] == 50 and found["steps"]["source"]


def test_a_model_without_a_card_is_one_line(capsys):
    assert main(["doctor", "someone/model", "--card"]) != 0
    assert "no card is known for 'someone/model'" in capsys.readouterr().err
