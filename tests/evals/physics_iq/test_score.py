"""The two scores."""

import pytest

from raysearch.evals.physics_iq import layout, score, scorer
from tests.evals.physics_iq import case


@pytest.mark.parametrize("model", case.MODELS)
def test_equals_the_official_scores(tables, model):
    original, verified = case.OFFICIAL[model]
    assert score.original(tables[model])["score"] == original
    assert score.verified(tables[model])["score"] == pytest.approx(verified, abs=1e-9)


@pytest.mark.parametrize(("fps", "size"), [(16, (200, 120)), (24, (128, 72)), (30, (130, 98))])
def test_a_copy_of_take_1_scores_100_at_every_rate_and_size(tmp_path, fps, size):
    bench = case.write(tmp_path, ["take1", "half"], fps=fps, size=size, kinds=("ball-roll",))
    data = layout.read(bench, fps)
    models = [scorer.folder(tmp_path / "gen" / m, data) for m in ("take1", "half")]
    copy, half = scorer.run(data, models, tmp_path / "cache")
    assert score.scores(copy) == {"verified": pytest.approx(100, abs=1e-5), "original": 100.0}
    assert 0 < score.verified(half)["score"] < 99
    lengths = {len(m["v1_mse"]) for m in half.values()}
    assert lengths == {5 * fps}
