"""The scorer on folders of clips."""

import json

import numpy as np
import pytest

from raysearch import cli
from raysearch.evals.physics_iq import layout, score, scorer, table
from tests.evals.physics_iq import case


def equals(mine, theirs):
    """Whether the measures are those of the official scorer, up to the order of its sums."""
    for key, measures in mine.items():
        for name, found in measures.items():
            wanted, slack = theirs[key][name], 2e-9 if "mse" in name else 4e-16
            assert np.shape(found) == np.shape(wanted)
            assert np.abs(np.subtract(found, wanted)).max() <= slack, (key, name)
    return True


@pytest.mark.parametrize("model", case.FEW)
def test_equals_the_official_table(tables, official, model):
    assert len(tables[model]) == 6 and equals(tables[model], official[model])


@pytest.mark.slow
def test_the_whole_data_set_equals_the_official_tables_and_scores(tmp_path, official):
    case.write(tmp_path, case.MODELS)
    data = layout.read(tmp_path / "physics-IQ-benchmark", 8)
    models = [scorer.folder(tmp_path / "gen" / m, data) for m in case.MODELS]
    for name, mine in zip(case.MODELS, scorer.run(data, models, tmp_path / "cache"), strict=True):
        original, verified = case.OFFICIAL[name]
        assert score.original(mine)["score"] == original
        assert score.verified(mine)["score"] == pytest.approx(verified, abs=1e-9)
        if name in official:
            assert set(mine) == set(official[name]) and equals(mine, official[name])


def score_half(root, out, *words):
    words = ["physics-iq", "score", str(root / "gen" / "half"), "--data", str(root / "physics-IQ-benchmark"), *words]
    return cli.main([*words, "--out", str(out), "--cache", str(root / "cache")])


def test_the_command_writes_the_table_and_the_scores(root, tables, tmp_path, capsys):
    assert score_half(root, tmp_path, "--workers", "0") == 0
    assert table.read_csv(tmp_path / "half.csv") == tables["half"]
    told, wanted = json.loads((tmp_path / "half.json").read_text()), score.scores(tables["half"])
    assert f"{wanted['verified']:.2f}" in capsys.readouterr().out
    assert told["original"]["score"] == wanted["original"]
    assert told["by_category"] == {"Solid Mechanics": pytest.approx(wanted)}
    assert told["interval"]["verified"][0] < wanted["verified"] < told["interval"]["verified"][1]
    assert set(told["by_perspective"]) == set(case.VIEWS)


@pytest.mark.slow
def test_ray_gives_the_same_table(root, tables, tmp_path):
    assert score_half(root, tmp_path, "--workers", "2") == 0
    assert table.read_csv(tmp_path / "half.csv") == tables["half"]


@pytest.mark.parametrize(("fps", "size"), [(16, (100, 60)), (24, (64, 36)), (30, (66, 50))])
def test_a_copy_of_take_1_scores_100_at_every_rate_and_size(tmp_path, fps, size):
    bench = case.write(tmp_path, ["take1", "half"], fps=fps, size=size, kinds=("ball-roll",))
    data = layout.read(bench, fps)
    models = [scorer.folder(tmp_path / "gen" / m, data) for m in ("take1", "half")]
    copy, half = scorer.run(data, models, tmp_path / "cache")
    assert score.scores(copy) == {"verified": pytest.approx(100, abs=1e-5), "original": 100.0}
    assert 0 < score.verified(half)["score"] < 99.9
    lengths = {len(m["v1_mse"]) for m in half.values()}
    assert lengths == {5 * fps}


def test_partial_scores_what_is_there(small, tmp_path, capsys):
    bench, folder = small
    next(iter(sorted(folder.glob("0002_*.mp4")))).unlink()
    words = ["physics-iq", "score", str(folder), "--data", str(bench), "--out", str(tmp_path / "out"), "--workers", "0"]
    assert cli.main([*words, "--cache", str(tmp_path / "cache"), "--partial"]) == 0
    told = json.loads((tmp_path / "out/take1.json").read_text())
    assert told["partial"] and told["views"] == 2 and told["of_views"] == 3
    assert len(table.read_csv(tmp_path / "out/take1.csv")) == 2
