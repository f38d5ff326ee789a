"""The two scores by hand, on a table whose scenarios have other numbers of views, as a partial run leaves it."""

from __future__ import annotations

import numpy as np
import pytest

from raysearch.errors import UsageError
from raysearch.evals.physics_iq import score
from raysearch.evals.physics_iq.layout import VIEWS
from tests.evals.physics_iq import case

LEFT, CENTER, RIGHT = VIEWS
CATEGORIES = {"a.mp4": "Solid", "b.mp4": "Fluid", "c.mp4": "Solid"}


def row(spatial, spatiotemporal, weighted, mse) -> dict:
    """A measurement: of each term the pair (of the model, of the two takes); lists are one value a frame."""
    pairs = dict(zip(score.TERMS, (spatial, spatiotemporal, weighted, mse), strict=True))
    return {name: value for t, names in score.TERMS.items() for name, value in zip(names, pairs[t], strict=True)}


@pytest.fixture
def table() -> dict:
    """Three views of a, one of b, two of c."""
    return {
        ("a.mp4", LEFT): row((0.2, 0.5), ([0.1, 0.3], [0.5, 0.5]), (0.3, 0.6), ([0.02, 0.04], [0.01, 0.02])),
        ("a.mp4", CENTER): row((0.4, 0.5), ([0.2, 0.6], [0.4, 0.4]), (0.3, 0.5), ([0.01, 0.02], [0.01, 0.02])),
        ("a.mp4", RIGHT): row((0.6, 0.5), ([0.5, 0.5], [0.6, 0.6]), (0.3, 0.4), ([0.0, 0.0], [0.02, 0.02])),
        ("b.mp4", LEFT): row((0.8, 1.0), ([0.9, 0.7], [0.8, 0.9]), (0.7, 0.9), ([0.03, 0.05], [0.03, 0.03])),
        ("c.mp4", LEFT): row((0.1, 0.25), ([0.2, 0.2], [0.3, 0.3]), (0.2, 0.3), ([0.02, 0.02], [0.04, 0.04])),
        ("c.mp4", RIGHT): row((0.3, 0.75), ([0.4, 0.2], [0.6, 0.7]), (0.4, 0.5), ([0.01, 0.01], [0.01, 0.01])),
    }


def test_the_original_score_weighs_scenarios_alike_whatever_their_number_of_views(table):
    spatial = (0.4 + 0.8 + 0.2) / 3, (0.5 + 1.0 + 0.5) / 3
    spatiotemporal = ((0.2 + 0.4 + 0.5) / 3 + 0.8 + 0.25) / 3, (0.5 + 0.85 + (0.3 + 0.65) / 2) / 3
    weighted = (0.3 + 0.7 + 0.3) / 3, (0.5 + 0.9 + 0.4) / 3
    mse = ((0.03 + 0.015 + 0.0) / 3 + 0.04 + 0.015) / 3, ((0.015 + 0.015 + 0.02) / 3 + 0.03 + 0.025) / 3
    rounded = spatial[0] / 0.66667, spatiotemporal[0] / 0.6083, weighted[0] / 0.6
    found = score.original(table)
    assert found["score"] == round(100 * (sum(rounded) / 3 - (mse[0] - 0.0239)), 2)
    plain = sum(of / by for of, by in (spatial, spatiotemporal, weighted)) / 3 - (mse[0] - mse[1])
    assert found["unrounded"] == pytest.approx(100 * plain, abs=1e-12)
    assert abs(found["unrounded"] - 100 * (sum(rounded) / 3 - (mse[0] - 0.0239))) > 1e-5  # so rounding is seen
    parts = [found[t] for t in ("spatial", "spatiotemporal", "weighted_spatial")]
    assert parts == pytest.approx([100 * r for r in rounded], abs=1e-12) and found["mse"] == pytest.approx(mse[0])


def test_the_verified_score_weighs_views_alike_and_clips_each_part(table):
    parts = {
        "spatial": [0.4, 0.8, 1.0, 0.8, 0.4, 0.4],  # .6 of .5 is clipped
        "spatiotemporal": [0.4, 1.0, 0.5 / 0.6, 0.8 / 0.85, 0.2 / 0.3, 0.3 / 0.65],
        "weighted_spatial": [0.5, 0.6, 0.75, 0.7 / 0.9, 0.2 / 0.3, 0.8],
        "mse": [0.5, 1.0, 1.0, 0.75, 1.0, 1.0],  # no error at all counts 1, and so does less than the takes have
    }
    found = score.verified(table)
    for name, values in parts.items():
        assert found[name] == pytest.approx(100 * np.mean(values), abs=1e-4), name
    assert found["score"] == pytest.approx(100 * np.mean(list(parts.values())), abs=1e-4)
    assert {k: v["total"] for k, v in score.per_view(table).items()} == pytest.approx(
        dict(zip(table, np.mean(list(parts.values()), axis=0).tolist(), strict=True)), abs=1e-5
    )


def test_values_of_frames_are_rounded_to_four_decimals_and_numbers_are_not():
    m = row((0.123456, 0.5), ([0.12344, 0.12346], [0.50004, 0.50004]), (0.123456, 0.5), ([1e-5, 1e-5], [1e-4, 1e-4]))
    found = score.terms(m)
    assert found["spatial"] == (0.123456, 0.5) and found["weighted_spatial"] == (0.123456, 0.5)
    assert found["spatiotemporal"] == pytest.approx(((0.1234 + 0.1235) / 2, 0.5), abs=1e-12)
    assert found["mse"] == (0.0, 1e-4)


def test_takes_that_do_not_move_or_do_not_differ():
    takes = {"spatial": (0.0, 0.0), "spatiotemporal": (1.0, 0.0), "weighted_spatial": (0.5, 0.5), "mse": (0.1, 0.0)}
    still = score.of_view(takes)
    assert still["spatial"] == 0.0 and still["spatiotemporal"] == 1.0
    assert still["weighted_spatial"] == pytest.approx(1.0) and still["mse"] == pytest.approx(1e-7)
    mean = {"spatial": (0.3, 0.0), "spatiotemporal": (0.3, 0.6), "weighted_spatial": (0.3, 0.6), "mse": (0.0, 0.0)}
    assert score.combine(mean)["score"] == 33.33 and score.combine(mean)["unrounded"] == pytest.approx(100 / 3)
    rounds = score.combine(mean | {"mse": (0.0, 0.00004)})
    assert rounds["score"] == 33.33 and round(rounds["unrounded"], 2) == 33.34
    for mse, wanted in ((5.0, 0.0), (-5.0, 100.0)):
        found = score.combine(mean | {"mse": (mse, 0.0)})
        assert found["score"] == found["unrounded"] == wanted


def test_the_summary_holds_each_part_of_the_table(table):
    found = score.summary(table, CATEGORIES, 20)
    assert (found["views"], found["scenarios"]) == (6, 3)
    assert found["original"] == score.original(table) and found["verified"] == score.verified(table)
    of_left = {k: m for k, m in table.items() if k[1] == LEFT}
    assert set(found["by_perspective"]) == set(VIEWS) and found["by_perspective"][LEFT] == score.scores(of_left)
    assert score.scores(of_left) == {
        "verified": score.verified(of_left)["score"], "original": score.original(of_left)["score"]
    }  # fmt: skip
    of_c = {k: m for k, m in table.items() if k[0] == "c.mp4"}
    assert list(found["by_scenario"]) == ["a.mp4", "b.mp4", "c.mp4"]
    assert found["by_scenario"]["c.mp4"] == pytest.approx(score.verified(of_c)["score"])
    of_a = {k: m for k, m in table.items() if k[0] == "a.mp4"}
    assert found["by_scenario"]["a.mp4"] == pytest.approx(score.verified(of_a)["score"])
    solid = {k: m for k, m in table.items() if k[0] != "b.mp4"}
    assert list(found["by_category"]) == ["Fluid", "Solid"] and found["by_category"]["Solid"] == score.scores(solid)
    assert "by_category" not in score.summary(table, resamples=20)
    with pytest.raises(UsageError, match="no scored clip"):
        score.summary({})


def test_the_interval_is_that_of_tables_of_scenarios_drawn_anew(table):
    """Each resample as a table of its own, its scenarios as often as they were drawn, scored as any other."""
    names, resamples = ["a.mp4", "b.mp4", "c.mp4"], 200
    draws = np.random.default_rng(0).multinomial(3, [1 / 3] * 3, size=resamples)
    original, verified = [], []
    for times in draws:
        again = {
            (f"{name}-{copy}", view): m
            for name, n in zip(names, times, strict=True) for copy in range(n)
            for (scenario, view), m in table.items() if scenario == name
        }  # fmt: skip
        original.append(score.original(again)["unrounded"])
        verified.append(score.verified(again)["score"])
    found = score.interval(table, resamples)
    assert found["original"] == pytest.approx(np.quantile(original, [0.025, 0.975]).tolist())
    assert found["verified"] == pytest.approx(np.quantile(verified, [0.025, 0.975]).tolist())
    assert score.interval({k: m for k, m in table.items() if k[0] == "a.mp4"}, 10) == {}


def test_an_interval_survives_takes_without_motion_and_scores_out_of_range(table):
    dark = {k: m | {"variance_spatial": 0.0} for k, m in table.items()}
    assert score.interval(dark, 20)["original"] == pytest.approx(
        [score.interval({k: m | {"spatial_iou_v1": 0.0} for k, m in table.items()}, 20)["original"][i] for i in (0, 1)]
    )
    bad = {k: m | {"v1_mse": [9.0]} for k, m in table.items()}
    assert score.interval(bad, 20)["original"] == [0.0, 0.0]
    good = {k: m | {"variance_mse": [9.0]} for k, m in table.items()}
    assert score.interval(good, 20)["original"] == [100.0, 100.0]


@pytest.mark.parametrize("model", ["freeze", "half", "noise"])
def test_equals_the_official_scores(official, model):
    original, verified = case.OFFICIAL[model]
    assert score.original(official[model])["score"] == original
    assert score.verified(official[model])["score"] == pytest.approx(verified, abs=1e-9)
