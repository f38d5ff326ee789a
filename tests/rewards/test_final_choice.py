"""A fused reward and a final choice in a real run on the tiny pair: best/, films, report; a second look is free."""

import json

import pytest

from raysearch import config, runs
from raysearch.errors import UsageError
from raysearch.report import write
from raysearch.runs import resolve


def job(tmp_path, **choose):
    values = {
        "run": str(tmp_path / "run"), "prompts": {"heldout": 1}, "search": {"name": "best_of_n", "n": 3},
        "generator": {"steps": 2}, "cluster": {"executor": "inline"}, "choose": choose,
        "reward": {"name": "fuse", "label": "both",
                   "parts": [{"name": "vjepa2"}, {"name": "smoothness", "weight": 0.1}]},
        "watch": ["motion", "vjepa2_features", {"name": "smoothness", "step": 2, "label": "every_other"}],
    }  # fmt: skip
    return config.typed(values, "test")


def test_the_last_word(tmp_path):
    worst = {"how": "sum", "parts": [{"name": "both", "weight": -1}]}
    (end,) = runs.run(job(tmp_path, **worst))
    found = json.loads((tmp_path / "run/result.json").read_text())
    (search,) = found["searches"]
    rewards = [o["reward"] for o in search["finals"]]
    assert found["reward"] == "both" and search["notes"]["choose"]["argmax"] == rewards.index(max(rewards))
    assert search["best"] == rewards.index(min(rewards))
    measured = search["finals"][0]["rewards"]
    assert measured["both"] == pytest.approx(measured["both.vjepa2"] + 0.1 * measured["both.smoothness"])
    assert {"motion", "every_other", "vjepa2_features._63"} <= set(measured)
    films = {k: (tmp_path / "run" / path).read_bytes() for k, path in search["films"].items()}
    assert len(films) >= 2 and end.result.finals[search["notes"]["choose"]["argmax"]].key in films
    best = tmp_path / "run/best" / f"{search['name']}.mp4"
    assert best.read_bytes() == films[end.result.winner.key]
    text = write(str(tmp_path / "run")).read_text()
    assert "Final choice" in text and "Highest reward" in text and "_63" not in text

    (again,) = runs.run(job(tmp_path, how="rank", parts=["both"]))
    budget = json.loads((tmp_path / "run/result.json").read_text())["budget"]
    assert budget["executed"] == 0 and budget["recalled"] == 3
    assert [o.key for o in again.result.finals] == [o.key for o in end.result.finals]
    assert again.result.best == search["notes"]["choose"]["argmax"]
    assert best.read_bytes() == films[again.result.winner.key] != films[end.result.winner.key]  # best/ follows
    (medoid,) = runs.run(job(tmp_path, how="consensus"))
    assert all(s < 0 for s in medoid.result.notes["choose"]["scores"])
    (plain,) = runs.run(job(tmp_path))
    assert plain.result.best == again.result.best and "choose" not in plain.result.notes
    assert "Final choice" not in write(str(tmp_path / "run")).read_text()


def test_what_cannot_be_is_told_before_anything_is_loaded(tmp_path):
    for choose, told in (
        ({"how": "rank", "parts": ["vjepa2"]}, "'vjepa2' is unknown"),  # it is both.vjepa2
        ({"how": "rank", "parts": ["both"], "at_lest": {}}, "did you mean 'at_least'"),
    ):
        with pytest.raises(UsageError, match=told):
            resolve(job(tmp_path, **choose))
    twice = job(tmp_path)
    twice.watch.append({"name": "motion"})
    with pytest.raises(UsageError, match="two are called 'motion'; give one another `label`"):
        resolve(twice)
