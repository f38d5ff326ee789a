"""`raysearch doctor` on a folder of MAGI-1: what it is, what it takes, and seconds of a chunk."""

import json

import pytest

from raysearch.cli import main
from tests.generators.magi1 import tiny


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(tiny.write(tmp_path_factory.mktemp("magi1")))


SMALL = ["height=32", "width=32"]


def test_a_folder_is_known_as_magi_1_and_examined(capsys, model):
    assert main(["doctor", model, *SMALL, "call.window=1", "chunks=2", "--no-gradients", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["failures"] == {} and found["bitwise"] and found["steps"] == 8 and found["own"]
    assert found["frames"] == [48, 3, 32, 32] and found["latents"] == [1, 16, 12, 4, 4]
    assert found["chunk_s"] == pytest.approx(4 * found["step_s"], rel=5) and found["chunk_s"] > 0
    assert found["about"]["chunks"].startswith("2 of 4 steps, 1 in flight")
    assert {"best_of_n", "chunkwise"} <= set(found["strategies"])


def test_what_it_is_and_takes_is_printed_without_loading_it(capsys, model, monkeypatch):
    monkeypatch.setattr("raysearch.generators.load", None)
    assert main(["doctor", model, *SMALL, "chunks=4", "--card"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("model ") and "MAGI-1" in out and "base" in out and "GB by count" in out
    assert "chunks        4 of 16 steps, 4 in flight" in out  # 12 a chunk would be for distilled models


def test_what_is_wrong_is_one_line(capsys, model):
    assert main(["doctor", model, "height=30", "width=32", "--card"]) == 2
    assert "generator.height=30: MAGI-1 makes multiples of 16" in capsys.readouterr().err
    assert main(["doctor", model, *SMALL, "call.window=3", "--card"]) == 2
    assert "generator.call" in capsys.readouterr().err
